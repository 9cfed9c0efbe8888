/* Range checks and errno around the assembler routines of usercopy.asm, and the search in the
 * exception table. */
#include "mm/usercopy.h"
#include "x86/cpu.h"
#include <asm/errno.h>

size_t copy_user(void *to, const void *from, size_t size);
size_t clear_user_asm(void *to, size_t size);
ssize_t copy_user_string(char *to, const char *from, size_t size);

ssize_t user_string_length(const char *string, size_t size);
u64 load_user_word(const u32 *at);
u64 exchange_user_word(u32 *at, u32 old, u32 new);

#define WORD_FAULT (~0ull) /* what the last two give after a fault */

struct fixup {
	u64 instruction, target;
};
extern const struct fixup extable_start[], extable_end[];

extern bool usercopy_smap; /* usercopy.asm and entry.asm read it */
bool usercopy_smap;

void usercopy_init(void)
{
	usercopy_smap = cpu_features.smap;
}

size_t copy_from_user_partial(void *to, const void __user *from, size_t size)
{
	return user_range_ok(from, size) ? copy_user(to, (__force const void *)from, size) : size;
}

size_t copy_to_user_partial(void __user *to, const void *from, size_t size)
{
	return user_range_ok(to, size) ? copy_user((__force void *)to, from, size) : size;
}

size_t clear_user_partial(void __user *to, size_t size)
{
	return user_range_ok(to, size) ? clear_user_asm((__force void *)to, size) : size;
}

int copy_from_user(void *to, const void __user *from, size_t size)
{
	return copy_from_user_partial(to, from, size) ? -EFAULT : 0;
}

int copy_to_user(void __user *to, const void *from, size_t size)
{
	return copy_to_user_partial(to, from, size) ? -EFAULT : 0;
}

ssize_t strncpy_from_user(char *to, const char __user *from, size_t size)
{
	u64 start = (u64)(__force const char *)from;

	if (start >= USER_END)
		return -EFAULT;
	size_t limit = min(size, (size_t)(USER_END - start));
	ssize_t length = copy_user_string(to, (__force const char *)from, limit);
	if (length < 0)
		return -EFAULT;
	if ((size_t)length == limit)
		return limit == size ? -ENAMETOOLONG : -EFAULT;
	return length;
}

ssize_t strnlen_user(const char __user *string, size_t size)
{
	u64 start = (u64)(__force const char *)string;

	if (start >= USER_END)
		return -EFAULT;
	size_t limit = min(size, (size_t)(USER_END - start));
	ssize_t length = user_string_length((__force const char *)string, limit);
	return length < 0 || ((size_t)length == limit && limit < size) ? -EFAULT : length;
}

int user_word_load(const u32 __user *at, u32 *value)
{
	u64 word = user_range_ok(at, sizeof(*at)) ? load_user_word((__force const u32 *)at)
						  : WORD_FAULT;

	*value = (u32)word;
	return word == WORD_FAULT ? -EFAULT : 0;
}

int user_word_exchange(u32 __user *at, u32 *seen, u32 new)
{
	u64 word = user_range_ok(at, sizeof(*at))
			   ? exchange_user_word((__force u32 *)at, *seen, new)
			   : WORD_FAULT;

	*seen = (u32)word;
	return word == WORD_FAULT ? -EFAULT : 0;
}

int user_word_fault_in(u32 __user *at)
{
	u32 seen;

	/* the processor writes the word in any case */
	return user_word_load(at, &seen) ? -EFAULT : user_word_exchange(at, &seen, seen);
}

u64 usercopy_fixup(u64 rip)
{
	for (const struct fixup *at = extable_start; at < extable_end; at++)
		if (at->instruction == rip)
			return at->target;
	return 0;
}
