/*
 * Tables of system calls that take a pointer, for mem_efault.c and mem_efault_more.c: each call is
 * made with every kind of bad pointer in the marked argument and must answer -EFAULT, change
 * nothing, and of course survive. Calls go straight to the kernel, because the C library may look
 * at its arguments first.
 */
#ifndef EFAULT_H
#define EFAULT_H

#include "pages.h"
#include "paths.h"

#define BAD 0x0badbadbadbadbadl		/* stands for the bad pointer in a table's arguments */

struct pointer_call {
	const char *name;
	long number;
	long arg[6];
	int null_is_fine;		/* a null pointer has a meaning of its own in this call */
};

enum direction { KERNEL_READS, KERNEL_WRITES };

struct bad_pointer {
	const char *what;
	uintptr_t at;
};

enum { BAD_POINTERS = 11 };

/* Fills the list of bad pointers; a read-only page is bad only where the kernel writes. */
static inline int bad_pointers(struct bad_pointer *list, enum direction direction)
{
	char *none = map_pages(3, PROT_NONE, MAP_PRIVATE), *pages = map_private(3);
	int n = 0;

	CHECK_EQ(munmap(pages + PAGE, PAGE), 0);
	list[n++] = (struct bad_pointer){ "NULL", 0 };
	list[n++] = (struct bad_pointer){ "an address in the first page", 64 };
	list[n++] = (struct bad_pointer){ "an unmapped page", (uintptr_t)pages + PAGE };
	list[n++] = (struct bad_pointer){ "the last byte before an unmapped page's end",
					  (uintptr_t)pages + 2 * PAGE - 1 };
	list[n++] = (struct bad_pointer){ "a PROT_NONE page", (uintptr_t)none + PAGE };
	list[n++] = (struct bad_pointer){ "the kernel's direct map", 0xffff888000000000 };
	list[n++] = (struct bad_pointer){ "the kernel's image", 0xffffffff80000000 };
	list[n++] = (struct bad_pointer){ "the first address beyond the program's", user_end() };
	list[n++] = (struct bad_pointer){ "a non-canonical address", 0x8000000000000000 };
	list[n++] = (struct bad_pointer){ "-1", UINTPTR_MAX };
	if (direction == KERNEL_WRITES) {
		char *read_only = map_pages(1, PROT_READ, MAP_PRIVATE);
		CHECK_ZERO(read_only, PAGE);
		list[n++] = (struct bad_pointer){ "a read-only page", (uintptr_t)read_only };
	}
	return n;
}

static inline long call_with(const struct pointer_call *call, uintptr_t pointer)
{
	long arg[6];

	for (int i = 0; i < 6; i++)
		arg[i] = call->arg[i] == BAD ? (long)pointer : call->arg[i];
	return syscall(call->number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

/* Each call of the table with each bad pointer. */
static inline void check_efault(const struct pointer_call *calls, size_t count,
				enum direction direction)
{
	struct bad_pointer list[BAD_POINTERS];
	int n = bad_pointers(list, direction);

	for (size_t c = 0; c < count; c++)
		for (int p = 0; p < n; p++) {
			if (list[p].at == 0 && calls[c].null_is_fine)
				continue;
			CONTEXT("%s with %s", calls[c].name, list[p].what);
			CHECK_ERRNO(call_with(&calls[c], list[p].at), EFAULT);
		}
	ktap_context[0] = '\0';
}

#define CHECK_TABLE(table, direction) \
	check_efault(table, sizeof(table) / sizeof((table)[0]), direction)

#endif
