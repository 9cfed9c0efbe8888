/*
 * The kernel's log: the latest 64 KiB of what printk() said and what was written to /dev/kmsg, as
 * records. A position counts bytes since boot and stays what it is while records are dropped at the
 * other end. Any context may call, except that a panic writes nothing more here.
 */
#ifndef MITOS_X86_LOG_H
#define MITOS_X86_LOG_H

#include "lib/types.h"

#define LOG_SIZE (64 << 10) /* bytes */
#define LOG_TEXT 300	    /* bytes of the longest record's text */

struct log_record {
	u64 sequence; /* from 0 */
	u64 usec;     /* since boot */
	u16 priority; /* syslog(3): facility << 3 | level */
	u16 size;     /* bytes of text */
	char text[LOG_TEXT];
};

/* Appends a record; what does not fit into LOG_TEXT is cut off. */
void log_append(unsigned priority, u64 usec, const char *text, size_t size);

/* Copies the record at *position, or the oldest if that one was dropped, and moves the position
 * behind it. False at the end of the log. */
bool log_read(u64 *position, struct log_record *record);

u64 log_first(void); /* the position of the oldest record */
u64 log_end(void);   /* the position behind the latest */

#endif
