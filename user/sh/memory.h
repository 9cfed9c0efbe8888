/*
 * The shell's memory: an arena for things that end together (a command's tree; what its words
 * expand to), given back in one step, so that the parser and the expansion free nothing and leak
 * nothing; a byte buffer that grows; and a list of strings that
 * ends in NULL, as execve wants it. A shell without memory cannot even say "not found" properly,
 * so when malloc fails it says so and exits with status 2; no caller checks for NULL.
 */
#ifndef SH_MEMORY_H
#define SH_MEMORY_H

#include <stddef.h>

struct arena {
	struct arena_block *blocks; /* newest first; the head is the one being filled */
};

/* Zeroed memory, aligned for any type, that lives until arena_release(). */
void *arena_alloc(struct arena *arena, size_t size);
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_strdup(struct arena *arena, const char *text);
void arena_release(struct arena *arena);

/* How full an arena was: what has been allocated since can be given back. */
struct arena_mark {
	struct arena_block *block;
	size_t used;
};

struct arena_mark arena_mark(const struct arena *arena);
void arena_rewind(struct arena *arena, struct arena_mark mark);

/* A growing string. data is NUL-terminated after the first add, NULL before. */
struct buffer {
	char *data;
	size_t length;
	size_t capacity;
};

void buffer_add(struct buffer *buffer, const char *bytes, size_t count);
void buffer_add_char(struct buffer *buffer, char byte);
void buffer_clear(struct buffer *buffer);
void buffer_free(struct buffer *buffer);

/* A growing vector of strings in an arena. items[count] is NULL after strings_finish(). */
struct strings {
	char **items;
	size_t count;
	size_t capacity;
};

void strings_add(struct strings *strings, struct arena *arena, char *item);
char **strings_finish(struct strings *strings, struct arena *arena);

/* malloc and strdup that do not return NULL. */
void *must_alloc(size_t size);
char *must_strdup(const char *text);

#endif
