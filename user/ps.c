/*
 * ps: the processes there are, one line each. All it knows is in /proc/PID/stat, status and cmdline
 * (and wchan, where the kernel has it). A zombie has nothing left but its entry in the process
 * table: state Z, no memory, no command line, so it is shown by its name and <defunct>.
 *
 *	ps           PID PPID STAT COMMAND
 *	ps aux       with user, memory, terminal, CPU time and arguments
 *	ps -ef       with parent, terminal, CPU time and arguments
 *	ps -l        with process group and the kernel function that a process sleeps in
 *	ps -o LIST   the columns named, separated by commas; NAME=TEXT changes a heading, and with
 *	             only empty headings there is no heading line
 *	ps -p PIDS   only these
 *
 * It always shows every process, so the options that ask for it (a, x, -e, -A) change nothing.
 */
#include "procfs.h"

enum { TEXT_SIZE = 512, MAX_COLUMNS = 32, CLOCK_TICKS = 100, KIBIBYTE = 1024 };

struct column {
	const char *name;
	const char *heading;
	int width; /* negative: aligned to the left, as printf has it */
	void (*format)(const struct proc_stat *process, char *text);
};

/* A column as chosen for this run. */
struct choice {
	const struct column *column;
	const char *heading;
};

static void format_pid(const struct proc_stat *p, char *text)
{
	snprintf(text, TEXT_SIZE, "%d", p->pid);
}

static void format_ppid(const struct proc_stat *p, char *text)
{
	snprintf(text, TEXT_SIZE, "%d", p->ppid);
}

static void format_pgid(const struct proc_stat *p, char *text)
{
	snprintf(text, TEXT_SIZE, "%d", p->pgrp);
}

static void format_sid(const struct proc_stat *p, char *text)
{
	snprintf(text, TEXT_SIZE, "%d", p->session);
}

static void format_nice(const struct proc_stat *p, char *text)
{
	snprintf(text, TEXT_SIZE, "%ld", p->nice);
}

static void format_threads(const struct proc_stat *p, char *text)
{
	snprintf(text, TEXT_SIZE, "%ld", p->threads);
}

static void format_vsz(const struct proc_stat *p, char *text)
{
	snprintf(text, TEXT_SIZE, "%lu", p->vsize / KIBIBYTE);
}

static void format_rss(const struct proc_stat *p, char *text)
{
	snprintf(text, TEXT_SIZE, "%ld", p->rss * (sysconf(_SC_PAGESIZE) / KIBIBYTE));
}

static void format_state(const struct proc_stat *p, char *text)
{
	snprintf(text, TEXT_SIZE, "%c", p->state);
}

static const char *priority_mark(const struct proc_stat *p)
{
	if (p->nice == 0)
		return "";
	return p->nice < 0 ? "<" : "N";
}

/* The state, then < N for priorities, s for a session's leader, l for threads, + in foreground. */
static void format_stat(const struct proc_stat *p, char *text)
{
	bool foreground = p->tpgid > 0 && p->tpgid == p->pgrp;

	snprintf(text, TEXT_SIZE, "%c%s%s%s%s", p->state, priority_mark(p),
		 p->session == p->pid ? "s" : "", p->threads > 1 ? "l" : "", foreground ? "+" : "");
}

/* Device numbers: 4,64 and up are serial ports, 5,1 the console, 136 pseudo-terminals. */
static void format_tty(const struct proc_stat *p, char *text)
{
	int major = p->tty_nr >> 8 & 0xfff;
	int minor = (p->tty_nr & 0xff) | (p->tty_nr >> 12 & 0xfff00);

	if (p->tty_nr == 0)
		snprintf(text, TEXT_SIZE, "?");
	else if (major == 5 && minor == 1)
		snprintf(text, TEXT_SIZE, "console");
	else if (major == 4 && minor >= 64)
		snprintf(text, TEXT_SIZE, "ttyS%d", minor - 64);
	else if (major == 4)
		snprintf(text, TEXT_SIZE, "tty%d", minor);
	else if (major == 136)
		snprintf(text, TEXT_SIZE, "pts/%d", minor);
	else
		snprintf(text, TEXT_SIZE, "%d,%d", major, minor);
}

static void format_time(const struct proc_stat *p, char *text)
{
	unsigned long seconds = (p->utime + p->stime) / CLOCK_TICKS;

	snprintf(text, TEXT_SIZE, "%02lu:%02lu:%02lu", seconds / 3600, seconds / 60 % 60,
		 seconds % 60);
}

/* The real user id from the line "Uid:" of the status file; 0 where there is none. */
static unsigned read_uid(int pid)
{
	char status[2048];
	const char *line;

	if (proc_read(pid, "status", status, sizeof(status)) <= 0)
		return 0;
	line = strstr(status, "\nUid:");
	return line ? strtoul(line + 5, NULL, 10) : 0;
}

static void format_uid(const struct proc_stat *p, char *text)
{
	snprintf(text, TEXT_SIZE, "%u", read_uid(p->pid));
}

static void format_user(const struct proc_stat *p, char *text)
{
	format_uid(p, text);
	if (strcmp(text, "0") == 0)
		strcpy(text, "root");
}

static void format_wchan(const struct proc_stat *p, char *text)
{
	if (proc_read(p->pid, "wchan", text, TEXT_SIZE) <= 0 || strcmp(text, "0") == 0)
		strcpy(text, "-");
}

static void format_comm(const struct proc_stat *p, char *text)
{
	snprintf(text, TEXT_SIZE, "%s%s", p->comm, p->state == 'Z' ? " <defunct>" : "");
}

/* The arguments end in a NUL each. A process without any is shown by its name in brackets. */
static void format_args(const struct proc_stat *p, char *text)
{
	ssize_t length = proc_read(p->pid, "cmdline", text, TEXT_SIZE);

	if (length <= 0) {
		snprintf(text, TEXT_SIZE, "[%s]%s", p->comm, p->state == 'Z' ? " <defunct>" : "");
		return;
	}
	for (ssize_t i = 0; i < length - 1; i++)
		if (text[i] == '\0' || text[i] == '\n')
			text[i] = ' ';
}

static const struct column COLUMNS[] = {
	{ "pid", "PID", 5, format_pid },
	{ "ppid", "PPID", 5, format_ppid },
	{ "pgid", "PGID", 5, format_pgid },
	{ "pgrp", "PGRP", 5, format_pgid },
	{ "sid", "SID", 5, format_sid },
	{ "uid", "UID", 5, format_uid },
	{ "user", "USER", -8, format_user },
	{ "vsz", "VSZ", 6, format_vsz },
	{ "rss", "RSS", 5, format_rss },
	{ "ni", "NI", 3, format_nice },
	{ "nlwp", "NLWP", 4, format_threads },
	{ "tty", "TTY", -8, format_tty },
	{ "stat", "STAT", -4, format_stat },
	{ "s", "S", -1, format_state },
	{ "state", "S", -1, format_state },
	{ "time", "TIME", 8, format_time },
	{ "wchan", "WCHAN", -16, format_wchan },
	{ "comm", "COMMAND", -15, format_comm },
	{ "args", "COMMAND", -27, format_args },
	{ "cmd", "CMD", -27, format_args },
	{ "command", "COMMAND", -27, format_args },
};

static struct choice chosen[MAX_COLUMNS];
static size_t chosen_count;

static void usage(void)
{
	fprintf(stderr, "usage: ps [aux | -ef | -l | -o COLUMN,...] [-p PID,...]\ncolumns:");
	for (size_t i = 0; i < sizeof(COLUMNS) / sizeof(COLUMNS[0]); i++)
		fprintf(stderr, " %s", COLUMNS[i].name);
	fprintf(stderr, "\n");
	exit(1);
}

/* A column's name, with =HEADING if another heading is wanted. The text is kept. */
static void choose(char *name)
{
	char *heading = strchr(name, '=');

	if (heading)
		*heading++ = '\0';
	for (size_t i = 0; i < sizeof(COLUMNS) / sizeof(COLUMNS[0]); i++) {
		if (strcmp(COLUMNS[i].name, name) != 0 || chosen_count == MAX_COLUMNS)
			continue;
		chosen[chosen_count].column = &COLUMNS[i];
		chosen[chosen_count++].heading = heading ? heading : COLUMNS[i].heading;
		return;
	}
	fprintf(stderr, "ps: %s: no such column, or too many\n", name);
	usage();
}

static void choose_list(const char *list)
{
	char *names = strdup(list);

	for (char *name = strtok(names, ", "); name; name = strtok(NULL, ", "))
		choose(name);
}

/* Options are taken letter by letter, so `aux`, `-ef` and `-A -f` all work. */
static void parse_options(char **argv, const char **pids)
{
	const char *format = "pid,ppid,stat,comm";

	while (*++argv) {
		const char *letter = **argv == '-' ? *argv + 1 : *argv;

		for (; *letter; letter++) {
			if (*letter == 'f')
				format = "user,pid,ppid,tty,time,cmd";
			else if (*letter == 'u')
				format = "user,pid,vsz,rss,tty,stat,time,args";
			else if (*letter == 'l')
				format = "s,uid,pid,ppid,pgid,wchan,tty,time,comm";
			else if ((*letter == 'o' || *letter == 'p') && letter[1] == '\0' && argv[1])
				*letter == 'o' ? choose_list(*++argv) : (void)(*pids = *++argv);
			else if (!strchr("axeAw", *letter))
				usage();
		}
	}
	if (chosen_count == 0)
		choose_list(format);
}

/* Columns separated by a space; the last one takes what room it needs and no more. */
static void print_cell(size_t i, const char *text)
{
	if (i + 1 < chosen_count)
		printf("%*s ", chosen[i].column->width, text);
	else
		printf("%*s\n", chosen[i].column->width > 0 ? chosen[i].column->width : 0, text);
}

static void print_heading(void)
{
	bool empty = true;

	for (size_t i = 0; i < chosen_count; i++)
		empty = empty && chosen[i].heading[0] == '\0';
	for (size_t i = 0; i < chosen_count && !empty; i++)
		print_cell(i, chosen[i].heading);
}

static void print_process(const struct proc_stat *process)
{
	char text[TEXT_SIZE];

	for (size_t i = 0; i < chosen_count; i++) {
		chosen[i].column->format(process, text);
		print_cell(i, text);
	}
}

/* Whether a pid is in a list like "1,17"; every pid is in no list. */
static bool is_listed(int pid, const char *list)
{
	while (list && *list) {
		char *end;

		if (strtol(list, &end, 10) == pid)
			return true;
		list = *end ? end + 1 : end;
	}
	return !list;
}

int main(int argc, char **argv)
{
	const char *pids = NULL;
	size_t count;
	size_t shown = 0;
	struct proc_stat *processes;

	if (argc > 0)
		parse_options(argv, &pids);
	processes = proc_read_all(&count);
	if (!processes) {
		fprintf(stderr, "ps: cannot read /proc\n");
		return 1;
	}
	print_heading();
	for (size_t i = 0; i < count; i++)
		if (is_listed(processes[i].pid, pids)) {
			print_process(&processes[i]);
			shown++;
		}
	return shown ? 0 : 1;
}
