/*
 * kernel/fs/cpio.c: what it makes of good archives, and that from bad ones (cut off anywhere, or
 * with any bytes changed) it takes nothing that lies outside them.
 */
#include "fs/cpio.h"
#include "unit.h"

#include <errno.h>

/* ---- writing archives ----------------------------------------------------------------------- */

struct archive {
	char bytes[4096];
	size_t size;
};

static void pad(struct archive *a, size_t unit)
{
	while (a->size % unit)
		a->bytes[a->size++] = 0;
}

/* Appends one entry; field i of the header is base + i where the test does not care. */
static void add(struct archive *a, const char *name, unsigned mode, const char *contents)
{
	size_t size = strlen(contents);

	a->size += (size_t)sprintf(
		a->bytes + a->size, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08X%08x%08x", 7,
		mode, 1, 2, 3, 4, (unsigned)size, 5, 6, 8, 0xab, (unsigned)strlen(name) + 1, 0);
	strcpy(a->bytes + a->size, name);
	a->size += strlen(name) + 1;
	pad(a, 4);
	memcpy(a->bytes + a->size, contents, size);
	a->size += size;
	pad(a, 4);
}

static void add_trailer(struct archive *a)
{
	add(a, "TRAILER!!!", 0, "");
}

/* Three files, a second archive after padding, and one more file in it. */
static void make_archive(struct archive *a)
{
	a->size = 0;
	add(a, "etc", 040755, "");
	add(a, "etc/motd", 0100644, "hello\n");
	add(a, "x", 0100600, "1234567");
	add_trailer(a);
	pad(a, 512);
	add(a, "etc/motd", 0100644, "again");
	add_trailer(a);
	pad(a, 512);
}

/* ---- reading them --------------------------------------------------------------------------- */

struct seen {
	const char *start;
	size_t size;
	char text[8192];
	size_t count;
	bool outside;
};

/* Notes an entry, reading all of its bytes, so that the sanitizer sees where they lie. */
static int note(const struct cpio_entry *entry, void *arg)
{
	struct seen *seen = arg;
	const char *data = entry->data;
	unsigned sum = 0;

	seen->outside |= entry->name < seen->start ||
			 entry->name + entry->name_length >= seen->start + seen->size ||
			 data < seen->start || data + entry->size > seen->start + seen->size ||
			 strlen(entry->name) != entry->name_length;
	for (u64 i = 0; i < entry->size; i++)
		sum += (unsigned char)data[i];
	if (seen->count++ < 16)
		snprintf(seen->text + strlen(seen->text), sizeof(seen->text) - strlen(seen->text),
			 "%s:%o:%.*s;", entry->name, entry->mode, (int)min(entry->size, (u64)100),
			 data);
	return sum == 0xffffffff;
}

static int parse(const void *bytes, size_t size, struct seen *seen)
{
	char *copy = exact_copy(bytes, size);

	*seen = (struct seen){ .start = copy, .size = size };
	int result = cpio_parse(copy, size, note, seen);
	free(copy);
	CHECK(!seen->outside);
	CHECK(result == 0 || result == -EINVAL);
	return result;
}

/* ---- tables --------------------------------------------------------------------------------- */

CASE(archives_follow_one_another)
{
	struct archive a;
	struct seen seen;

	make_archive(&a);
	CHECK_EQ(parse(a.bytes, a.size, &seen), 0);
	CHECK_STR(seen.text,
		  "etc:40755:;etc/motd:100644:hello\n;x:100600:1234567;etc/motd:100644:again;");
}

static int check_fields(const struct cpio_entry *entry, void *arg)
{
	*(int *)arg += 1;
	CHECK_EQ(entry->ino, 7);
	CHECK_EQ(entry->uid, 1);
	CHECK_EQ(entry->gid, 2);
	CHECK_EQ(entry->nlink, 3);
	CHECK_EQ(entry->mtime, 4);
	CHECK_EQ(entry->dev_major, 5);
	CHECK_EQ(entry->dev_minor, 6);
	CHECK_EQ(entry->rdev_major, 8);
	CHECK_EQ(entry->rdev_minor, 0xab);
	CHECK_EQ(entry->archive, *(int *)arg > 3);
	return 0;
}

CASE(every_field_is_where_it_belongs)
{
	struct archive a;
	int count = 0;

	make_archive(&a);
	CHECK_EQ(cpio_parse(a.bytes, a.size, check_fields, &count), 0);
	CHECK_EQ(count, 4);
}

static int stop(const struct cpio_entry *entry, void *arg)
{
	(void)entry;
	return --*(int *)arg ? 0 : 42;
}

CASE(the_callback_can_stop_it)
{
	struct archive a;
	int calls = 2;

	make_archive(&a);
	CHECK_EQ(cpio_parse(a.bytes, a.size, stop, &calls), 42);
	CHECK_EQ(calls, 0);
}

CASE(nothing_and_padding_are_archives)
{
	struct seen seen;
	char zeros[512] = { 0 };

	CHECK_EQ(parse("", 0, &seen), 0);
	CHECK_EQ(parse(zeros, sizeof(zeros), &seen), 0);
	CHECK_EQ(seen.count, 0);
}

CASE(no_archive_at_all)
{
	struct seen seen;
	char bytes[200];

	memset(bytes, '0', sizeof(bytes));
	CHECK_EQ(parse(bytes, sizeof(bytes), &seen), -EINVAL);
	CHECK_EQ(parse("\177ELF", 4, &seen), -EINVAL);
}

/* ---- broken archives ------------------------------------------------------------------------ */

CASE(cut_off_anywhere)
{
	struct archive a;
	struct seen seen;

	make_archive(&a);
	for (size_t size = 0; size <= a.size; size++)
		parse(a.bytes, size, &seen);
}

CASE(lengths_that_lie)
{
	static const char *const lies[] = { "ffffffff", "7fffffff", "00001000", "00000000",
					    "fffffff0", "0000100G", "        " };
	static const int fields[] = { 6, 11 }; /* the size of the contents and of the name */

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		for (size_t f = 0; f < 2; f++) {
			struct archive a;
			struct seen seen;

			make_archive(&a);
			memcpy(a.bytes + 6 + 8 * fields[f], lies[i], 8);
			parse(a.bytes, a.size, &seen);
		}
	}
}

CASE(random_changes)
{
	for (int round = 0; round < 20000; round++) {
		struct archive a;
		struct seen seen;

		make_archive(&a);
		for (int changes = 1 + (int)random_below(6); changes > 0; changes--) {
			size_t at = random_below(a.size);

			a.bytes[at] = random_below(2) ? (char)random64()
						      : "0123456789abcdefF"[random_below(17)];
		}
		parse(a.bytes, random_below(8) ? a.size : random_below(a.size), &seen);
	}
}

UNIT_MAIN
