/*
 * The shell's memory: arena, buffer, list of strings. See memory.h for what they promise.
 */
#include "memory.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
	struct arena_block *older;
	size_t used;
	size_t size;
	alignas(max_align_t) char bytes[];
};

static const size_t ARENA_BLOCK = 4000;

static void *not_null(void *memory)
{
	if (!memory) {
		fputs("sh: out of memory\n", stderr);
		exit(2);
	}
	return memory;
}

void *must_alloc(size_t size)
{
	return not_null(malloc(size));
}

char *must_strdup(const char *text)
{
	return not_null(strdup(text));
}

static void arena_grow(struct arena *arena, size_t size)
{
	struct arena_block *block;

	if (size < ARENA_BLOCK)
		size = ARENA_BLOCK;
	block = must_alloc(sizeof(*block) + size);
	block->older = arena->blocks;
	block->used = 0;
	block->size = size;
	arena->blocks = block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	size_t rounded = (size + alignof(max_align_t) - 1) & -alignof(max_align_t);
	struct arena_block *block = arena->blocks;
	void *memory;

	if (!block || block->size - block->used < rounded) {
		arena_grow(arena, rounded);
		block = arena->blocks;
	}
	memory = block->bytes + block->used;
	block->used += rounded;
	return memset(memory, 0, size);
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_alloc(arena, length + 1);

	return memcpy(copy, text, length);
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

void arena_release(struct arena *arena)
{
	while (arena->blocks) {
		struct arena_block *older = arena->blocks->older;

		free(arena->blocks);
		arena->blocks = older;
	}
}

struct arena_mark arena_mark(const struct arena *arena)
{
	return (struct arena_mark){ arena->blocks, arena->blocks ? arena->blocks->used : 0 };
}

/* The newest block is kept for what comes next, unless it is an unusually large one. */
void arena_rewind(struct arena *arena, struct arena_mark mark)
{
	while (arena->blocks != mark.block) {
		struct arena_block *block = arena->blocks;

		if (block->older == mark.block && !mark.block && block->size == ARENA_BLOCK) {
			block->used = 0;
			return;
		}
		arena->blocks = block->older;
		free(block);
	}
	if (arena->blocks)
		arena->blocks->used = mark.used;
}

void buffer_add(struct buffer *buffer, const char *bytes, size_t count)
{
	size_t needed = buffer->length + count + 1;

	if (needed > buffer->capacity) {
		buffer->capacity = needed < 64 ? 64 : 2 * needed;
		buffer->data = not_null(realloc(buffer->data, buffer->capacity));
	}
	memcpy(buffer->data + buffer->length, bytes, count);
	buffer->length += count;
	buffer->data[buffer->length] = '\0';
}

void buffer_add_char(struct buffer *buffer, char byte)
{
	buffer_add(buffer, &byte, 1);
}

/* Empty, but keeping its memory for the next use. */
void buffer_clear(struct buffer *buffer)
{
	buffer->length = 0;
	if (buffer->data)
		buffer->data[0] = '\0';
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){ 0 };
}

void strings_add(struct strings *strings, struct arena *arena, char *item)
{
	if (strings->count == strings->capacity) {
		size_t capacity = strings->capacity ? 2 * strings->capacity : 8;
		char **items = arena_alloc(arena, capacity * sizeof(*items));

		if (strings->count)
			memcpy(items, strings->items, strings->count * sizeof(*items));
		strings->items = items;
		strings->capacity = capacity;
	}
	strings->items[strings->count++] = item;
}

/* Ends the list with NULL (which count does not count) and returns it. */
char **strings_finish(struct strings *strings, struct arena *arena)
{
	strings_add(strings, arena, NULL);
	strings->count--;
	return strings->items;
}
