/* A growing buffer for the text of a /proc file. */
#include "procfs/text.h"
#include "lib/string.h"
#include "mm/slab.h"
#include <asm/errno.h>

#define TEXT_START 1024

static bool reserve(struct text *text, size_t more)
{
	size_t capacity = text->capacity ? text->capacity : TEXT_START;

	while (capacity < text->size + more)
		capacity *= 2;
	if (capacity == text->capacity)
		return true;
	char *data = text->failed ? NULL : kmalloc(capacity);
	if (!data) {
		text->failed = true;
		return false;
	}
	if (text->data)
		memcpy(data, text->data, text->size);
	kfree(text->data);
	text->data = data;
	text->capacity = capacity;
	return true;
}

/* How many blanks a string begins with. */
static size_t blanks(const char *s)
{
	size_t count = 0;

	while (s[count] == ' ' || (s[count] >= '\t' && s[count] <= '\r'))
		count++;
	return count;
}

int text_parse_int(const char *value, int *number)
{
	const char *end;

	value += blanks(value);
	bool negative = *value == '-';
	value += negative || *value == '+';
	u64 magnitude = str_to_u64(value, &end);
	if (end == value || end[blanks(end)])
		return -EINVAL;
	if (magnitude > (u64)S32_MAX + negative)
		return -ERANGE;
	*number = (int)(negative ? -(s64)magnitude : (s64)magnitude);
	return 0;
}

void text_append(struct text *text, const char *bytes, size_t size)
{
	if (reserve(text, size)) {
		memcpy(text->data + text->size, bytes, size);
		text->size += size;
	}
}

void text_print(struct text *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	size_t size = (size_t)vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (!reserve(text, size + 1))
		return;
	va_start(args, format);
	/* a name that its task has changed since may be shorter now, or longer */
	text->size += min((size_t)vsnprintf(text->data + text->size, size + 1, format, args), size);
	va_end(args);
}
