/* Reads `fail=SITE:N` from the command line; see fail.h. */
#include "mm/fail.h"
#include "lib/string.h"
#include "x86/bootinfo.h"

s64 fail_countdown[FAIL_SITES];

void fail_init(void)
{
	static const char *const names[FAIL_SITES] = { "frame:", "slab:" };
	const char *value;

	if (!bootinfo_option("fail", &value) || !value)
		return;
	for (int site = 0; site < FAIL_SITES; site++)
		if (strncmp(value, names[site], strlen(names[site])) == 0)
			fail_countdown[site] = (s64)str_to_u64(value + strlen(names[site]), NULL);
}
