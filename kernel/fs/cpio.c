/*
 * The newc parser (cpio(5)): 110 bytes of header in ASCII, the name, the contents, each padded to
 * four bytes from the start of the archive. Every length is checked against what is left before it
 * is used.
 */
#include <linux/errno.h>
#include "fs/cpio.h"
#include "lib/string.h"

#define HEADER_SIZE 110
#define NAME_SIZE_MAX 4096

/* Where the fields stand, counted in eights after the magic. */
enum { INO, MODE, UID, GID, NLINK, MTIME, SIZE, MAJOR, MINOR, RMAJOR, RMINOR, NAMESIZE, CHECK };

/* Field number index of a header; false if it is not eight hexadecimal digits. */
static bool parse_field(const char *header, unsigned index, u32 *value)
{
	const char *digits = header + 6 + 8 * index;

	*value = 0;
	for (unsigned i = 0; i < 8; i++) {
		char c = digits[i];
		u32 digit;
		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (c | 0x20) - 'a' + 10;
		else
			return false;
		*value = *value << 4 | digit;
	}
	return true;
}

/*
 * Parses the entry at *offset of an archive of size bytes, and moves *offset behind it.
 * False: malformed or cut off.
 */
static bool parse_entry(const char *archive, size_t size, size_t *offset, struct cpio_entry *entry)
{
	const char *header = archive + *offset;
	u32 field[CHECK + 1];

	if (size - *offset < HEADER_SIZE)
		return false;
	if (memcmp(header, "070701", 6) != 0 && memcmp(header, "070702", 6) != 0)
		return false;
	for (unsigned i = 0; i <= CHECK; i++)
		if (!parse_field(header, i, &field[i]))
			return false;

	size_t name = *offset + HEADER_SIZE, name_size = field[NAMESIZE];
	if (name_size == 0 || name_size > NAME_SIZE_MAX || name_size > size - name)
		return false;
	if (strnlen(archive + name, name_size) != name_size - 1)
		return false;
	size_t data = align_up(name + name_size, 4);
	if (data > size || field[SIZE] > size - data)
		return false;
	*offset = min(align_up(data + field[SIZE], 4), size);
	*entry = (struct cpio_entry){
		.name = archive + name,
		.name_length = name_size - 1,
		.ino = field[INO],
		.mode = field[MODE],
		.uid = field[UID],
		.gid = field[GID],
		.nlink = field[NLINK],
		.mtime = field[MTIME],
		.dev_major = field[MAJOR],
		.dev_minor = field[MINOR],
		.rdev_major = field[RMAJOR],
		.rdev_minor = field[RMINOR],
		.size = field[SIZE],
		.data = archive + data,
	};
	return true;
}

int cpio_parse(const void *data, size_t size, int (*fn)(const struct cpio_entry *entry, void *arg),
	       void *arg)
{
	const char *archive = data;
	struct cpio_entry entry;
	size_t offset = 0;
	u32 number = 0;

	while (true) {
		if (offset == 0) /* between archives */
			for (; size && !*archive; size--)
				archive++;
		if (offset == size)
			return 0;
		if (!parse_entry(archive, size, &offset, &entry))
			return -EINVAL;
		if (strcmp(entry.name, "TRAILER!!!") == 0) {
			archive += offset;
			size -= offset;
			offset = 0;
			number++;
			continue;
		}
		entry.archive = number;
		int result = fn(&entry, arg);
		if (result)
			return result;
	}
}
