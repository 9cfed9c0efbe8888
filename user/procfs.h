/*
 * Reading /proc: what ps, pstree and the demonstrations need to know of processes. Each function
 * opens, reads and closes; a process may be gone by then, which is reported and no error. Works on
 * Linux as well, whose format /proc/PID/stat has (proc_pid_stat(5)).
 */
#ifndef USER_PROCFS_H
#define USER_PROCFS_H

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct proc_stat {
	int pid;
	char comm[64]; /* the program's name, cut to 15 bytes by the kernel */
	char state;    /* R S D T t Z X */
	int ppid;
	int pgrp;
	int session;
	int tty_nr;	     /* the controlling terminal's device number, 0: none */
	int tpgid;	     /* the foreground process group of that terminal */
	unsigned long utime; /* clock ticks, sysconf(_SC_CLK_TCK) a second */
	unsigned long stime;
	long nice;
	long threads;
	unsigned long start_time; /* clock ticks from the boot */
	unsigned long vsize;	  /* bytes */
	long rss;		  /* pages */
	int processor;		  /* where it ran last */
	unsigned uid;		  /* the effective user, who owns the directory */
};

/* Reads a whole small file and ends it with NUL. Returns how many bytes it has, or -1. */
static inline ssize_t proc_read_file(const char *path, char *data, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t count = 0;

	if (fd < 0)
		return -1;
	while (length < size - 1 && (count = read(fd, data + length, size - 1 - length)) > 0)
		length += count;
	close(fd);
	data[length] = '\0';
	return count < 0 ? -1 : (ssize_t)length;
}

/* The same for /proc/PID/NAME. */
static inline ssize_t proc_read(int pid, const char *name, char *data, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return proc_read_file(path, data, size);
}

/*
 * Understands the text of a stat file. The name is in parentheses and may itself contain some, so
 * it ends at the last one. Fields that are missing at the end stay 0.
 */
static inline bool proc_parse_stat(const char *text, struct proc_stat *stat)
{
	const char *open = strchr(text, '(');
	const char *close = strrchr(text, ')');

	memset(stat, 0, sizeof(*stat));
	if (!open || !close || close < open)
		return false;
	stat->pid = atoi(text);
	snprintf(stat->comm, sizeof(stat->comm), "%.*s", (int)(close - open - 1), open + 1);
	return sscanf(close + 1,
		      " %c %d %d %d %d %d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %ld %ld"
		      " %*d %lu %lu %ld %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %d",
		      &stat->state, &stat->ppid, &stat->pgrp, &stat->session, &stat->tty_nr,
		      &stat->tpgid, &stat->utime, &stat->stime, &stat->nice, &stat->threads,
		      &stat->start_time, &stat->vsize, &stat->rss, &stat->processor) >= 2;
}

/* False if there is no such process. */
static inline bool proc_read_stat(int pid, struct proc_stat *process)
{
	struct stat directory = { 0 };
	char text[1024];

	if (proc_read(pid, "stat", text, sizeof(text)) <= 0 || !proc_parse_stat(text, process))
		return false;
	snprintf(text, sizeof(text), "/proc/%d", pid);
	stat(text, &directory);
	process->uid = directory.st_uid;
	return true;
}

static inline int proc_compare(const void *a, const void *b)
{
	return ((const struct proc_stat *)a)->pid - ((const struct proc_stat *)b)->pid;
}

/* All processes in the order of their pids, in memory from malloc. NULL without /proc or memory. */
static inline struct proc_stat *proc_read_all(size_t *count)
{
	DIR *directory = opendir("/proc");
	struct proc_stat *all = NULL;
	size_t capacity = 0;
	struct dirent *entry;

	*count = 0;
	while (directory && (entry = readdir(directory))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (*count == capacity) {
			struct proc_stat *more;

			capacity = capacity ? 2 * capacity : 64;
			more = realloc(all, capacity * sizeof(*all));
			if (!more)
				break;
			all = more;
		}
		if (proc_read_stat(atoi(entry->d_name), &all[*count]))
			++*count;
	}
	if (directory)
		closedir(directory);
	if (all)
		qsort(all, *count, sizeof(*all), proc_compare);
	return all;
}

#endif
