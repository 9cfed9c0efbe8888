/*
 * Lines of /etc/inittab: those that are good, each way to be wrong, and noise, which must end in
 * one or the other.
 */
#include "inittab.h"
#include "unit.h"

static char text[256];
static struct inittab_line line;

/* What is wrong with the line, or "". */
static const char *parse(const char *of)
{
	const char *wrong = inittab_parse(strcpy(text, of), &line);

	return wrong ? wrong : "";
}

CASE(the_four_fields)
{
	CHECK_STR(parse("ttyS0:2345:respawn:-/bin/sh -l"), "");
	CHECK_STR(line.terminal, "ttyS0");
	CHECK_EQ(line.action, RESPAWN);
	CHECK_STR(line.process, "-/bin/sh -l");
}

CASE(each_action)
{
	static const char *const names[] = { "sysinit",	 "wait",       "once",	   "respawn",
					     "askfirst", "ctrlaltdel", "shutdown", "restart" };

	for (int i = 0; i < 8; i++) {
		char all[64];

		snprintf(all, sizeof(all), "::%s:/bin/true", names[i]);
		CHECK_STR(parse(all), "");
		CHECK_EQ(line.action, i);
		CHECK_STR(line.terminal, "");
	}
}

CASE(colons_and_blanks_of_a_process)
{
	CHECK_STR(parse("  ::once:\t echo a:b::c \t\r"), "");
	CHECK_STR(line.process, "echo a:b::c");
}

CASE(lines_that_say_nothing)
{
	static const char *const lines[] = { "", "  \t", "# ::once:no", "\t#", "\r" };

	for (int i = 0; i < 5; i++) {
		CHECK_STR(parse(lines[i]), "");
		CHECK(line.process == NULL);
	}
}

CASE(each_way_to_be_wrong)
{
	static const char FEW[] = "it is not id:runlevels:action:process";

	CHECK_STR(parse("a"), FEW);
	CHECK_STR(parse("a:b"), FEW);
	CHECK_STR(parse("::respawn"), FEW);
	CHECK_STR(parse("::respawned:x"), "there is no such action");
	CHECK_STR(parse(":: once:x"), "there is no such action");
	CHECK_STR(parse("::once:"), "it names no process");
	CHECK_STR(parse("::once: \t"), "it names no process");
	CHECK_STR(parse("::once:-"), "it names no process");
	CHECK_STR(parse("../tty::once:x"), "the id is no name below /dev");
	CHECK_STR(parse("/dev/tty::once:x"), "the id is no name below /dev");
	CHECK_STR(parse("0123456789012345678901234567890::once:x"), "");
	CHECK_STR(parse("01234567890123456789012345678901::once:x"), "the id is too long");
}

CASE(noise)
{
	static const char from[] = "::::aonce:-# \t\r/.respawn";

	for (int round = 0; round < 200000; round++) {
		char noise[40] = "";
		int length = random_below(sizeof(noise));

		for (int i = 0; i < length; i++)
			noise[i] = from[random_below(sizeof(from) - 1)];
		char *exact = exact_copy(noise, length + 1);
		exact[length] = '\0';
		if (!inittab_parse(exact, &line) && line.process)
			CHECK(strlen(line.terminal) < TERMINAL_NAME && line.process[0]);
		free(exact);
	}
}

UNIT_MAIN
