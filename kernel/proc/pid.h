/*
 * Process identifiers. A struct pid is a number in use: by the task that has it, and by the process
 * group and session named after it, which may outlive that task; the number is free again when
 * nobody holds the struct. Finding a number, and finding the next free one, takes a few steps
 * however many there are.
 */
#ifndef MITOS_PROC_PID_H
#define MITOS_PROC_PID_H

#include "sched/task.h"

#define PID_MAX_LIMIT 4194304 /* Linux's, for /proc/sys/kernel/pid_max */
#define PID_MAX_DEFAULT 32768
#define PID_MAX_MINIMUM 301

struct pid {
	u32 refs; /* atomic */
	pid_t nr;
	struct task_struct *task; /* who has this number; NULL once reaped. tasklist_lock */
	/* members of the process group, by ->pgrp_link. tasklist_lock */
	struct list_head group;
	/* members of the session, by ->session_link. tasklist_lock */
	struct list_head session;
	struct wait_queue death; /* who polls a pidfd; woken under tasklist_lock */
};

/* Guards the family tree, groups, sessions and the list of all tasks. Outermost of
 * all spinlocks. */
extern struct spinlock tasklist_lock;
extern struct list_head task_list; /* every task that has a pid, by ->all_link */
extern u64 task_count, task_forks; /* tasks now, zombies included; ever made */
extern u64 task_live_count;	   /* those that are not dead */
extern u32 pid_max;		   /* numbers below it are handed out */

void pid_module_init(void);
/* This number, or (0) the next free one, with a reference: ERR_PTR(-EAGAIN): none is free;
 * ERR_PTR(-EEXIST, -ENOMEM). */
struct pid *pid_alloc(pid_t wanted);
struct pid *pid_get(struct pid *pid);
void pid_put(struct pid *pid);	    /* NULL is allowed */
struct pid *pid_find_get(pid_t nr); /* with a reference; NULL: not in use */
static inline pid_t pid_nr(const struct pid *pid)
{
	return pid ? pid->nr : 0;
}

/* The task with this number, tasklist_lock held; NULL if there is none (any more). */
struct task_struct *task_find(pid_t nr);
struct task_struct *task_get(struct task_struct *task);
void task_put(struct task_struct *task);
/* The first task whose pid is nr or above, with a reference (to walk /proc); NULL at the end. */
struct task_struct *task_next_get(pid_t nr);

struct pid *task_pgrp_get(struct task_struct *task);
struct pid *task_session_get(struct task_struct *task);

#endif
