/*
 * Finds the function that contains an address by binary search in the table of text symbols. The
 * table is read-only and sorted, so any context may look.
 */
#include "x86/ksyms.h"
#include "lib/printf.h"
#include "x86/paging.h"

extern const u32 ksyms_count;
extern const u32 ksyms_addr[]; /* offsets from KERNEL_BASE, ascending */
extern const u32 ksyms_name[]; /* offsets into ksyms_strings */
extern const char ksyms_strings[];
extern const char text_start[], text_end[];

const char *ksyms_lookup(u64 address, u64 *offset)
{
	if (address < (u64)text_start || address >= (u64)text_end || ksyms_count == 0)
		return NULL;
	u32 wanted = (u32)(address - KERNEL_BASE);
	u32 low = 0, high = ksyms_count; /* addr[low] <= wanted < addr[high] */

	while (high - low > 1) {
		u32 middle = (low + high) / 2;

		if (ksyms_addr[middle] <= wanted)
			low = middle;
		else
			high = middle;
	}
	*offset = wanted - ksyms_addr[low];
	return ksyms_strings + ksyms_name[low];
}

bool ksyms_describe(u64 address, char *buf, size_t size)
{
	u64 offset;
	const char *name = ksyms_lookup(address, &offset);

	if (!name)
		return false;
	snprintf(buf, size, "%s+0x%llx", name, (unsigned long long)offset);
	return true;
}
