/*
 * Reading /proc/PID/pagetables, which only mitos has: a line for each page table of a process (see
 * kernel/procfs/pagetables.c). Read into memory of the caller's, since malloc might itself write to
 * the pages that are being looked at.
 */
#ifndef USER_PAGETABLES_H
#define USER_PAGETABLES_H

#include "procfs.h"

enum { PAGE_TABLES_MAX = 512, PAGE_TABLES_TEXT = 64 << 10 };

struct page_table {
	char name[8]; /* of its level: PML4, PDPT, PD, PT */
	unsigned long start, last;
	unsigned long frame;
	unsigned refs;
	bool shared;   /* with another address space, itself or a table above it */
	unsigned used; /* entries */
	bool writable; /* W in the entry that leads to it */
	/* of a PT: entries with W, without it, of pages with other references, of files' pages */
	unsigned pages_writable, pages_read_only, pages_shared, pages_of_files;
};

struct page_tables {
	int count;
	struct page_table table[PAGE_TABLES_MAX];
	char text[PAGE_TABLES_TEXT];
};

/* Takes one line apart; false if it is none. */
static inline bool page_table_parse(const char *line, struct page_table *table)
{
	char sharing[8], write;
	int fields;

	memset(table, 0, sizeof(*table));
	fields = sscanf(line,
			" %7s %lx-%lx frame %lx refs %u %7s used %u %c"
			" writable %u read-only %u shared %u file %u",
			table->name, &table->start, &table->last, &table->frame, &table->refs,
			sharing, &table->used, &write, &table->pages_writable,
			&table->pages_read_only, &table->pages_shared, &table->pages_of_files);
	if (fields != (strcmp(table->name, "PT") == 0 ? 12 : 8))
		return false;
	table->shared = strcmp(sharing, "shared") == 0;
	table->writable = write == 'W';
	return true;
}

/* False if the process is gone, or has more tables than there is room for. */
static inline bool page_tables_read(int pid, struct page_tables *tables)
{
	const char *line = tables->text;

	tables->count = 0;
	if (proc_read(pid, "pagetables", tables->text, sizeof(tables->text)) <= 0)
		return false;
	for (; *line; line += strcspn(line, "\n") + 1)
		if (tables->count == PAGE_TABLES_MAX ||
		    !page_table_parse(line, &tables->table[tables->count++]))
			return false;
	return true;
}

/* The table of this level for the address, or NULL. */
static inline const struct page_table *page_table_find(const struct page_tables *tables,
						       const char *name, const void *address)
{
	for (int i = 0; i < tables->count; i++) {
		const struct page_table *table = &tables->table[i];

		if (strcmp(table->name, name) == 0 && table->start <= (unsigned long)address &&
		    (unsigned long)address <= table->last)
			return table;
	}
	return NULL;
}

#endif
