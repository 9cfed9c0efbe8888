/*
 * Canonical mode to the byte: what a line becomes by editing it, what of it is shown, where one
 * read ends; and what becomes of output. Each case types keys, reads lines and compares the screen.
 * Sources: POSIX.1-2017 chapter 11 (11.1.6 canonical mode, 11.1.9 special characters, 11.2 flags);
 * termios(3).
 */
#include "tty.h"

#define ERASE "\x7f"
#define KILL "\x15"
#define WERASE "\x17"
#define END "\x04"
#define LNEXT "\x16"
#define REPRINT "\x12"
#define RUB "\b \b"

struct edit {
	const char *typed, *line, *screen;
};

/* Makes the flags of a fresh pty those of one with these switched off and on. */
struct change {
	tcflag_t ioff, ion, ooff, oon, loff, lon;
};

static void apply(int fd, const struct change *change)
{
	struct termios modes = modes_of(fd);

	modes.c_iflag = (modes.c_iflag & ~change->ioff) | change->ion;
	modes.c_oflag = (modes.c_oflag & ~change->ooff) | change->oon;
	modes.c_lflag = (modes.c_lflag & ~change->loff) | change->lon;
	modes.c_cc[VEOL] = '!';
	modes.c_cc[VEOL2] = '@';
	CHECK_EQ(tcsetattr(fd, TCSANOW, &modes), 0);
}

static void check_edits(const char *what, const struct change *change, const struct edit *edits,
			size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct pty pty = pty_new();

		CONTEXT("%s, case %zu: \"%s\"", what, i,
			quoted(edits[i].typed, strlen(edits[i].typed)));
		apply(pty.slave, change);
		type(pty, edits[i].typed);
		CHECK_READ(pty.slave, edits[i].line);
		CHECK_SCREEN(pty, edits[i].screen);
		pty_free(pty);
	}
}

#define CHECK_EDITS(initializer, ...)                                                              \
	do {                                                                                       \
		static const struct edit edits_[] = { __VA_ARGS__ };                               \
		check_edits(#initializer, &(struct change)initializer, edits_,                     \
			    ARRAY_SIZE(edits_));                                                   \
	} while (0)

#define NO_CHANGE                                                                                  \
	{                                                                                          \
		0                                                                                  \
	}
#define OFF(flags)                                                                                 \
	{                                                                                          \
		.loff = (flags)                                                                    \
	}
#define ON(flags)                                                                                  \
	{                                                                                          \
		.lon = (flags)                                                                     \
	}

TEST(a_line_is_echoed_and_read)
{
	CHECK_EDITS(NO_CHANGE, { "hello\n", "hello\n", "hello\r\n" }, { "\n", "\n", "\r\n" },
		    { "a\tb\n", "a\tb\n", "a\tb\r\n" }, { "a\x01z\n", "a\x01z\n", "a^Az\r\n" },
		    { "\x1b[A\n", "\x1b[A\n", "^[[A\r\n" },
		    { "\xff\x80\n", "\xff\x80\n", "\xff\x80\r\n" }, { "cr\r", "cr\n", "cr\r\n" });
}

TEST(erase)
{
	CHECK_EDITS(NO_CHANGE, { "abx" ERASE "c\n", "abc\n", "abx" RUB "c\r\n" },
		    { ERASE "a\n", "a\n", "a\r\n" },
		    { "a" ERASE ERASE ERASE "b\n", "b\n", "a" RUB "b\r\n" },
		    { "a\x01" ERASE "b\n", "ab\n", "a^A" RUB RUB "b\r\n" },
		    /* a byte with the high bit is a character where IUTF8 is off */
		    { "a\xc3\xa4" ERASE "b\n",
		      "a\xc3"
		      "b\n",
		      "a\xc3\xa4" RUB "b\r\n" });
}

TEST(erase_of_a_tab_goes_back_to_where_it_started)
{
	CHECK_EDITS(
		NO_CHANGE, { "\t" ERASE "x\n", "x\n", "\t\b\b\b\b\b\b\b\bx\r\n" },
		{ "abc\t" ERASE "x\n", "abcx\n", "abc\t\b\b\b\b\bx\r\n" },
		{ "a\tbc\t" ERASE "x\n", "a\tbcx\n", "a\tbc\t\b\b\b\b\b\bx\r\n" },
		{ "a\x01\t" ERASE "x\n", "a\x01x\n", "a^A\t\b\b\b\b\bx\r\n" },
		{ "a\t\t" KILL "x\n", "x\n", "a\t\t\b\b\b\b\b\b\b\b\b\b\b\b\b\b\b" RUB "x\r\n" });
}

/* The column counts from where the line began on the screen, after a prompt for instance. */
TEST(erase_of_a_tab_after_a_prompt)
{
	struct pty pty = pty_new();

	write_bytes(pty.slave, "ok> ", 4);
	type(pty, "a\t" ERASE "\n");
	CHECK_READ(pty.slave, "a\n");
	CHECK_SCREEN(pty, "ok> a\t\b\b\b\r\n");
	pty_free(pty);
}

TEST(erase_of_utf8)
{
	struct change utf8 = { .ion = IUTF8 };
	static const struct edit edits[] = {
		{ "a\xc3\xa4" ERASE "b\n", "ab\n", "a\xc3\xa4" RUB "b\r\n" },
		{ "\xe2\x82\xac\xe2\x82\xac" ERASE "b\n",
		  "\xe2\x82\xac"
		  "b\n",
		  "\xe2\x82\xac\xe2\x82\xac" RUB "b\r\n" },
		{ "a \xc3\xa4\xc3\xa4" WERASE "b\n", "a b\n",
		  "a \xc3\xa4\xc3\xa4" RUB RUB "b\r\n" },
		{ "\xc3\xa4\t" ERASE "b\n",
		  "\xc3\xa4"
		  "b\n",
		  "\xc3\xa4\t\b\b\b\b\b\b\bb\r\n" },
		/* bytes that begin no character are not erased */
		{ "\xa4\xa4" ERASE "b\n",
		  "\xa4\xa4"
		  "b\n",
		  "\xa4\xa4"
		  "b\r\n" },
	};

	check_edits("IUTF8", &utf8, edits, ARRAY_SIZE(edits));
}

TEST(kill_a_line)
{
	CHECK_EDITS(NO_CHANGE, { "abc" KILL "d\n", "d\n", "abc" RUB RUB RUB "d\r\n" },
		    { KILL "d\n", "d\n", "d\r\n" },
		    { "a\x02" KILL "d\n", "d\n", "a^B" RUB RUB RUB "d\r\n" });
	CHECK_EDITS(OFF(ECHOKE), { "abc" KILL "d\n", "d\n", "abc^U\r\nd\r\n" });
	CHECK_EDITS(OFF(ECHOE), { "abc" KILL "d\n", "d\n", "abc^U\r\nd\r\n" });
	CHECK_EDITS(OFF(ECHOK), { "abc" KILL "d\n", "d\n", "abc^Ud\r\n" });
	CHECK_EDITS(OFF(ECHOKE | ECHOCTL), { "abc" KILL "d\n", "d\n", "abc\x15\r\nd\r\n" });
}

TEST(erase_a_word)
{
	CHECK_EDITS(
		NO_CHANGE, { "one two" WERASE "x\n", "one x\n", "one two" RUB RUB RUB "x\r\n" },
		{ "one two  " WERASE "x\n", "one x\n", "one two  " RUB RUB RUB RUB RUB "x\r\n" },
		{ "a_1" WERASE "x\n", "x\n", "a_1" RUB RUB RUB "x\r\n" },
		{ "a.b" WERASE "x\n", "a.x\n", "a.b" RUB "x\r\n" },
		{ "a.." WERASE "x\n", "x\n", "a.." RUB RUB RUB "x\r\n" },
		{ "a\xd7z" WERASE "x\n", "a\xd7x\n", "a\xd7z" RUB "x\r\n" },
		{ WERASE "x\n", "x\n", "x\r\n" });
	/* without IEXTEN it is a character as any other */
	CHECK_EDITS(OFF(IEXTEN), { "one two" WERASE "x\n", "one two\x17x\n", "one two^Wx\r\n" });
}

TEST(erase_without_echoe_shows_the_character)
{
	CHECK_EDITS(OFF(ECHOE), { "ab" ERASE "c\n", "ac\n", "ab^?c\r\n" },
		    { "ab" WERASE "c\n", "c\n", "ab" RUB RUB "c\r\n" });
	CHECK_EDITS(OFF(ECHOE | ECHOCTL), { "ab" ERASE "c\n", "ac\n",
					    "ab\x7f"
					    "c\r\n" });
}

TEST(erase_as_on_paper)
{
	CHECK_EDITS(ON(ECHOPRT), { "abc" ERASE ERASE "d\n", "ad\n", "abc\\cb/d\r\n" },
		    { "ab" ERASE ERASE ERASE "d\n", "d\n", "ab\\ba/d\r\n" },
		    { "a\x01" ERASE "d\n", "ad\n", "a^A\\^A/d\r\n" },
		    { "ab" ERASE "\n", "a\n", "ab\\b\r\n" },
		    { "ab" ERASE REPRINT "\n", "a\n", "ab\\b/^R\r\na\r\n" });
}

TEST(reprint)
{
	CHECK_EDITS(NO_CHANGE, { "abx" ERASE REPRINT "c\n", "abc\n", "abx" RUB "^R\r\nabc\r\n" },
		    { REPRINT "c\n", "c\n", "^R\r\nc\r\n" },
		    { "a\t\x01" REPRINT ERASE ERASE "c\n", "ac\n",
		      "a\t^A^R\r\na\t^A" RUB RUB "\b\b\b\b\b\b\bc\r\n" });
	CHECK_EDITS(OFF(IEXTEN), { "a" REPRINT "\n", "a\x12\n", "a^R\r\n" });
	CHECK_EDITS(OFF(ECHO), { "a" REPRINT "\n", "a\x12\n", "" });
}

TEST(literal_next)
{
	CHECK_EDITS(NO_CHANGE,
		    { "a" LNEXT ERASE "b\n",
		      "a\x7f"
		      "b\n",
		      "a^\b^?b\r\n" },
		    { "a" LNEXT END "\n", "a\x04\n", "a^\b^D\r\n" },
		    { "a" LNEXT "\nb\n", "a\nb\n", "a^\b^Jb\r\n" },
		    { "a" LNEXT "\rb\n", "a\rb\n", "a^\b^Mb\r\n" },
		    { "a" LNEXT "\x03"
		      "b\n",
		      "a\x03"
		      "b\n",
		      "a^\b^Cb\r\n" },
		    { "a" LNEXT LNEXT "b\n",
		      "a\x16"
		      "b\n",
		      "a^\b^Vb\r\n" },
		    { "a" LNEXT "!b\n", "a!b\n", "a^\b!b\r\n" });
	CHECK_EDITS(OFF(ECHOCTL), { "a" LNEXT "\x01\n", "a\x01\n", "a\x01\r\n" });
	CHECK_EDITS(OFF(ECHO), { "a" LNEXT ERASE "\n", "a\x7f\n", "" });
	CHECK_EDITS(OFF(IEXTEN), { "a" LNEXT ERASE "\n", "a\n", "a^V" RUB RUB "\r\n" });
}

TEST(more_line_ends)
{
	CHECK_EDITS(NO_CHANGE, { "ab!", "ab!", "ab!" }, { "ab@", "ab@", "ab@" });
	CHECK_EDITS(OFF(IEXTEN), { "ab@c\n", "ab@c\n", "ab@c\r\n" });
	CHECK_EDITS(OFF(ECHO), { "ab!", "ab!", "" });
}

TEST(echo_off)
{
	CHECK_EDITS(OFF(ECHO), { "abc" ERASE "\n", "ab\n", "" }, { "abc" KILL "d\n", "d\n", "" },
		    { "one two" WERASE "\n", "one \n", "" });
	/* the newline alone */
	static const struct change newline = { .loff = ECHO, .lon = ECHONL };
	static const struct edit edits[] = { { "abc\n", "abc\n", "\r\n" }, { "abc!", "abc!", "" } };
	check_edits("ECHONL", &newline, edits, ARRAY_SIZE(edits));
}

TEST(echo_of_control_characters_as_they_are)
{
	CHECK_EDITS(OFF(ECHOCTL),
		    { "a\x01" ERASE "b\n", "ab\n",
		      "a\x01"
		      "b\r\n" },
		    { "\x02\x07\n", "\x02\x07\n", "\x02\x07\r\n" });
}

TEST(input_flags)
{
	static const struct {
		const char *what;
		struct change change;
		struct edit edit;
	} rows[] = {
		{ "no ICRNL", { .ioff = ICRNL }, { "a\rb\n", "a\rb\n", "a^Mb\r\n" } },
		{ "INLCR", { .ion = INLCR }, { "a\nb\r", "a\rb\n", "a^Mb\r\n" } },
		{ "IGNCR", { .ion = IGNCR }, { "a\rb\n", "ab\n", "ab\r\n" } },
		{ "ISTRIP", { .ion = ISTRIP }, { "\xe1\xe2\n", "ab\n", "ab\r\n" } },
		{ "ISTRIP before special characters",
		  { .ion = ISTRIP },
		  { "ab\xff\x8a", "a\n", "ab" RUB "\r\n" } },
		{ "IUCLC", { .ion = IUCLC }, { "AbC\n", "abc\n", "abc\r\n" } },
		{ "IUCLC without IEXTEN",
		  { .ion = IUCLC, .loff = IEXTEN },
		  { "AbC\n", "AbC\n", "AbC\r\n" } },
		{ "PARMRK", { .ion = PARMRK }, { "a\xff\n", "a\xff\xff\n", "a\xff\r\n" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		check_edits(rows[i].what, &rows[i].change, &rows[i].edit, 1);
	}
}

/* ---- where a read ends ----------------------------------------------------------------------- */

TEST(a_read_takes_one_line)
{
	struct pty pty = pty_new();

	type(pty, "one\ntwo\n\nthree\n");
	await_input(pty.slave, 15);
	CHECK_READ(pty.slave, "one\n");
	CHECK_READ(pty.slave, "two\n");
	CHECK_READ(pty.slave, "\n");
	CHECK_READ(pty.slave, "three\n");
	pty_free(pty);
}

TEST(a_short_read_leaves_the_rest_of_the_line)
{
	struct pty pty = pty_new();

	type(pty, "abcdef\ng\n");
	await_input(pty.slave, 9);
	CHECK_READ_N(pty.slave, 0, "", 0);
	CHECK_READ_N(pty.slave, 4, "abcd", 4);
	CHECK_EQ(readable_bytes(pty.slave), 5);
	CHECK_READ(pty.slave, "ef\n");
	CHECK_READ_N(pty.slave, 2, "g\n", 2);
	CHECK_EQ(readable_bytes(pty.slave), 0);
	pty_free(pty);
}

TEST(an_unfinished_line_cannot_be_read)
{
	struct pty pty = pty_new();
	char byte;

	CHECK_EQ(fcntl(pty.slave, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	CHECK_ERRNO(read(pty.slave, &byte, 1), EAGAIN);
	type(pty, "abc");
	read_bytes(pty.master, (char[3]){ 0 }, 3); /* the echo: it has arrived */
	CHECK_ERRNO(read(pty.slave, &byte, 1), EAGAIN);
	CHECK_EQ(readable_bytes(pty.slave), 0);
	CHECK_EQ(events_of(pty.slave), POLLOUT);
	type(pty, "\n");
	CHECK_EQ(await_events(pty.slave, POLLIN), POLLIN);
	CHECK_READ(pty.slave, "abc\n");
	pty_free(pty);
}

TEST(end_of_file)
{
	struct pty pty = pty_new();

	type(pty, END);
	CHECK_READ(pty.slave, "");
	type(pty, "abc" END);
	CHECK_READ(pty.slave, "abc");
	type(pty, "abc" END END "d\n");
	CHECK_READ(pty.slave, "abc");
	CHECK_READ(pty.slave, "");
	CHECK_READ(pty.slave, "d\n");
	/* a read that just takes the whole line takes its end, too */
	type(pty, "abcd" END "ef\n");
	CHECK_READ_N(pty.slave, 4, "abcd", 4);
	CHECK_READ(pty.slave, "ef\n");
	type(pty, "abcd\n" END "x\n");
	CHECK_READ_N(pty.slave, 4, "abcd", 4);
	CHECK_READ(pty.slave, "\n");
	CHECK_READ(pty.slave, "");
	CHECK_READ(pty.slave, "x\n");
	CHECK_SCREEN(pty, "abcabcd\r\nabcdef\r\nabcd\r\nx\r\n");
	pty_free(pty);
}

TEST(an_end_of_file_is_no_byte_for_fionread)
{
	struct pty pty = pty_new();

	type(pty, "ab" END "c\n");
	await_input(pty.slave, 4);
	CHECK_EQ(readable_bytes(pty.slave), 4);
	CHECK_READ(pty.slave, "ab");
	CHECK_EQ(readable_bytes(pty.slave), 2);
	pty_free(pty);
}

TEST(special_characters_can_be_changed_and_switched_off)
{
	struct pty pty = pty_new();
	struct termios modes = modes_of(pty.slave);

	modes.c_cc[VERASE] = '#';
	modes.c_cc[VKILL] = _POSIX_VDISABLE;
	modes.c_cc[VEOF] = 'e';
	CHECK_EQ(tcsetattr(pty.slave, TCSANOW, &modes), 0);
	write_bytes(pty.master, "ab#" KILL END ERASE "\0e", 8);
	CHECK_READ_N(pty.slave, 100, "a" KILL END ERASE "\0", 5);
	CHECK_SCREEN(pty, "ab" RUB "^U^D^?^@");
	pty_free(pty);
}

/* Of a line that is too long the first 4095 bytes are kept, and its end. */
TEST(a_long_line)
{
	static char keys[5001], line[4097];
	struct pty pty = pty_new();

	change_lflag(pty.slave, ECHO, 0);
	for (size_t i = 0; i < 5000; i++)
		keys[i] = (char)('a' + i % 26);
	keys[5000] = '\n';
	write_bytes(pty.master, keys, sizeof(keys));
	memcpy(line, keys, 4095);
	line[4095] = '\n';
	CHECK_READ_N(pty.slave, sizeof(line), line, 4096);
	type(pty, "next\n");
	CHECK_READ(pty.slave, "next\n");
	pty_free(pty);
}

TEST(a_long_line_can_be_erased)
{
	static char keys[5000];
	struct pty pty = pty_new();

	change_lflag(pty.slave, ECHO, 0);
	memset(keys, 'x', sizeof(keys));
	write_bytes(pty.master, keys, sizeof(keys));
	type(pty, KILL "new\n");
	CHECK_READ(pty.slave, "new\n");
	write_bytes(pty.master, keys, 4095);
	type(pty, ERASE "y\n");
	memset(keys, 'x', 4094);
	memcpy(keys + 4094, "y\n", 2);
	CHECK_READ_N(pty.slave, 5000, keys, 4096);
	pty_free(pty);
}

/* ---- output ---------------------------------------------------------------------------------- */

TEST(output_flags)
{
	static const struct {
		const char *what;
		tcflag_t off, on;
		const char *written, *screen;
	} rows[] = {
		{ "as it is at first", 0, 0, "a\nb\rc\td\be\n", "a\r\nb\rc\td\be\r\n" },
		{ "no OPOST", OPOST, XTABS | OCRNL, "a\nb\rc\t", "a\nb\rc\t" },
		{ "no ONLCR", ONLCR, 0, "a\nb\r\n", "a\nb\r\n" },
		{ "OCRNL", ONLCR, OCRNL, "a\rb\r\n", "a\nb\n\n" },
		{ "OCRNL and ONLCR", 0, OCRNL, "a\rb\n", "a\nb\r\n" },
		{ "ONOCR", ONLCR, ONOCR, "\ra\r\rb\n\rc", "a\rb\n\rc" },
		{ "ONOCR with ONLRET", ONLCR, ONOCR | ONLRET, "\ra\r\rb\n\rc", "a\rb\nc" },
		{ "ONOCR after ONLCR", 0, ONOCR, "a\n\rb", "a\r\nb" },
		{ "XTABS", 0, XTABS, "\ta\tbcdefgh\tijklmnopq\tr",
		  "        a       bcdefgh ijklmnopq       r" },
		{ "XTABS after a newline", 0, XTABS, "abc\n\tx", "abc\r\n        x" },
		{ "XTABS without ONLCR", ONLCR, XTABS, "abc\n\tx\r\ty", "abc\n     x\r        y" },
		{ "XTABS after a backspace", 0, XTABS, "abc\b\tx", "abc\b      x" },
		{ "XTABS after a control character", 0, XTABS, "a\x1b\tx", "a\x1b       x" },
		{ "XTABS after a byte above 127", 0, XTABS, "\xc3\xa4\tx", "\xc3\xa4      x" },
		{ "OLCUC", 0, OLCUC, "abC1\n", "ABC1\r\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct pty pty = pty_new();
		struct termios modes = modes_of(pty.slave);

		CONTEXT("%s", rows[i].what);
		modes.c_oflag = (modes.c_oflag & ~rows[i].off) | rows[i].on;
		CHECK_EQ(tcsetattr(pty.slave, TCSANOW, &modes), 0);
		size_t n = strlen(rows[i].written);
		CHECK_EQ(write(pty.slave, rows[i].written, n), n);
		CHECK_SCREEN(pty, rows[i].screen);
		pty_free(pty);
	}
}

TEST(utf8_takes_a_column_for_each_character)
{
	struct pty pty = pty_new();
	struct termios modes = modes_of(pty.slave);

	modes.c_iflag |= IUTF8;
	modes.c_oflag |= XTABS;
	CHECK_EQ(tcsetattr(pty.slave, TCSANOW, &modes), 0);
	CHECK_EQ(write(pty.slave, "\xc3\xa4\tx", 4), 4);
	CHECK_SCREEN(pty, "\xc3\xa4       x");
	pty_free(pty);
}

/* More than any buffer holds, written by one process and read by another. */
TEST(much_output)
{
	enum { SIZE = 200000 };
	struct pty pty = pty_new();
	pid_t writer = FORK();

	if (writer == 0) {
		for (int line = 0; line < SIZE / 10; line++) {
			char text[16];
			sprintf(text, "%08d\n", line);
			write_bytes(pty.slave, text, 9);
		}
		_exit(0);
	}
	for (int line = 0; line < SIZE / 10; line++) {
		char text[16], expected[16];
		sprintf(expected, "%08d\r\n", line);
		read_bytes(pty.master, text, 10);
		CHECK_BYTES(text, 10, expected, 10);
	}
	CHECK_EXIT(writer, 0);
	pty_free(pty);
}

TEST(much_input)
{
	enum { LINES = 20000 };
	struct pty pty = pty_new();
	pid_t typist;

	change_lflag(pty.slave, ECHO, 0);
	typist = FORK();
	if (typist == 0) {
		for (int line = 0; line < LINES; line++) {
			char text[16];
			sprintf(text, "%08d\n", line);
			type(pty, text);
		}
		_exit(0);
	}
	for (int line = 0; line < LINES; line++) {
		char expected[16];
		sprintf(expected, "%08d\n", line);
		CHECK_READ(pty.slave, expected);
	}
	CHECK_EXIT(typist, 0);
	pty_free(pty);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
