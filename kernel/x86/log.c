/*
 * A ring of bytes: each record is a header and its text, whatever boundary they lie across. To
 * append drops as many of the oldest as are in the way.
 */
#include "x86/log.h"
#include "x86/spinlock.h"

struct header {
	u64 sequence, usec;
	u16 priority, size;
};

static struct spinlock lock = SPINLOCK_INIT("log"); /* guards what follows */
static u8 ring[LOG_SIZE];
static u64 first, end, records;

static void put(const void *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		ring[end++ % LOG_SIZE] = ((const u8 *)from)[i];
}

static void get(u64 at, void *to, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((u8 *)to)[i] = ring[at++ % LOG_SIZE];
}

void log_append(unsigned priority, u64 usec, const char *text, size_t size)
{
	struct header header = { .usec = usec,
				 .priority = (u16)priority,
				 .size = (u16)min(size, (size_t)LOG_TEXT) };

	spin_lock(&lock);
	while (end + sizeof(header) + header.size - first > LOG_SIZE) {
		struct header oldest;

		get(first, &oldest, sizeof(oldest));
		first += sizeof(oldest) + oldest.size;
	}
	header.sequence = records++;
	put(&header, sizeof(header));
	put(text, header.size);
	spin_unlock(&lock);
}

bool log_read(u64 *position, struct log_record *record)
{
	struct header header;

	spin_lock(&lock);
	u64 at = max(*position, first);
	bool found = at < end;
	if (found) {
		get(at, &header, sizeof(header));
		get(at + sizeof(header), record->text, header.size);
		record->sequence = header.sequence;
		record->usec = header.usec;
		record->priority = header.priority;
		record->size = header.size;
		*position = at + sizeof(header) + header.size;
	}
	spin_unlock(&lock);
	return found;
}

u64 log_first(void)
{
	spin_lock(&lock);
	u64 position = first;
	spin_unlock(&lock);
	return position;
}

u64 log_end(void)
{
	spin_lock(&lock);
	u64 position = end;
	spin_unlock(&lock);
	return position;
}
