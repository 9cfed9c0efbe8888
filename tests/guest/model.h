/*
 * The model of memory that prog_random.c compares its own with: what is mapped where, what each
 * tracked byte must be, and which access must fault.
 *
 * Memory is cut into units: most are one page, some span the rest of a table, so that a few hundred
 * units reach over the boundaries of 2 MiB, 1 GiB and 512 GiB. Three arenas of the same shape lie
 * far apart; the heap follows them. TRACKED bytes of a unit's first page are known exactly. What is
 * private is in the process's own array, which fork copies as it copies the memory it describes.
 * What processes share (objects of anonymous shared memory, and two files) is in one shared
 * mapping, and is looked at and changed only under its lock, with the memory itself.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdint.h>
#include <string.h>

#define PAGE 4096ul
#define TABLE (512 * PAGE)
#define GIB (512 * TABLE)

enum {
	TRACKED = 8,
	ARENAS = 3,
	ARENA_UNITS = 101,
	HEAP_FIRST = ARENAS * ARENA_UNITS,
	HEAP_UNITS = 17,
	UNITS = HEAP_FIRST + HEAP_UNITS,
	FILES = 2,
	FILE_PAGES = 64,
	OBJECTS = 1 << 16,
	SLOTS = 1 << 18,
	PROCESSES = 10, /* alive at a time */
};

enum kind { NOTHING, ANON_PRIVATE, ANON_SHARED, FILE_PRIVATE, FILE_SHARED };

/* Of the files one is only mapped private, the other only shared. */
enum { PRIVATE_FILE, SHARED_FILE };

static const uint16_t tracked[TRACKED] = { 0, 1, 511, 1024, 2047, 3000, 4088, 4095 };

/* What never changes of a unit. */
struct place {
	char *start;
	uint32_t pages;
};

/* What a unit is to this process. */
struct unit {
	uint8_t kind, prot;
	uint8_t dontfork, wipeonfork;
	uint8_t copied;		/* FILE_PRIVATE: written to, so its bytes are its own ... */
	uint32_t generation;	/* ... until the file's page goes */
	uint32_t id;		/* neighbours with one id are surely in one mapping */
	uint32_t object;	/* ANON_SHARED */
	uint32_t index;		/* page number in the object or file */
	uint32_t slot;		/* ANON_SHARED: where its bytes are */
	uint8_t byte[TRACKED];	/* of private memory */
};

struct object {
	uint32_t pages;
	uint8_t simple; /* all its units are single pages: slots go with page numbers */
};

struct file_model {
	uint32_t pages;
	uint32_t generation[FILE_PAGES]; /* grows when the page goes */
	uint8_t byte[FILE_PAGES][TRACKED];
};

struct shared_model {
	uint32_t lock, failed;
	uint32_t alive;
	uint32_t objects, slots;
	uint64_t operations, target;
	uint64_t seed;
	uint64_t counts[32]; /* operations by kind */
	struct file_model file[FILES];
	struct object object[OBJECTS];
	uint8_t slot[SLOTS][TRACKED];
};

static struct place place[UNITS];
static struct unit unit[UNITS];
static struct shared_model *common;

static inline struct place *add_places(struct place *at, char *start, int singles, uint32_t gap)
{
	for (int i = 0; i < singles; i++, start += PAGE)
		*at++ = (struct place){ start, 1 };
	if (gap)
		*at++ = (struct place){ start, gap };
	return at;
}

/* Eight pages before and after each boundary, and what lies between as one unit. */
static inline struct place *add_arena(struct place *at, char *base)
{
	static const uint64_t boundary[] = { 0,		  TABLE,     2 * TABLE,
					     GIB,	  GIB + TABLE, 512 * GIB };
	enum { BOUNDARIES = sizeof(boundary) / sizeof(boundary[0]) };

	for (int i = 0; i < BOUNDARIES; i++) {
		uint64_t next = i + 1 < BOUNDARIES ? boundary[i + 1] : boundary[i] + 16 * PAGE;

		at = add_places(at, base + boundary[i] - 8 * PAGE, 16,
				(uint32_t)((next - boundary[i]) / PAGE - 16));
	}
	return at;
}

/* Where everything is: the heap begins at the break as it is at the start. */
static inline void lay_out(char *heap)
{
	struct place *at = place;

	at = add_arena(at, (char *)0x100000000000);
	at = add_arena(at, (char *)0x200000000000);
	at = add_arena(at, (char *)0x3f8000000000);
	at = add_places(at, heap, 8, 510);
	add_places(at, heap + 518 * PAGE, 8, 0);
}

static inline int is_heap(int u)
{
	return u >= HEAP_FIRST;
}

/* Does u + 1 begin where u ends, in the same arena? */
static inline int continues(int u)
{
	return u + 1 < UNITS && place[u].start + place[u].pages * PAGE == place[u + 1].start;
}

static inline int is_shared(int u)
{
	return unit[u].kind == ANON_SHARED || unit[u].kind == FILE_SHARED;
}

static inline struct file_model *file_of(int u)
{
	return &common->file[unit[u].kind == FILE_SHARED ? SHARED_FILE : PRIVATE_FILE];
}

static inline int is_file(int u)
{
	return unit[u].kind == FILE_PRIVATE || unit[u].kind == FILE_SHARED;
}

/* Beyond the end of what it maps: SIGBUS. */
static inline int is_beyond(int u)
{
	if (is_file(u))
		return unit[u].index >= file_of(u)->pages;
	return unit[u].kind == ANON_SHARED && unit[u].index >= common->object[unit[u].object].pages;
}

static inline int is_copied(int u)
{
	return unit[u].copied
	       && unit[u].generation == common->file[PRIVATE_FILE].generation[unit[u].index];
}

/* The bytes that the unit must show. It is mapped, and not beyond. */
static inline uint8_t *bytes_of(int u)
{
	switch (unit[u].kind) {
	case ANON_SHARED:
		return common->slot[unit[u].slot];
	case FILE_SHARED:
		return common->file[SHARED_FILE].byte[unit[u].index];
	case FILE_PRIVATE:
		if (!is_copied(u))
			return common->file[PRIVATE_FILE].byte[unit[u].index];
		break;
	}
	return unit[u].byte;
}

/* The same, to be changed, as a write to the memory changes it. */
static inline uint8_t *bytes_to_change(int u)
{
	if (unit[u].kind == FILE_PRIVATE && !is_copied(u)) {
		memcpy(unit[u].byte, bytes_of(u), TRACKED);
		unit[u].copied = 1;
		unit[u].generation = common->file[PRIVATE_FILE].generation[unit[u].index];
	}
	return bytes_of(u);
}

/* A write of `size` bytes from offset `from` of the unit on. value: one byte, or the data. */
static inline void model_write(int u, size_t from, size_t size, const uint8_t *data, uint8_t value)
{
	uint8_t *bytes = bytes_to_change(u);

	for (int k = 0; k < TRACKED; k++)
		if (tracked[k] >= from && tracked[k] < from + size)
			bytes[k] = data ? data[tracked[k] - from] : value;
}

/* The unit is mapped anew, or not at all. */
static inline void model_reset(int u, enum kind kind, int prot, uint32_t id)
{
	memset(&unit[u], 0, sizeof(unit[u]));
	unit[u].kind = (uint8_t)kind;
	unit[u].prot = (uint8_t)prot;
	unit[u].id = id;
}

/* What MADV_DONTNEED, or a child that wipes, finds. */
static inline void model_forget(int u)
{
	if (unit[u].kind == ANON_PRIVATE)
		memset(unit[u].byte, 0, TRACKED);
	unit[u].copied = 0;
}

/* What the child of a fork has of all this. */
static inline void model_fork(void)
{
	for (int u = 0; u < UNITS; u++) {
		if (unit[u].dontfork)
			model_reset(u, NOTHING, 0, 0);
		else if (unit[u].wipeonfork)
			model_forget(u);
	}
}

/* A file gets another length; what it loses is gone from every mapping of it. */
static inline void model_truncate(struct file_model *file, uint32_t pages)
{
	for (uint32_t i = pages; i < file->pages; i++) {
		memset(file->byte[i], 0, TRACKED);
		file->generation[i]++;
	}
	file->pages = pages;
}

#endif
