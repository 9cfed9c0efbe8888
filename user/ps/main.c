/*
 * ps: the processes there are, one line each. All it knows is in /proc. A zombie has nothing left
 * but its entry in the process table: state Z, no memory, no command line, so it is shown by its
 * name and <defunct>.
 *
 *	ps           PID PPID STAT COMMAND
 *	ps aux       with user, memory, terminal, CPU time and arguments
 *	ps -ef       with parent, terminal, CPU time and arguments
 *	ps -l        with process group and the kernel function that a process sleeps in
 *	ps -o LIST   the columns named, separated by commas; NAME=TEXT changes a heading, and with
 *	             only empty headings there is no heading line
 *	ps -p PIDS   only these; the status is 1 if there is none of them
 *
 * What it prints is what Debian's ps prints, to the space, with these differences: it shows every
 * process unless -p is given, so the options that ask for that (a, x, -e, -A) only undo -p; its
 * formats without options and with -l are its own; a line is as long as its arguments are; the name
 * of a wait channel is not cut; <defunct> also follows the name that `comm` shows; and a real-time
 * process has a nice value.
 */
#include "columns.h"
#include <limits.h>
#include <locale.h>
#include <stdarg.h>
#include <wchar.h>

enum { MAX_COLUMNS = 64 };

/* A column as chosen for this run. */
struct choice {
	const struct column *column;
	const char *heading;
	int width;
};

static struct choice chosen[MAX_COLUMNS];
static size_t chosen_count;

static int *wanted_pids; /* only these, unless it is NULL */
static size_t wanted_count;
static bool want_all;

static _Noreturn void __attribute__((format(printf, 1, 2))) refuse(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "ps: ");
	vfprintf(stderr, format, arguments);
	fprintf(stderr, "\nusage: ps [aux | -ef | -l | -o COLUMN[=HEADING],...] [-p PID,...]"
			"\ncolumns:");
	for (const struct column *column = columns; column->name; column++)
		fprintf(stderr, " %s", column->name);
	fprintf(stderr, "\n");
	exit(1);
}

/* Calls `take` with each word of a list that is separated by commas or spaces. */
static void for_each_word(const char *list, void (*take)(char *word))
{
	do {
		size_t length = strcspn(list, ", ");
		char *word = strndup(list, length);

		if (!word || length == 0)
			refuse("nothing between two commas, or no list at all");
		take(word);
		list += length;
	} while (*list++);
}

/* A column's name, with =HEADING if another heading is wanted. The text is kept. */
static void choose(char *name)
{
	const struct column *column = columns;
	char *heading = strchr(name, '=');
	struct choice *choice = &chosen[chosen_count];

	if (heading)
		*heading++ = '\0';
	while (column->name && strcmp(column->name, name) != 0)
		column++;
	if (!column->name || chosen_count == MAX_COLUMNS)
		refuse("no such column, or too many: %s", name);
	choice->column = column;
	choice->heading = heading ? heading : column->heading;
	choice->width = (int)strlen(choice->heading);
	if (choice->width < column_width(column))
		choice->width = column_width(column);
	chosen_count++;
}

static void want(char *word)
{
	char *end;
	long pid = strtol(word, &end, 10);

	if (*end || pid <= 0 || pid > INT_MAX)
		refuse("no process id: %s", word);
	wanted_pids = realloc(wanted_pids, (wanted_count + 1) * sizeof(*wanted_pids));
	if (!wanted_pids)
		refuse("no memory");
	wanted_pids[wanted_count++] = (int)pid;
}

static bool is_wanted(int pid)
{
	bool found = want_all || !wanted_pids;

	for (size_t i = 0; i < wanted_count && !found; i++)
		found = wanted_pids[i] == pid;
	return found;
}

/*
 * The letters of one word: those of Unix have a dash before them, those of BSD none; both take
 * -aux. Returns true if the value of the last of them is the next word.
 */
static bool parse_letters(const char *word, const char *next, const char **format)
{
	bool dash = *word == '-';
	const char *letter = word + dash;

	if (!*letter)
		refuse("no option: '%s'", word);
	for (; *letter; letter++) {
		const char *value = letter[1] ? letter + 1 : next;

		if (*letter == 'o' || *letter == 'p') {
			if (!value)
				refuse("a list must follow -%c", *letter);
			for_each_word(value, *letter == 'o' ? choose : want);
			return value == next;
		}
		if (*letter == 'u')
			*format = "user,pid,%cpu,%mem,vsz,rss,tname,stat,start_time,bsdtime,args";
		else if (*letter == 'l')
			*format = "s,uid,pid,ppid,pgid,wchan,tname,time,comm";
		else if (*letter == 'f' && dash)
			*format = "user=UID,pid,ppid,c,stime,tname,time,cmd";
		else if (strchr("ax", *letter) || (strchr("eA", *letter) && dash))
			want_all = true;
		else if (*letter != 'w')
			refuse("unknown option: %s%c", dash ? "-" : "", *letter);
	}
	return false;
}

static void parse_options(char **argv)
{
	const char *format = "pid,ppid,stat,comm";

	while (*++argv)
		if (parse_letters(*argv, argv[1], &format))
			argv++;
	if (chosen_count == 0)
		for_each_word(format, choose);
}

/*
 * Makes text fit for a terminal. A process may call itself what it likes, control sequences too, so
 * what is no character or does not print becomes a question mark. Cuts it to `limit` places of a
 * line, and returns how many it takes.
 */
static int make_printable(char *text, int limit)
{
	int places = 0;
	char *to = text;

	while (*text) {
		wchar_t character;
		int length = mbtowc(&character, text, MB_LEN_MAX);
		int width = length > 0 ? wcwidth(character) : -1;
		bool prints = width >= 0;

		if (places + (prints ? width : 1) > limit)
			break;
		places += prints ? width : 1;
		memmove(to, prints ? text : "?", prints ? length : 1);
		to += prints ? length : 1;
		text += length > 0 ? length : 1;
	}
	*to = '\0';
	return places;
}

/*
 * Prints one line, with the text of each column from `format`. Text that is wider than its column
 * pushes those after it to the right, but only until they have room again.
 */
static void print_line(const struct proc_stat *process,
		       void (*format)(const struct choice *, const struct proc_stat *, char *))
{
	static char text[TEXT_SIZE];
	int start = 0, position = 0;

	for (size_t i = 0; i < chosen_count; i++) {
		const struct choice *choice = &chosen[i];
		const char *mark = choice->column->cut;
		bool cut = mark && i + 1 < chosen_count;

		format(choice, process, text);
		if (cut && *mark && strlen(text) > (size_t)choice->width)
			strcpy(text + choice->width - strlen(mark), mark);
		int places = make_printable(text, cut ? choice->width : INT_MAX);
		int pad = start - position;

		if (choice->column->width >= 0)
			pad += choice->width - places;
		if (pad < (i > 0))
			pad = i > 0;
		printf("%*s%s", pad, "", text);
		position += pad + places;
		start += choice->width + 1;
	}
	putchar('\n');
}

static void format_heading(const struct choice *choice, const struct proc_stat *none, char *text)
{
	(void)none;
	snprintf(text, TEXT_SIZE, "%s", choice->heading);
}

static void format_cell(const struct choice *choice, const struct proc_stat *process, char *text)
{
	choice->column->format(process, text);
}

static bool has_heading(void)
{
	for (size_t i = 0; i < chosen_count; i++)
		if (chosen[i].heading[0])
			return true;
	return false;
}

int main(int argc, char **argv)
{
	struct proc_stat *processes;
	size_t count, shown = 0;

	setlocale(LC_CTYPE, "");
	columns_prepare();
	if (argc > 0)
		parse_options(argv);
	processes = proc_read_all(&count);
	if (!processes) {
		fprintf(stderr, "ps: cannot read /proc\n");
		return 1;
	}
	if (has_heading())
		print_line(NULL, format_heading);
	for (size_t i = 0; i < count; i++)
		if (is_wanted(processes[i].pid)) {
			print_line(&processes[i], format_cell);
			shown++;
		}
	return shown ? 0 : 1;
}
