/*
 * The text of one /proc file while it is made: grows as it is printed to. Running out of memory is
 * remembered and reported once, at the end, so that printing code needs no checks.
 */
#ifndef MITOS_PROCFS_TEXT_H
#define MITOS_PROCFS_TEXT_H

#include "lib/printf.h"

struct frame;
struct mm_struct;
struct task_struct;
struct uio;
struct vm_area_struct;

struct text {
	char *data;
	size_t size, capacity;
	bool failed; /* out of memory: the text is cut */
	bool thread; /* about the task alone: the file lies below /proc/PID/task */
};

void text_print(struct text *text, const char *format, ...) __printf(2, 3);
void text_append(struct text *text, const char *bytes, size_t size);

/* A whole number, perhaps with a sign and with blanks around it, as Linux's files take one: 0,
 * -EINVAL (it is none) or -ERANGE (it is too large for an int). */
int text_parse_int(const char *value, int *number);

/* A file of /proc or of a process's directory: how its text is made, and what writing to
 * it does. */
#define PROC_PRIVATE 010000 /* for root and processes of the same user only */
struct proc_file {
	const char *name;
	u16 mode; /* permissions, and PROC_PRIVATE */
	/* task is NULL outside /proc/PID */
	void (*show)(struct text *text, struct task_struct *task);
	/* a written value, NUL-terminated, newline removed; 0 or -errno. NULL: read-only */
	int (*store)(char *value, struct task_struct *task);
	/* instead of show: a sysctl that is one whole number; without store, what is written is at
	 * most max */
	u64 *number, max;
};

extern const struct proc_file root_files[], sys_kernel_files[], sys_fs_files[], sys_vm_files[],
	task_files[], sysvipc_files[];

/* system.c: a whole decimal number, or false. */
bool parse_value(const char *text, u64 *value);
/* A sysctl that is one number, at most max: 0, -EINVAL with nothing changed. */
int store_number(const char *text, u64 *number, u64 max);

/* taskstate.c: files of /proc/PID about what the task does and may do. */
void task_show_wchan(struct text *text, struct task_struct *task);
void task_show_stack(struct text *text, struct task_struct *task);
void task_show_children(struct text *text, struct task_struct *task);
void task_show_limits(struct text *text, struct task_struct *task);
void task_show_cpus(struct text *text, struct task_struct *task); /* two lines of status */

/* oom.c: who dies when memory is exhausted; files of /proc/PID, and of /proc/sys/vm. */
void task_show_oom_score(struct text *text, struct task_struct *task);
void task_show_oom_score_adj(struct text *text, struct task_struct *task);
int task_store_oom_score_adj(char *value, struct task_struct *task);
void task_show_oom_adj(struct text *text, struct task_struct *task);
int task_store_oom_adj(char *value, struct task_struct *task);
void task_show_fail_nth(struct text *text, struct task_struct *task);
int task_store_fail_nth(char *value, struct task_struct *task);
void vm_show_panic_on_oom(struct text *text, struct task_struct *task);
int vm_store_panic_on_oom(char *value, struct task_struct *task);
void vm_show_oom_kill_allocating_task(struct text *text, struct task_struct *task);
int vm_store_oom_kill_allocating_task(char *value, struct task_struct *task);
void vm_show_oom_dump_tasks(struct text *text, struct task_struct *task);
int vm_store_oom_dump_tasks(char *value, struct task_struct *task);
int vm_store_drop_caches(char *value, struct task_struct *task);

/* task.c: the line of an area in maps and smaps; path is room for size bytes. The mm's lock is
 * held. */
void task_print_area(struct text *text, const struct vm_area_struct *vma, char *path, size_t size);
struct mm_struct *task_mm_get(struct task_struct *task); /* with a reference; NULL: none any more */

/* smaps.c and pagemap.c: pages, area by area, page by page, and frame by frame. */
void task_show_smaps(struct text *text, struct task_struct *task);
void task_show_smaps_rollup(struct text *text, struct task_struct *task);
/* How many entries of last-level tables point at a frame of user memory; 0 for any other frame. */
u64 frame_references(const struct frame *frame);
/* Eight bytes for each page from *pos / 8 on: bytes done, or -EINVAL, -EFAULT. */
ssize_t task_read_pagemap(struct task_struct *task, struct uio *uio, s64 *pos);
ssize_t read_kpagecount(struct uio *uio, s64 *pos);
ssize_t read_kpageflags(struct uio *uio, s64 *pos);

/* pagetables.c */
void task_show_pagetables(struct text *text, struct task_struct *task);

/* lockcheck.c, only in the lock checker's kernel. */
void show_lockcheck(struct text *text, struct task_struct *task);
int store_lockcheck(char *value, struct task_struct *task);

/* audit.c: the whole recount; also /proc/audit. Returns the errors found. */
u64 audit_run(struct text *text);

#endif
