/* An execve under way, shared by exec.c (strings, stack, commit) and execload.c (mapping the
 * program). */
#ifndef MITOS_PROC_EXECLOAD_H
#define MITOS_PROC_EXECLOAD_H

#include "proc/elf.h"

struct cred;
struct file;
struct frame;
struct files_struct;
struct mm_struct;
struct sighand_struct;

struct exec {
	struct mm_struct *mm; /* the new address space; NULL once it is the task's */
	struct file *file;    /* the program, or the last interpreter of a script */
	/* name by which file was opened, for the next script level; a page */
	char *interpreter_name;
	u64 argc, envc;
	u64 top, bottom;    /* of what may be pushed on the stack; user addresses */
	struct frame *page; /* the stack page written last, with a reference, and its address */
	u64 page_addr;
	int page_error; /* why it could not be had: -ENOMEM, or -E2BIG beyond RLIMIT_STACK */
	const struct cred *cred;    /* what the program will act as; NULL once it is the task's */
	bool secure;		    /* AT_SECURE */
	bool fs_claimed;	    /* fs_begin_exec was called, and said yes */
	struct files_struct *files; /* a copy, in case that others share it; or NULL */
	struct sighand_struct *sighand; /* the same */
	u64 name_address;		/* user address of the file name string */
	u32 aux_count;			/* words in mm->auxv */

	/* set by exec_load_elf */
	u64 entry; /* where to start: the program's entry, or the dynamic loader's */
	u64 program_entry;
	u64 headers_address;
	u32 header_count;
	u64 interpreter_base; /* AT_BASE */
};

/* Maps exec->file, whose first bytes are given, into exec->mm. 0 or -errno. */
int exec_load_elf(struct exec *exec, const char *bytes, size_t size);

#endif
