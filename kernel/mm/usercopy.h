/*
 * The only way to user memory. Each function checks that the range lies in the user half, opens
 * SMAP for the copy, and survives any fault: the exception table turns it into a short copy.
 * Writing breaks copy-on-write like a user's own store does, because CR0.WP makes the kernel fault
 * too. May sleep (takes the mm's lock on a fault).
 */
#ifndef MITOS_MM_USERCOPY_H
#define MITOS_MM_USERCOPY_H

#include "lib/types.h"

/* End of the user half: the last page below it is never mapped, so that no syscall instruction can
 * end there. */
#define USER_END 0x00007ffffffff000ull

static inline bool user_range_ok(const void __user *addr, size_t size)
{
	u64 start = (u64)(__force const void *)addr;

	return size <= USER_END && start <= USER_END - size;
}

/* All or nothing for the caller: 0, or -EFAULT. */
int copy_from_user(void *to, const void __user *from, size_t size);
int copy_to_user(void __user *to, const void *from, size_t size);

/* The same, returning how many bytes were not copied. */
size_t copy_from_user_partial(void *to, const void __user *from, size_t size);
size_t copy_to_user_partial(void __user *to, const void *from, size_t size);
size_t clear_user_partial(void __user *to, size_t size);

/*
 * Copies a string with its terminator into to[size]. Returns its length without the terminator,
 * -EFAULT, or -ENAMETOOLONG if size bytes hold no terminator.
 */
ssize_t strncpy_from_user(char *to, const char __user *from, size_t size);

/* The length of a user string, or size if it has no terminator within size bytes; -EFAULT. */
ssize_t strnlen_user(const char __user *string, size_t size);

/*
 * A word at an aligned user address, each in one atomic step: 0 or -EFAULT. user_word_exchange
 * writes new if the word is *seen, and gives what was there in *seen. Under a spinlock they fail
 * where a page is missing or has to be copied first; user_word_fault_in(), without one, sees to it
 * that the word can be written.
 */
int user_word_load(const u32 __user *at, u32 *value);
int user_word_exchange(u32 __user *at, u32 *seen, u32 new);
int user_word_fault_in(u32 __user *at);

void usercopy_init(void); /* once, after cpu_init */

/* If rip is an instruction that may fault on user memory: the address to continue at; else 0. */
u64 usercopy_fixup(u64 rip);

#endif
