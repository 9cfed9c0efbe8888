/*
 * What the demonstrations see of processes in /proc, and waiting until they see it.
 *
 * The order of things is made by pipes and by wait wherever there is an event to wait for. That
 * another process has fallen asleep, or that PID 1 has buried it, is told to nobody: here a
 * demonstration looks again and again, and lets others run meanwhile.
 */
#ifndef LOOK_H
#define LOOK_H

#include "demo.h"
#include "procfs.h"

#include <sched.h>
#include <sys/types.h>

/* R S D T t Z X, or 0 if there is no such process. */
static inline char look_state(pid_t pid)
{
	struct proc_stat stat;

	return proc_read_stat(pid, &stat) ? stat.state : 0;
}

/* 0 if there is no such process. */
static inline pid_t look_parent(pid_t pid)
{
	struct proc_stat stat;

	return proc_read_stat(pid, &stat) ? stat.ppid : 0;
}

static inline bool look_alive(pid_t pid)
{
	char state = look_state(pid);

	return state && state != 'Z' && state != 'X';
}

/* Waits until the process is in this state. False if it will never be: it has ended. */
static inline bool look_until(pid_t pid, char state)
{
	char now;

	while ((now = look_state(pid)) != state) {
		if (!now || now == 'Z' || now == 'X')
			return false;
		sched_yield();
	}
	return true;
}

static inline void look_until_ended(pid_t pid)
{
	while (look_alive(pid))
		sched_yield();
}

/* Ended, and waited for by whoever is its parent. */
static inline void look_until_buried(pid_t pid)
{
	while (look_state(pid))
		sched_yield();
}

/* How many of these are in this state; state 0 counts those that are not there. */
static inline int look_count(const pid_t *pids, int count, char state)
{
	int found = 0;

	for (int i = 0; i < count; i++)
		found += look_state(pids[i]) == state;
	return found;
}

/* The number after this name in the status file, as in "PPid: 1"; 0 without such a line. */
static inline unsigned long look_status(pid_t pid, const char *name, int base)
{
	char text[4096], start[32];
	const char *line;

	snprintf(start, sizeof(start), "\n%s:", name);
	if (proc_read(pid, "status", text, sizeof(text)) <= 0 || !(line = strstr(text, start)))
		return 0;
	return strtoul(line + strlen(start), NULL, base);
}

/* Whether a set of signals from there, like ShdPnd, has this signal. */
static inline bool look_has_signal(unsigned long set, int signal)
{
	return set >> (signal - 1) & 1;
}

/* Only mitos has an audit. */
static inline bool look_is_mitos(void)
{
	return access("/proc/audit", F_OK) == 0;
}

/* Whether orphans of mine go there: to PID 1, or on Linux to an ancestor that volunteered. */
static inline bool look_adopts(pid_t pid)
{
	struct proc_stat stat = { .ppid = getppid() };

	if (pid == 1 || look_is_mitos())
		return pid == 1;
	while (stat.ppid > 1 && stat.ppid != pid && proc_read_stat(stat.ppid, &stat))
		continue;
	return stat.ppid == pid;
}

/* As `ps` prints them: a heading, then a row for each. */
static inline void show_heading(void)
{
	tell("    PID  PPID STAT COMMAND");
}

static inline void show_process(pid_t pid)
{
	struct proc_stat stat;

	if (proc_read_stat(pid, &stat))
		tell("  %5d %5d %c    %s%s", stat.pid, stat.ppid, stat.state, stat.comm,
		     stat.state == 'Z' ? " <defunct>" : "");
}

#endif
