/*
 * wait: the parent learns what became of a child, and the dead are buried. Children that have
 * something to say are on lists of their own in the parent (zombies; stop_events), so the living
 * are never looked at; a particular child is found by its number. A zombie is taken by exactly one
 * waiter: whoever moves it off the list under tasklist_lock.
 *
 * No death is missed: the waiter puts itself on the parent's child_exit queue before it looks at
 * the lists, and a dying child changes the lists before it wakes the queue.
 */
#include "proc/wait.h"
#include "proc/fork.h"
#include "proc/thread.h"
#include "x86/printk.h"
#include <asm/errno.h>
#include <linux/wait.h>

#define CONTINUED_STATUS 0xffff

/* Did the running thread make the child (wait(2), __WNOTHREAD)? */
static bool made_here(const struct task_struct *child)
{
	const struct task_struct *maker = task_find(child->maker);

	if (maker && maker->leader == current->leader && !(maker->state & EXIT_ZOMBIE))
		return maker == current;
	/* it is dead: the first thread that is not has inherited them */
	for (maker = NULL; (maker = thread_next(current->signal, maker));)
		if (!maker->exiting)
			return maker == current;
	return false;
}

/* Clone children (who signal something other than SIGCHLD) are waited for only when asked (wait(2),
 * __WCLONE). */
static bool is_eligible(const struct task_struct *child, const struct wait_request *request)
{
	bool clone_child = child->exit_signal != SIGCHLD;

	if (request->whom == WAIT_PID && child->pid != request->nr)
		return false;
	if (request->whom == WAIT_GROUP && pid_nr(child->pgrp) != request->nr)
		return false;
	if ((request->options & __WNOTHREAD) && !made_here(child))
		return false;
	return (request->options & __WALL) || clone_child == !!(request->options & __WCLONE);
}

static void describe(struct task_struct *child, int code, int status, struct wait_outcome *outcome)
{
	outcome->pid = child->pid;
	outcome->uid = child->real_cred->uid;
	outcome->code = code;
	outcome->status = status;
	rusage_of_process(child, &outcome->usage);
	rusage_add(&outcome->usage, &child->children_sum);
}

static bool report_zombie(struct task_struct *child, const struct wait_request *request,
			  struct wait_outcome *outcome, struct task_struct **dead)
{
	int code = child->exit_code, signal = code & 0x7f;

	if (!(request->options & WEXITED))
		return false;
	describe(child,
		 !signal       ? CLD_EXITED
		 : code & 0x80 ? CLD_DUMPED
			       : CLD_KILLED,
		 signal ? signal : code >> 8 & 0xff, outcome);
	outcome->wait_status = code;
	if (request->options & WNOWAIT)
		return true;
	struct task_struct *parent = child->parent;
	rusage_add(&parent->children_sum, &child->self_sum);
	rusage_add(&parent->children_sum, &child->children_sum);
	list_del(&child->sibling);
	__atomic_store_n(&child->state, EXIT_DEAD, __ATOMIC_SEQ_CST);
	task_release(child);
	*dead = child;
	return true;
}

static bool report_stop(struct task_struct *child, const struct wait_request *request,
			struct wait_outcome *outcome)
{
	if (child->stop_signal && (request->options & WSTOPPED)) {
		describe(child, CLD_STOPPED, child->stop_signal, outcome);
		outcome->wait_status = child->stop_signal << 8 | 0x7f;
		if (!(request->options & WNOWAIT))
			child->stop_signal = 0;
	} else if (child->continued && (request->options & WCONTINUED)) {
		describe(child, CLD_CONTINUED, SIGCONT, outcome);
		outcome->wait_status = CONTINUED_STATUS;
		if (!(request->options & WNOWAIT))
			child->continued = false;
	} else {
		return false;
	}
	if (!child->stop_signal && !child->continued)
		list_del(&child->stop_link);
	return true;
}

static bool report(struct task_struct *child, const struct wait_request *request,
		   struct wait_outcome *outcome, struct task_struct **dead)
{
	if (!is_eligible(child, request))
		return false;
	return process_is_dead(child) ? report_zombie(child, request, outcome, dead)
				      : report_stop(child, request, outcome);
}

/* Is there a child that may yet have something to say? Looks at the living only where the question
 * needs it. */
static bool has_candidate(struct task_struct *parent, const struct wait_request *request)
{
	struct task_struct *child;

	if (request->whom == WAIT_PID) {
		child = task_find(request->nr);
		return child && child->parent == parent && !process_is_dead(child) &&
		       is_eligible(child, request);
	}
	list_for_each(child, &parent->children, sibling)
		if (is_eligible(child, request))
			return true; /* waiting for any: the first one will do */
	return false;
}

/* One look, tasklist_lock held: true with an outcome. */
static bool look(const struct wait_request *request, struct wait_outcome *outcome,
		 struct task_struct **dead)
{
	struct task_struct *parent = current->leader, *child, *next;

	if (request->whom == WAIT_PID) {
		child = task_find(request->nr);
		return child && child->parent == parent && report(child, request, outcome, dead);
	}
	list_for_each_safe(child, next, &parent->zombies, sibling)
		if (report(child, request, outcome, dead))
			return true;
	list_for_each_safe(child, next, &parent->stop_events, stop_link)
		if (report(child, request, outcome, dead))
			return true;
	return false;
}

/* 1: found; 0: not yet; -ECHILD: nothing to wait for. */
static int try_wait(const struct wait_request *request, struct wait_outcome *outcome)
{
	struct task_struct *dead = NULL;
	int result = 1;

	spin_lock(&tasklist_lock);
	if (!look(request, outcome, &dead))
		result = has_candidate(current->leader, request) ? 0 : -ECHILD;
	spin_unlock(&tasklist_lock);
	if (dead)
		task_put(dead);
	return result;
}

int task_wait(const struct wait_request *request, struct wait_outcome *outcome)
{
	int result = 0;

	*outcome = (struct wait_outcome){ 0 };
	if (request->options & WNOHANG) {
		result = try_wait(request, outcome);
		return min(result, 0);
	}
	long error = wait_event_interruptible(&current->signal->child_exit,
					      (result = try_wait(request, outcome)) != 0);
	return result < 0 ? result : error;
}
