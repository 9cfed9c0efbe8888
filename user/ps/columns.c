/*
 * What the columns of ps show, as Debian's ps shows it: from the files stat, status, cmdline and
 * wchan of a process, and from uptime, stat and meminfo for what is relative to the machine. A
 * process may end while it is looked at; then what is not there any more counts as 0.
 */
#include "columns.h"
#include <pwd.h>
#include <time.h>

enum {
	CLOCK_TICKS = 100,
	KIBIBYTE = 1024,
	PID_WIDTH = 0, /* see column_width() */
};

/* What is the same for every process. */
static struct {
	unsigned long uptime; /* clock ticks */
	unsigned long boot;   /* seconds from 1970 */
	unsigned long memory; /* KiB */
	int pid_width;
} machine;

/* What follows `key` at the beginning of a line of a file; "" where there is no such line. */
static const char *find_value(const char *path, const char *key)
{
	static char text[TEXT_SIZE];
	const char *line = text;

	if (proc_read_file(path, text, sizeof(text)) <= 0)
		return "";
	while (strncmp(line, key, strlen(key)) != 0) {
		line = strchr(line, '\n');
		if (!line++)
			return "";
	}
	return line + strlen(key);
}

static unsigned long read_number(const char *path, const char *key)
{
	return strtoul(find_value(path, key), NULL, 10);
}

void columns_prepare(void)
{
	unsigned long pids = read_number("/proc/sys/kernel/pid_max", "");

	machine.uptime =
		(unsigned long)(strtod(find_value("/proc/uptime", ""), NULL) * CLOCK_TICKS);
	machine.boot = read_number("/proc/stat", "btime");
	machine.memory = read_number("/proc/meminfo", "MemTotal:");
	machine.pid_width = snprintf(NULL, 0, "%lu", pids ? pids - 1 : 0);
	if (machine.pid_width < 5)
		machine.pid_width = 5;
}

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

static void format_processor(const struct proc_stat *p, char *text)
{
	snprintf(text, TEXT_SIZE, "%d", p->processor);
}

static void format_vsz(const struct proc_stat *p, char *text)
{
	snprintf(text, TEXT_SIZE, "%lu", p->vsize / KIBIBYTE);
}

/* In KiB, from a line of the status file. The stat file's figures may be estimates. */
static unsigned long memory(const struct proc_stat *p, const char *key)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/status", p->pid);
	return read_number(path, key);
}

static void format_rss(const struct proc_stat *p, char *text)
{
	snprintf(text, TEXT_SIZE, "%lu", memory(p, "VmRSS:"));
}

static void format_memory_share(const struct proc_stat *p, char *text)
{
	unsigned long mille = machine.memory ? memory(p, "VmRSS:") * 1000 / machine.memory : 0;

	snprintf(text, TEXT_SIZE, "%lu.%lu", mille / 10, mille % 10);
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

/* < N for priorities, L for locked memory, s leads a session, l has threads, + in foreground. */
static void format_stat(const struct proc_stat *p, char *text)
{
	snprintf(text, TEXT_SIZE, "%c%s%s%s%s%s", p->state, priority_mark(p),
		 memory(p, "VmLck:") ? "L" : "", p->session == p->pid ? "s" : "",
		 p->threads > 1 ? "l" : "", p->tpgid == p->pgrp ? "+" : "");
}

/* Device numbers: 4,64 and up are serial ports, 5,1 the console, 136 and up pseudo-terminals. */
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
	unsigned long days = seconds / 86400;
	int length = days ? snprintf(text, TEXT_SIZE, "%lu-", days) : 0;

	snprintf(text + length, TEXT_SIZE - length, "%02lu:%02lu:%02lu", seconds / 3600 % 24,
		 seconds / 60 % 60, seconds % 60);
}

static void format_minutes(const struct proc_stat *p, char *text)
{
	unsigned long seconds = (p->utime + p->stime) / CLOCK_TICKS;

	snprintf(text, TEXT_SIZE, "%lu:%02lu", seconds / 60, seconds % 60);
}

/* Clock ticks since the process was forked. */
static unsigned long age(const struct proc_stat *p)
{
	return machine.uptime > p->start_time ? machine.uptime - p->start_time : 0;
}

static void format_age(const struct proc_stat *p, char *text)
{
	unsigned long seconds = age(p) / CLOCK_TICKS, hours = seconds / 3600, days = hours / 24;
	int length = 0;

	if (days)
		length = snprintf(text, TEXT_SIZE, "%lu-", days);
	if (hours)
		length += snprintf(text + length, TEXT_SIZE - length, "%02lu:", hours % 24);
	snprintf(text + length, TEXT_SIZE - length, "%02lu:%02lu", seconds / 60 % 60, seconds % 60);
}

/* The time of day; the day, if that was not today; the year, if it was not this one. */
static void format_start(const struct proc_stat *p, char *text)
{
	time_t now = time(NULL), start = machine.boot + p->start_time / CLOCK_TICKS;
	struct tm today, then;

	localtime_r(&now, &today);
	localtime_r(&start, &then);
	if (then.tm_year != today.tm_year)
		strftime(text, TEXT_SIZE, "%Y", &then);
	else
		strftime(text, TEXT_SIZE, then.tm_yday == today.tm_yday ? "%H:%M" : "%b%d", &then);
}

/* The share of its life in which the process ran, in thousandths. */
static unsigned long cpu_share(const struct proc_stat *p)
{
	return age(p) ? (p->utime + p->stime) * 1000 / age(p) : 0;
}

static void format_cpu_share(const struct proc_stat *p, char *text)
{
	unsigned long mille = cpu_share(p);

	if (mille > 999)
		snprintf(text, TEXT_SIZE, "%lu", mille / 10);
	else
		snprintf(text, TEXT_SIZE, "%lu.%lu", mille / 10, mille % 10);
}

static void format_c(const struct proc_stat *p, char *text)
{
	unsigned long percent = cpu_share(p) / 10;

	snprintf(text, TEXT_SIZE, "%lu", percent > 99 ? 99 : percent);
}

static void format_uid(const struct proc_stat *p, char *text)
{
	snprintf(text, TEXT_SIZE, "%u", p->uid);
}

static void format_user(const struct proc_stat *p, char *text)
{
	const struct passwd *user = getpwuid(p->uid);

	if (user)
		snprintf(text, TEXT_SIZE, "%s", user->pw_name);
	else
		format_uid(p, text);
}

/* Where it sleeps in the kernel, without the underscores that many such names begin with. */
static void format_wchan(const struct proc_stat *p, char *text)
{
	char name[256];

	if (proc_read(p->pid, "wchan", name, sizeof(name)) <= 0 || strcmp(name, "0") == 0)
		strcpy(name, "-");
	snprintf(text, TEXT_SIZE, "%s", name + strspn(name, "_."));
}

static void format_comm(const struct proc_stat *p, char *text)
{
	snprintf(text, TEXT_SIZE, "%s%s", p->comm, p->state == 'Z' ? " <defunct>" : "");
}

/*
 * The arguments end in a NUL each. A process that has none, having no memory (a zombie) or only the
 * kernel's, is shown by its name in brackets.
 */
static void format_args(const struct proc_stat *p, char *text)
{
	ssize_t length = proc_read(p->pid, "cmdline", text, TEXT_SIZE);

	if (length <= 0) {
		snprintf(text, TEXT_SIZE, "[%s]%s", p->comm, p->state == 'Z' ? " <defunct>" : "");
		return;
	}
	while (length > 0 && text[length - 1] == '\0')
		length--;
	for (ssize_t i = 0; i < length; i++)
		if (text[i] == '\0' || text[i] == '\n')
			text[i] = ' ';
	if (length == 0)
		strcpy(text, "?");
}

const struct column columns[] = {
	{ "pid", "PID", PID_WIDTH, NULL, format_pid },
	{ "ppid", "PPID", PID_WIDTH, NULL, format_ppid },
	{ "pgid", "PGID", PID_WIDTH, NULL, format_pgid },
	{ "pgrp", "PGRP", PID_WIDTH, NULL, format_pgid },
	{ "sid", "SID", PID_WIDTH, NULL, format_sid },
	{ "uid", "UID", 5, NULL, format_uid },
	{ "user", "USER", -8, "+", format_user },
	{ "c", "C", 2, NULL, format_c },
	{ "%cpu", "%CPU", 4, NULL, format_cpu_share },
	{ "pcpu", "%CPU", 4, NULL, format_cpu_share },
	{ "%mem", "%MEM", 4, NULL, format_memory_share },
	{ "pmem", "%MEM", 4, NULL, format_memory_share },
	{ "vsz", "VSZ", 6, NULL, format_vsz },
	{ "rss", "RSS", 5, NULL, format_rss },
	{ "ni", "NI", 3, NULL, format_nice },
	{ "nice", "NI", 3, NULL, format_nice },
	{ "nlwp", "NLWP", 4, NULL, format_threads },
	{ "psr", "PSR", 3, NULL, format_processor },
	{ "tt", "TT", -8, NULL, format_tty },
	{ "tty", "TT", -8, NULL, format_tty },
	{ "tname", "TTY", -8, NULL, format_tty },
	{ "stat", "STAT", -4, NULL, format_stat },
	{ "s", "S", -1, NULL, format_state },
	{ "state", "S", -1, NULL, format_state },
	{ "start_time", "START", 5, NULL, format_start },
	{ "stime", "STIME", 5, NULL, format_start },
	{ "etime", "ELAPSED", 11, NULL, format_age },
	{ "time", "TIME", 8, NULL, format_time },
	{ "bsdtime", "TIME", 6, NULL, format_minutes },
	{ "wchan", "WCHAN", -16, NULL, format_wchan },
	{ "comm", "COMMAND", -15, NULL, format_comm },
	{ "args", "COMMAND", -27, "", format_args },
	{ "cmd", "CMD", -27, "", format_args },
	{ "command", "COMMAND", -27, "", format_args },
	{ .name = NULL },
};

int column_width(const struct column *column)
{
	return column->width == PID_WIDTH ? machine.pid_width : abs(column->width);
}
