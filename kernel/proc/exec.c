/*
 * execve builds the new program aside: a fresh address space, the argument strings already on its
 * stack, its segments mapped from the page cache. Whatever can be refused is refused while the old
 * program is whole. Then its other threads die (thread_become_process), then come the steps that
 * cannot fail (commit), and after them the task returns to user mode at the new entry.
 *
 * The stack, from the top: the file's name, the environment strings, the argument strings, 16
 * random bytes, the auxiliary vector, the pointers to the strings, argc (System V ABI, AMD64
 * supplement, 3.4.1).
 */
#include "proc/exec.h"
#include "fs/file.h"
#include "fs/fs.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "proc/execload.h"
#include "proc/fork.h"
#include "proc/futex.h"
#include "proc/limits.h"
#include "proc/thread.h"
#include "x86/fpu.h"
#include "x86/random.h"
#include <asm/errno.h>
#include <asm/hwcap2.h>
#include <linux/auxvec.h>
#include <linux/binfmts.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

#define SCRIPT_DEPTH_MAX 5 /* interpreters that are scripts themselves, as on Linux */
#define SCRIPT_LINE 256	   /* bytes of a #! line that are looked at */
#define STRINGS_MINIMUM (128ull << 10)
#define STRINGS_MAXIMUM (6ull << 20) /* three quarters of the default stack */
#define MMAP_GAP_MINIMUM (128ull << 20)
#define CLOCK_TICKS 100
#define MMAP_GAP_MAXIMUM (USER_END / 6 * 5)

/* --- strings onto the new stack, downwards --- */

/* The frame that the top of the stack lies in, kept between strings. */
static u8 *stack_page(struct exec *exec, u64 addr)
{
	u64 page = addr & PAGE_MASK;

	if (exec->page && exec->page_addr == page)
		return frame_addr(exec->page);
	if (exec->page)
		frame_put(exec->page);
	exec->page = mm_page(exec->mm, page, FAULT_WRITE);
	exec->page_addr = page;
	if (!IS_ERR(exec->page))
		return frame_addr(exec->page);
	exec->page_error = PTR_ERR(exec->page) == -ENOMEM ? -ENOMEM : -E2BIG;
	exec->page = NULL;
	return NULL;
}

/* Puts size bytes below what is there. from is user memory or the kernel's. 0, -E2BIG, -ENOMEM,
 * -EFAULT. */
static int push(struct exec *exec, const void *from, size_t size, bool user)
{
	if (size > exec->top - exec->bottom)
		return -E2BIG;
	exec->top -= size;
	for (size_t done = 0; done < size;) {
		u64 offset = (exec->top + done) & ~PAGE_MASK;
		size_t step = min(size - done, (size_t)(PAGE_SIZE - offset));
		u8 *page = stack_page(exec, exec->top + done);

		if (!page)
			return exec->page_error;
		if (!user)
			memcpy(page + offset, (const u8 *)from + done, step);
		else if (copy_from_user(page + offset,
					(__force const void __user *)((const u8 *)from + done),
					step))
			return -EFAULT;
		done += step;
	}
	return 0;
}

static int push_string(struct exec *exec, const char *string)
{
	return push(exec, string, strlen(string) + 1, false);
}

/* The i-th pointer of a string array; *string NULL at its end. 0 or -EFAULT. */
static int string_at(const struct exec_strings *strings, u64 i, const char **string)
{
	if (strings->user)
		return copy_from_user(string, &strings->user[i], sizeof(*string));
	*string = strings->kernel ? strings->kernel[i] : NULL;
	return 0;
}

/* How many strings an array has. -EFAULT; -E2BIG if their pointers alone would not fit. */
static s64 count_strings(const struct exec_strings *strings, u64 limit)
{
	for (u64 i = 0; i < limit; i++) {
		const char *string;

		if (string_at(strings, i, &string))
			return -EFAULT;
		if (!string)
			return (s64)i;
	}
	return -E2BIG;
}

static int push_strings(struct exec *exec, const struct exec_strings *strings, u64 count)
{
	while (count-- > 0) {
		const char *string;
		int error = string_at(strings, count, &string);

		if (error)
			return error;
		if (!strings->user) {
			error = push_string(exec, string);
		} else {
			ssize_t length =
				strnlen_user((__force const char __user *)string, MAX_ARG_STRLEN);

			error = length < 0 ? (int)length
				: (size_t)length >= MAX_ARG_STRLEN
					? -E2BIG
					: push(exec, string, (size_t)length + 1, true);
		}
		if (error)
			return error;
	}
	return 0;
}

/* --- the new image --- */

static int exec_begin(struct exec *exec)
{
	u64 stack_limit = task_rlimit(RLIMIT_STACK);
	u64 strings = min(max(stack_limit / 4, STRINGS_MINIMUM), STRINGS_MAXIMUM);
	u64 gap = min(max(align_up(min(stack_limit, USER_END / 2), PAGE_SIZE) + STACK_GUARD_GAP,
			  MMAP_GAP_MINIMUM),
		      MMAP_GAP_MAXIMUM);

	exec->mm = mm_new();
	if (!exec->mm)
		return -ENOMEM;
	exec->mm->mmap_base = align_down(USER_END - gap, PAGE_SIZE);
	mutex_lock(&exec->mm->lock);
	struct vm_area_struct *stack = vma_new(exec->mm, USER_END - PAGE_SIZE, USER_END,
					       VM_READ | VM_WRITE | VM_GROWSDOWN | VM_STACK);
	if (stack)
		vma_insert(stack);
	mutex_unlock(&exec->mm->lock);
	exec->top = USER_END - 8; /* a word of zeroes at the very top */
	exec->bottom = exec->top - strings;
	return stack ? 0 : -ENOMEM;
}

static void exec_end(struct exec *exec)
{
	if (exec->fs_claimed)
		fs_end_exec(current->fs);
	if (exec->page)
		frame_put(exec->page);
	if (exec->file)
		file_put(exec->file);
	cred_put(exec->cred);
	if (exec->mm)
		mm_put(exec->mm);
	if (exec->files)
		files_put(exec->files);
	if (exec->sighand)
		sighand_put(exec->sighand);
	kfree(exec->interpreter_name);
	kfree(exec);
}

/* --- #! scripts --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Splits a #! line in place into interpreter and argument (NULL if none). 0 or -ENOEXEC. */
static int split_line(char *line, char **name, char **argument)
{
	char *end = memchr(line, '\n', SCRIPT_LINE);
	bool whole = end != NULL || memchr(line, '\0', SCRIPT_LINE) != NULL;

	if (!end)
		end = line + strnlen(line, SCRIPT_LINE - 1);
	while (end > line + 2 && is_blank(end[-1]))
		end--;
	*end = '\0'; /* line has one byte to spare */
	char *at = line + 2;
	while (is_blank(*at))
		at++;
	if (*at == '\0')
		return -ENOEXEC;
	*name = at;
	while (*at && !is_blank(*at))
		at++;
	if (!*at && !whole)
		return -ENOEXEC; /* the interpreter's name itself is cut off */
	*argument = NULL;
	if (*at) {
		*at++ = '\0';
		while (is_blank(*at))
			at++;
		*argument = at;
	}
	return 0;
}

/* Drops argv[0]: the lowest string on the stack. */
static int drop_first_argument(struct exec *exec)
{
	u8 byte;

	do {
		u8 *page = stack_page(exec, exec->top);

		if (!page)
			return -ENOMEM;
		byte = page[exec->top++ & ~PAGE_MASK];
	} while (byte);
	return 0;
}

/* Turns "script args" into "interpreter [argument] script args" and opens the interpreter. */
static int redirect_to_interpreter(struct exec *exec, char *line)
{
	char *name, *argument;
	int error = split_line(line, &name, &argument);

	if (!error)
		error = drop_first_argument(exec);
	if (!error)
		error = push_string(exec, exec->interpreter_name);
	if (!error && argument) {
		error = push_string(exec, argument);
		exec->argc++;
	}
	if (!error)
		error = push_string(exec, name);
	if (error)
		return error;
	exec->argc++;
	strlcpy(exec->interpreter_name, name, PAGE_SIZE);
	struct file *file = file_open_exec(AT_FDCWD, name, 0);
	if (IS_ERR(file))
		return (int)PTR_ERR(file);
	file_put(exec->file);
	exec->file = file;
	return 0;
}

/* Follows #! lines to a real program and maps it. */
static int exec_load(struct exec *exec)
{
	char line[SCRIPT_LINE + 1];

	for (int depth = 0; depth <= SCRIPT_DEPTH_MAX; depth++) {
		memset(line, 0, sizeof(line));
		ssize_t got = file_read_kernel(exec->file, line, SCRIPT_LINE, 0);
		if (got < 0)
			return (int)got;
		if (line[0] != '#' || line[1] != '!')
			return exec_load_elf(exec, line, (size_t)got);
		int error = redirect_to_interpreter(exec, line);
		if (error)
			return error;
	}
	return -ELOOP;
}

/* --- the words below the strings --- */

static void add_aux(struct exec *exec, u64 type, u64 value)
{
	exec->mm->auxv[exec->aux_count++] = type;
	exec->mm->auxv[exec->aux_count++] = value;
}

static u32 hardware_capabilities(void)
{
	u32 regs[4];

	cpuid(1, 0, regs);
	return regs[3];
}

static void fill_auxv(struct exec *exec, u64 platform, u64 random)
{
	const struct cred *cred = exec->cred;

	add_aux(exec, AT_MINSIGSTKSZ, cpu_features.xsave_size + 1024);
	add_aux(exec, AT_HWCAP, hardware_capabilities());
	add_aux(exec, AT_PAGESZ, PAGE_SIZE);
	add_aux(exec, AT_CLKTCK, CLOCK_TICKS);
	add_aux(exec, AT_PHDR, exec->headers_address);
	add_aux(exec, AT_PHENT, sizeof(struct elf64_phdr));
	add_aux(exec, AT_PHNUM, exec->header_count);
	add_aux(exec, AT_BASE, exec->interpreter_base);
	add_aux(exec, AT_FLAGS, 0);
	add_aux(exec, AT_ENTRY, exec->program_entry);
	add_aux(exec, AT_UID, cred->uid);
	add_aux(exec, AT_EUID, cred->euid);
	add_aux(exec, AT_GID, cred->gid);
	add_aux(exec, AT_EGID, cred->egid);
	add_aux(exec, AT_SECURE, exec->secure);
	add_aux(exec, AT_RANDOM, random);
	add_aux(exec, AT_HWCAP2, 0);
	add_aux(exec, AT_EXECFN, exec->name_address);
	add_aux(exec, AT_PLATFORM, platform);
	add_aux(exec, AT_NULL, 0);
}

/* The address after the string that lies at addr, or 0. */
static u64 after_string(struct exec *exec, u64 addr)
{
	while (true) {
		u8 *page = stack_page(exec, addr);
		u64 offset = addr & ~PAGE_MASK;

		if (!page)
			return 0;
		u8 *end = memchr(page + offset, '\0', PAGE_SIZE - offset);
		if (end)
			return addr + (u64)(end - page) - offset + 1;
		addr += PAGE_SIZE - offset;
	}
}

/* Pushes the pointers to count strings that lie one after another from addr on, and a NULL after
 * them. The words go upwards from `at`. Gives the address after the last string, or 0. */
static u64 write_pointers(struct exec *exec, u64 at, u64 addr, u64 count)
{
	for (u64 i = 0; i <= count && addr; i++, at += 8) {
		u8 *page = stack_page(exec, at);

		if (!page)
			return 0;
		*(u64 *)(page + (at & ~PAGE_MASK)) = i < count ? addr : 0;
		if (i < count)
			addr = after_string(exec, addr);
	}
	return addr;
}

static int push_words(struct exec *exec)
{
	struct mm_struct *mm = exec->mm;
	u64 strings = exec->top, argc = exec->argc;
	u8 random[16];
	int error;

	random_bytes(random, sizeof(random));
	/* the words do not count as strings */
	exec->bottom -= PAGE_SIZE + (exec->argc + exec->envc + 3) * 8;
	error = push_string(exec, "x86_64");
	u64 platform = exec->top;
	if (!error)
		error = push(exec, random, sizeof(random), false);
	if (error)
		return error;
	fill_auxv(exec, platform, exec->top);
	u64 words = 1 + exec->argc + 1 + exec->envc + 1 + exec->aux_count;
	exec->top = align_down(exec->top - words * 8, 16) + words * 8;
	error = push(exec, mm->auxv, exec->aux_count * 8, false);
	if (error)
		return error;
	exec->top -= (exec->argc + 1 + exec->envc + 1) * 8;
	mm->arg_start = strings;
	mm->arg_end = mm->env_start = write_pointers(exec, exec->top, strings, exec->argc);
	if (!mm->arg_end)
		return -ENOMEM;
	mm->env_end =
		write_pointers(exec, exec->top + (exec->argc + 1) * 8, mm->env_start, exec->envc);
	if (!mm->env_end)
		return -ENOMEM;
	error = push(exec, &argc, 8, false);
	mm->stack_start = exec->top;
	return error;
}

/* --- the point of no return --- */

/* What other processes share with this one (CLONE_FILES, CLONE_SIGHAND) and may not stay shared is
 * copied, in case that they still do when the threads are gone. 0 or -ENOMEM. */
static int copy_shared(struct exec *exec)
{
	if (files_shared(current->files)) {
		exec->files = files_copy(current->files);
		if (!exec->files)
			return -ENOMEM;
	}
	if (sighand_shared(current->sighand)) {
		exec->sighand = sighand_copy(current->sighand);
		if (!exec->sighand)
			return -ENOMEM;
	}
	return 0;
}

/* The copies take the place of what is shared even now; exec_end drops what is left over. */
static void unshare(struct exec *exec)
{
	struct files_struct *files = current->files;
	struct sighand_struct *sighand = current->sighand;

	spin_lock(&tasklist_lock);
	if (exec->files && files_shared(files)) {
		current->files = exec->files;
		exec->files = files;
	}
	if (exec->sighand && sighand_shared(sighand)) {
		current->sighand = exec->sighand;
		exec->sighand = sighand;
	}
	spin_unlock(&tasklist_lock);
}

/* Who could not read the program, or acts for another, must not read it in memory either. */
static void commit_credentials(struct exec *exec)
{
	const struct cred *old = current->cred;

	current->mm->dumpable = old->euid == old->uid && old->egid == old->gid &&
				inode_permission(exec->file->inode, MAY_READ) == 0;
	if (exec->secure) {		    /* whoever is nobody to it has no say in it */
		current->pdeath_signal = 0; /* prctl(2) */
		current->fail_nth = 0;
	}
	cred_commit(exec->cred);
	exec->cred = NULL;
}

static void exec_commit(struct exec *exec, struct trapframe *tf, const char *path)
{
	struct mm_struct *old = current->mm;
	const char *base = strrchr(path, '/');

	unshare(exec);
	futex_exit();
	futex_clear_child_tid();
	spin_lock(&tasklist_lock);
	current->mm = exec->mm;
	current->has_execed = true;
	spin_unlock(&tasklist_lock);
	exec->mm = NULL;
	commit_credentials(exec);
	mm_activate(current->mm);
	vfork_release();
	if (old) {
		current->peak_rss = max(current->peak_rss, old->rss_peak);
		mm_put(old);
	}
	strlcpy(current->comm, base ? base + 1 : path, sizeof(current->comm));
	files_close_on_exec(current->files);
	sighand_reset(current->sighand);
	signal_end_timers();
	current->altstack = (stack_t){ 0 };
	current->exit_signal = SIGCHLD;
	current->fs_base = current->gs_base = 0;
	irq_push();
	cpu_set_user_bases(0, 0);
	fpu_reset(current->fpu);
	fpu_restore(current->fpu);
	irq_pop();
	*tf = (struct trapframe){
		.rip = exec->entry,
		.cs = USER_CS,
		.rflags = RFLAGS_IF | RFLAGS_FIXED,
		.rsp = exec->top,
		.ss = USER_DS,
		.orig_rax = (u64)-1,
	};
}

/* How many threads of the process use the running one's root and working directory. */
static u32 own_sharers(void)
{
	const struct task_struct *thread = NULL;
	u32 count = 0;

	spin_lock(&tasklist_lock);
	while ((thread = thread_next(current->signal, thread)))
		count += thread->fs == current->fs;
	spin_unlock(&tasklist_lock);
	return count;
}

/* Everything before the point of no return. */
static int exec_prepare(struct exec *exec, int dirfd, const char *path, int flags,
			const struct exec_strings *argv, const struct exec_strings *envp)
{
	exec->file = file_open_exec(dirfd, path, flags);
	if (IS_ERR(exec->file)) {
		int error = (int)PTR_ERR(exec->file);

		exec->file = NULL;
		return error;
	}
	int error = exec_begin(exec);
	if (error)
		return error;
	u64 limit = (exec->top - exec->bottom) / 8;
	s64 argc = count_strings(argv, limit), envc = count_strings(envp, limit);
	if (argc < 0 || envc < 0)
		return (int)min(argc, envc);
	/* The pointers count against the same limit as the strings. */
	exec->bottom += min((u64)(max(argc, 1ll) + envc) * 8, exec->top - exec->bottom);
	exec->argc = (u64)argc;
	exec->envc = (u64)envc;
	exec->interpreter_name = kmalloc(PAGE_SIZE);
	if (!exec->interpreter_name)
		return -ENOMEM;
	strlcpy(exec->interpreter_name, path, PAGE_SIZE);
	error = push_string(exec, path);
	exec->name_address = exec->top;
	if (!error)
		error = push_strings(exec, envp, exec->envc);
	if (!error)
		error = push_strings(exec, argv, exec->argc);
	/* a program may count on argv[0]: Linux supplies an empty one */
	if (!error && exec->argc == 0) {
		error = push_string(exec, "");
		exec->argc = 1;
	}
	if (!error)
		error = exec_load(exec);
	if (!error)
		error = copy_shared(exec);
	if (error)
		return error;
	exec->fs_claimed = fs_begin_exec(current->fs, own_sharers());
	exec->cred = cred_for_exec(exec->file->inode, !exec->fs_claimed, &exec->secure);
	if (IS_ERR(exec->cred)) {
		error = (int)PTR_ERR(exec->cred);
		exec->cred = NULL;
		return error;
	}
	return push_words(exec);
}

int task_execve(struct trapframe *tf, int dirfd, const char *path, int flags,
		const struct exec_strings *argv, const struct exec_strings *envp)
{
	if (current->nproc_exceeded &&
	    user_processes(current->cred->user) > task_rlimit(RLIMIT_NPROC))
		return -EAGAIN;
	current->nproc_exceeded = false;
	struct exec *exec = kzalloc(sizeof(*exec));
	if (!exec)
		return -ENOMEM;
	int error = exec_prepare(exec, dirfd, path, flags, argv, envp);
	if (!error)
		error = thread_become_process();
	if (!error)
		exec_commit(exec, tf, path);
	exec_end(exec);
	return error;
}
