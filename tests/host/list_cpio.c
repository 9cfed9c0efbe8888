/*
 * Lists an archive on standard input as the kernel's parser sees it, one line for each entry:
 * inode, mode, owner, links, device, and the name and the contents as hexadecimal digits.
 */
#include "fs/cpio.h"

#include <stdio.h>
#include <stdlib.h>

static int list(const struct cpio_entry *entry, void *arg)
{
	const unsigned char *data = entry->data;

	(void)arg;
	printf("%u %o %u:%u %u %u:%u %s ", entry->ino, entry->mode, entry->uid, entry->gid,
	       entry->nlink, entry->rdev_major, entry->rdev_minor, entry->name);
	for (u64 i = 0; i < entry->size; i++)
		printf("%02x", data[i]);
	printf("\n");
	return 0;
}

int main(void)
{
	static char archive[1 << 20];
	size_t size = fread(archive, 1, sizeof(archive), stdin);

	return cpio_parse(archive, size, list, NULL) ? EXIT_FAILURE : EXIT_SUCCESS;
}
