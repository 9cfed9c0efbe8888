/*
 * The text of one /proc file while it is made: grows as it is printed to. Running out of memory is
 * remembered and reported once, at the end, so that printing code needs no checks.
 */
#ifndef MITOS_PROCFS_TEXT_H
#define MITOS_PROCFS_TEXT_H

#include "lib/printf.h"

struct mm_struct;
struct task_struct;

struct text {
	char *data;
	size_t size, capacity;
	bool failed; /* out of memory: the text is cut */
};

void text_print(struct text *text, const char *format, ...) __printf(2, 3);
void text_append(struct text *text, const char *bytes, size_t size);

/* A file of /proc or of a process's directory: how its text is made, and what writing to
 * it does. */
#define PROC_PRIVATE 010000 /* for root and processes of the same user only */
struct proc_file {
	const char *name;
	u16 mode; /* permissions, and PROC_PRIVATE */
	/* task is NULL outside /proc/PID */
	void (*show)(struct text *text, struct task_struct *task);
	/* a written value, NUL-terminated, newline removed; 0 or -errno. NULL: read-only */
	int (*store)(char *value);
};

extern const struct proc_file root_files[], sys_kernel_files[], sys_fs_files[], sys_vm_files[],
	task_files[];

/* taskstate.c: files of /proc/PID about what the task does and may do. */
void task_show_wchan(struct text *text, struct task_struct *task);
void task_show_stack(struct text *text, struct task_struct *task);
void task_show_children(struct text *text, struct task_struct *task);
void task_show_limits(struct text *text, struct task_struct *task);
void task_show_cpus(struct text *text, struct task_struct *task); /* two lines of status */

/* task.c: the task's address space with a reference, or NULL: it has none (any more). */
struct mm_struct *task_mm_get(struct task_struct *task);

/* pagetables.c */
void task_show_pagetables(struct text *text, struct task_struct *task);

/* audit.c: the whole recount; also /proc/audit. Returns the errors found. */
u64 audit_run(struct text *text);

#endif
