/*
 * The files of /proc/PID. They look at a task that may be running or dying meanwhile: what may
 * vanish (mm, files) is taken with a reference under tasklist_lock first, and single words are read
 * as they are. Formats: proc(5).
 */
#include "fs/file.h"
#include "fs/mount.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "proc/limits.h"
#include "proc/thread.h"
#include "procfs/text.h"
#include "tty/tty.h"
#include <asm/errno.h>

#define KIB_PER_PAGE (PAGE_SIZE / 1024)
#define STRINGS_MAX (1u << 20) /* bytes of arguments that are shown */

typedef unsigned long long ull;

struct mm_struct *task_mm_get(struct task_struct *task)
{
	spin_lock(&tasklist_lock);
	struct mm_struct *mm = task->mm ? mm_get(task->mm) : NULL;
	spin_unlock(&tasklist_lock);
	return mm;
}

static char state_letter(const struct task_struct *task)
{
	u32 state = task->state;

	if (state & EXIT_ZOMBIE)
		return 'Z';
	if (state & EXIT_DEAD)
		return 'X';
	if (state & TASK_STOPPED)
		return 'T';
	if (state & TASK_TRACED)
		return 't';
	if (state & TASK_UNINTERRUPTIBLE)
		return 'D';
	return state & TASK_INTERRUPTIBLE ? 'S' : 'R';
}

static const char *state_name(char letter)
{
	switch (letter) {
	case 'Z':
		return "zombie";
	case 'X':
		return "dead";
	case 'T':
		return "stopped";
	case 't':
		return "tracing stop";
	case 'D':
		return "disk sleep";
	case 'S':
		return "sleeping";
	}
	return "running";
}

/* What several files show, gathered under one hold of tasklist_lock. */
struct summary {
	pid_t ppid, pgrp, session;
	struct rusage_sum self, children;
	u64 pending, shared_pending, blocked, ignored, caught;
	int exit_signal, exit_code;
	u32 threads;
	u64 signal_limit; /* RLIMIT_SIGPENDING */
};

/* thread: what the task used itself, not its whole process. Of one that has been reaped since it
 * was found, nothing. */
static void gather(struct task_struct *task, bool thread, struct summary *sum)
{
	*sum = (struct summary){ 0 };
	spin_lock(&tasklist_lock);
	if (!task->pid_struct) {
		spin_unlock(&tasklist_lock);
		return;
	}
	sum->ppid = task->leader->parent->tgid;
	sum->pgrp = pid_nr(task->leader->pgrp);
	sum->session = pid_nr(task->leader->session);
	if (thread)
		rusage_of_thread(task, &sum->self);
	else
		rusage_of_process(task->leader, &sum->self);
	sum->children = task->leader->children_sum;
	sum->exit_signal = task->exit_signal;
	sum->exit_code = task->exit_code;
	sum->blocked = task->blocked;
	sum->threads = 1;
	if (task->sighand) {
		spin_lock(&task->sighand->lock);
		sum->pending = task->pending.set;
		sum->shared_pending = task->signal->pending.set;
		/* a dead leader counts, too, while it is there */
		sum->threads = task->signal->threads + !!(task->leader->state & EXIT_ZOMBIE);
		sum->signal_limit = task->signal->rlimits[RLIMIT_SIGPENDING].rlim_cur;
		for (int i = 0; i < SIGNAL_COUNT; i++) {
			__sighandler_t handler = task->sighand->actions[i].sa_handler;

			if (handler == SIG_IGN)
				sum->ignored |= 1ull << i;
			else if (handler != SIG_DFL)
				sum->caught |= 1ull << i;
		}
		spin_unlock(&task->sighand->lock);
	}
	spin_unlock(&tasklist_lock);
}

static ull ticks(u64 ns)
{
	return ns / NSEC_PER_CLOCK_TICK;
}

/* proc(5), /proc/[pid]/stat: fields 1 to 52. */
static void show_stat(struct text *text, struct task_struct *task)
{
	struct mm_struct *mm = task_mm_get(task);
	struct summary sum;
	int priority = 20 + task->nice;

	gather(task, text->thread, &sum);
	text_print(text, "%d (%s) %c %d %d %d %d %d %u ", task->pid, task->comm, state_letter(task),
		   sum.ppid, sum.pgrp, sum.session, (int)tty_number_of(task),
		   tty_foreground_of(task), 0);
	text_print(text, "%llu %llu %llu %llu ", (ull)sum.self.min_faults,
		   (ull)sum.children.min_faults, (ull)sum.self.maj_faults,
		   (ull)sum.children.maj_faults);
	text_print(text, "%llu %llu %llu %llu %d %d %u 0 %llu ", ticks(sum.self.utime),
		   ticks(sum.self.stime), ticks(sum.children.utime), ticks(sum.children.stime),
		   priority, task->nice, sum.threads, ticks(task->start_time));
	text_print(text, "%llu %llu 18446744073709551615 ",
		   mm ? (ull)(mm->total_pages * PAGE_SIZE) : 0,
		   mm ? (ull)(mm->rss_anon + mm->rss_file) : 0);
	text_print(text, "%llu %llu %llu 0 0 ", mm ? (ull)mm->code_start : 0,
		   mm ? (ull)mm->code_end : 0, mm ? (ull)mm->stack_start : 0);
	text_print(text, "%llu %llu %llu %llu %d 0 0 %d %u 0 0 0 0 0 ",
		   (ull)(sum.pending & 0x7fffffff), (ull)(sum.blocked & 0x7fffffff),
		   (ull)(sum.ignored & 0x7fffffff), (ull)(sum.caught & 0x7fffffff),
		   task->state != TASK_RUNNING && mm ? 1 : 0, sum.exit_signal, task->cpu->id);
	text_print(text, "%llu %llu %llu %llu %llu %llu %llu %d\n", mm ? (ull)mm->data_start : 0,
		   mm ? (ull)mm->data_end : 0, mm ? (ull)mm->brk_start : 0,
		   mm ? (ull)mm->arg_start : 0, mm ? (ull)mm->arg_end : 0,
		   mm ? (ull)mm->env_start : 0, mm ? (ull)mm->env_end : 0,
		   state_letter(task) == 'Z' ? sum.exit_code : 0);
	if (mm)
		mm_put(mm);
}

static void print_memory(struct text *text, const struct mm_struct *mm)
{
	const struct {
		const char *name;
		u64 pages;
	} lines[] = {
		{ "VmPeak", mm->total_peak },
		{ "VmSize", mm->total_pages },
		{ "VmLck", mm->locked_pages },
		{ "VmPin", 0 },
		{ "VmHWM", mm->rss_peak },
		{ "VmRSS", mm->rss_anon + mm->rss_file },
		{ "RssAnon", mm->rss_anon },
		{ "RssFile", mm->rss_file },
		{ "VmData", mm->data_pages },
		{ "VmStk", mm->stack_pages },
		{ "VmExe",
		  align_up(mm->code_end - align_down(mm->code_start, PAGE_SIZE), PAGE_SIZE) /
			  PAGE_SIZE },
		{ "VmPTE", mm->table_frames },
	};

	for (u32 i = 0; i < ARRAY_SIZE(lines); i++)
		text_print(text, "%s:\t%8llu kB\n", lines[i].name,
			   (ull)(lines[i].pages * KIB_PER_PAGE));
}

static void print_ids(struct text *text, const struct cred *cred)
{
	text_print(text, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nGroups:\t", cred->uid,
		   cred->euid, cred->suid, cred->fsuid, cred->gid, cred->egid, cred->sgid,
		   cred->fsgid);
	for (u32 i = 0; cred->groups && i < cred->groups->count; i++)
		text_print(text, i ? " %u" : "%u", cred->groups->gids[i]);
	text_print(text, " \n");
}

/* A name with a newline in it must not look like a line of its own: that is \n, and \ is \\. */
static void print_name(struct text *text, const char *name)
{
	text_print(text, "Name:\t");
	for (; *name; name++)
		if (*name == '\n')
			text_print(text, "\\n");
		else if (*name == '\\')
			text_print(text, "\\\\");
		else
			text_append(text, name, 1);
	text_print(text, "\n");
}

static void show_status(struct text *text, struct task_struct *task)
{
	struct mm_struct *mm = task_mm_get(task);
	char letter = state_letter(task);
	struct summary sum;

	gather(task, true, &sum);
	print_name(text, task->comm);
	text_print(text, "State:\t%c (%s)\nTgid:\t%d\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", letter,
		   state_name(letter), task->tgid, task->pid, sum.ppid);
	const struct cred *cred = task_cred_get(task);
	print_ids(text, cred);
	if (mm) {
		print_memory(text, mm);
		mm_put(mm);
	}
	text_print(text, "Threads:\t%u\nSigQ:\t%llu/%llu\n", sum.threads,
		   (ull)limits_signals_queued(cred->uid), (ull)sum.signal_limit);
	text_print(text,
		   "SigPnd:\t%016llx\nShdPnd:\t%016llx\nSigBlk:\t%016llx\n"
		   "SigIgn:\t%016llx\nSigCgt:\t%016llx\n",
		   (ull)sum.pending, (ull)sum.shared_pending, (ull)sum.blocked, (ull)sum.ignored,
		   (ull)sum.caught);
	text_print(text,
		   "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\n"
		   "CapBnd:\t%016llx\nCapAmb:\t%016llx\nNoNewPrivs:\t%u\n",
		   (ull)cred->inheritable, (ull)cred->permitted, (ull)cred->effective,
		   (ull)cred->bounding, (ull)cred->ambient, cred->no_new_privs);
	cred_put(cred);
	task_show_cpus(text, task);
	text_print(text, "voluntary_ctxt_switches:\t%llu\nnonvoluntary_ctxt_switches:\t%llu\n",
		   (ull)sum.self.voluntary, (ull)sum.self.involuntary);
}

static void show_statm(struct text *text, struct task_struct *task)
{
	struct mm_struct *mm = task_mm_get(task);

	if (!mm) {
		text_print(text, "0 0 0 0 0 0 0\n");
		return;
	}
	u64 code = (align_up(mm->code_end, PAGE_SIZE) - align_down(mm->code_start, PAGE_SIZE)) /
		   PAGE_SIZE;
	text_print(text, "%llu %llu %llu %llu 0 %llu 0\n", (ull)mm->total_pages,
		   (ull)(mm->rss_anon + mm->rss_file), (ull)mm->rss_file, (ull)code,
		   (ull)(mm->data_pages + mm->stack_pages));
	mm_put(mm);
}

/* Bytes of the task's own memory: its argument or environment strings. */
static void show_strings(struct text *text, struct task_struct *task, bool environment)
{
	struct mm_struct *mm = task_mm_get(task);

	if (!mm)
		return;
	u64 start = environment ? mm->env_start : mm->arg_start,
	    end = environment ? mm->env_end : mm->arg_end;
	size_t size = min((size_t)(end - start), (size_t)STRINGS_MAX);
	char *bytes = kmalloc(max(size, (size_t)1));
	if (bytes)
		text_append(text, bytes, mm_read(mm, start, bytes, size));
	else
		text->failed = true;
	kfree(bytes);
	mm_put(mm);
}

static void show_cmdline(struct text *text, struct task_struct *task)
{
	show_strings(text, task, false);
}

static void show_environ(struct text *text, struct task_struct *task)
{
	show_strings(text, task, true);
}

static void show_comm(struct text *text, struct task_struct *task)
{
	text_print(text, "%s\n", task->comm);
}

/* Only for threads of the same process (proc(5)). */
static int store_comm(char *value, struct task_struct *task)
{
	char name[sizeof(task->comm)] = { 0 };

	if (task->tgid != current->tgid)
		return -EINVAL;
	strlcpy(name, value, sizeof(name));
	memcpy(task->comm, name, sizeof(name));
	return 0;
}

void task_print_area(struct text *text, const struct vm_area_struct *vma, char *path, size_t size)
{
	const char *name = "";
	u64 ino = 0;
	u32 major = 0, minor = 0;

	if (vma->file) {
		char *found = dentry_path(file_dentry(vma->file), path, size);

		name = IS_ERR(found) ? "?" : found;
		ino = vma->file->inode->ino;
		major = dev_major(vma->file->inode->fs->dev);
		minor = dev_minor(vma->file->inode->fs->dev);
	} else if (vma->ops && vma->ops->describe) {
		vma->ops->describe(vma, path, size, &ino);
		name = path;
	} else if (vma->flags & VM_HEAP) {
		name = "[heap]";
	} else if (vma->flags & VM_STACK) {
		name = "[stack]";
	} else if (vma->cache) {
		name = "/dev/zero (deleted)";
	}
	size_t before = text->size;
	text_print(text, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu ", (ull)vma->start,
		   (ull)vma->end, vma->flags & VM_READ ? 'r' : '-',
		   vma->flags & VM_WRITE ? 'w' : '-', vma->flags & VM_EXEC ? 'x' : '-',
		   vma->flags & VM_SHARED ? 's' : 'p', vma->ops ? (ull)vma->pgoff << PAGE_SHIFT : 0,
		   major, minor, (ull)ino);
	if (*name)
		text_print(text, "%*s%s", max(0, 73 - (int)(text->size - before)), "", name);
	text_print(text, "\n");
}

static void show_maps(struct text *text, struct task_struct *task)
{
	struct mm_struct *mm = task_mm_get(task);
	char *path = kmalloc(PAGE_SIZE);

	if (mm && path) {
		struct vm_area_struct *vma;

		mutex_lock(&mm->lock);
		list_for_each(vma, &mm->vma_list, link)
			task_print_area(text, vma, path, PAGE_SIZE);
		mutex_unlock(&mm->lock);
	}
	text->failed = text->failed || !path;
	kfree(path);
	if (mm)
		mm_put(mm);
}

static void print_mount(const struct mount *mount, const char *point, void *arg)
{
	const struct filesystem *fs = mount->root->inode->fs;

	text_print(arg, "%s %s %s %s%s 0 0\n", mount->source, point, fs->type->name,
		   fs->read_only ? "ro" : "rw", fs->nosuid ? ",nosuid" : "");
}

static void show_mounts(struct text *text, struct task_struct *task)
{
	(void)task;
	fs_for_each_mount(print_mount, text);
}

const struct proc_file task_files[] = {
	{ .name = "children", .mode = 0444, .show = task_show_children },
	{ .name = "cmdline", .mode = 0444, .show = show_cmdline },
	{ .name = "comm", .mode = 0644, .show = show_comm, .store = store_comm },
	{ .name = "environ", .mode = 0400 | PROC_PRIVATE, .show = show_environ },
	{ .name = "fail-nth",
	  .mode = 0644,
	  .show = task_show_fail_nth,
	  .store = task_store_fail_nth },
	{ .name = "limits", .mode = 0444, .show = task_show_limits },
	{ .name = "maps", .mode = 0444 | PROC_PRIVATE, .show = show_maps },
	{ .name = "mounts", .mode = 0444, .show = show_mounts },
	{ .name = "oom_adj", .mode = 0644, .show = task_show_oom_adj, .store = task_store_oom_adj },
	{ .name = "oom_score", .mode = 0444, .show = task_show_oom_score },
	{ .name = "oom_score_adj",
	  .mode = 0644,
	  .show = task_show_oom_score_adj,
	  .store = task_store_oom_score_adj },
	{ .name = "pagetables", .mode = 0444 | PROC_PRIVATE, .show = task_show_pagetables },
	{ .name = "smaps", .mode = 0444 | PROC_PRIVATE, .show = task_show_smaps },
	{ .name = "smaps_rollup", .mode = 0444 | PROC_PRIVATE, .show = task_show_smaps_rollup },
	{ .name = "stack", .mode = 0400 | PROC_PRIVATE, .show = task_show_stack },
	{ .name = "stat", .mode = 0444, .show = show_stat },
	{ .name = "statm", .mode = 0444, .show = show_statm },
	{ .name = "status", .mode = 0444, .show = show_status },
	{ .name = "wchan", .mode = 0444, .show = task_show_wchan },
	{ .name = NULL },
};
