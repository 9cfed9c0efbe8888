/*
 * libFuzzer on kernel/fs/cpio.c: any bytes at all as an archive. Every entry handed out must lie
 * inside it, with a name that ends where it says (`make fuzz`).
 */
#include "fs/cpio.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct bounds {
	const char *start, *end;
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void insist(bool claim)
{
	if (!claim)
		abort();
}

static int check_entry(const struct cpio_entry *entry, void *arg)
{
	const struct bounds *archive = arg;
	const char *data = entry->data;

	insist(entry->name >= archive->start && entry->name < archive->end);
	insist(entry->name_length < (size_t)(archive->end - entry->name));
	insist(strlen(entry->name) == entry->name_length);
	insist(data >= archive->start && data <= archive->end);
	insist(entry->size <= (size_t)(archive->end - data));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct bounds archive = { (const char *)bytes, (const char *)bytes + size };

	cpio_parse(bytes, size, check_entry, &archive);
	return 0;
}
