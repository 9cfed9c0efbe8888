/* The end of a process, and what its parent, its children and init have to do with it. */
#ifndef MITOS_PROC_EXIT_H
#define MITOS_PROC_EXIT_H

#include "proc/pid.h"

/* Ends the running thread; code is what wait reports: status << 8, or a signal number | 0x80 with a
 * core. */
void __noreturn do_exit(int code);
/* Ends the running process, all its threads. */
void __noreturn do_group_exit(int code);

/* Filled by tty/: the running task, which leads its session, ends; its terminal is free again. */
extern void (*session_leader_exits)(void);

/* Takes a dead child or thread out of the world: tree, pid table, lists. tasklist_lock held; the
 * caller owns the zombie (it was removed from its parent's zombies) and drops the reference that
 * the table had. */
void task_release(struct task_struct *task);

#endif
