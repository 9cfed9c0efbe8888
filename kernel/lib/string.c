/*
 * Memory and strings. Copying and filling go eight bytes at a time by `rep`, which costs one
 * instruction for each word in our cost model and needs no vector registers; the rest is as plain
 * as it can be. The direction flag is clear between functions, as the System V ABI says.
 */
#include "lib/string.h"

#if !__STDC_HOSTED__

/* Keeps the compiler from seeing that a loop is the very function it is in, and calling that. */
#define OPAQUE(p) asm volatile("" : "+r"(p))

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	void *d = to;
	size_t words = size / 8, tail = size % 8;

	asm volatile("rep movsq" : "+D"(d), "+S"(from), "+c"(words) : : "memory");
	asm volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(tail) : : "memory");
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	if ((uintptr_t)to - (uintptr_t)from >= size)
		return memcpy(to, from, size);

	/* to lies inside the source: start at the last byte */
	u8 *d = (u8 *)to + size - 1;
	const u8 *s = (const u8 *)from + size - 1;
	asm volatile("std; rep movsb; cld" : "+D"(d), "+S"(s), "+c"(size) : : "memory");
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	void *d = to;
	u64 pattern = (u8)byte * 0x0101010101010101ull;
	size_t words = size / 8, tail = size % 8;

	asm volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(pattern) : "memory");
	asm volatile("rep stosb" : "+D"(d), "+c"(tail) : "a"(pattern) : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const u8 *x = a, *y = b;

	for (; size; size--, x++, y++) {
		OPAQUE(x);
		if (*x != *y)
			return *x - *y;
	}
	return 0;
}

void *memchr(const void *s, int byte, size_t size)
{
	const u8 *p = s;

	for (; size; size--, p++) {
		OPAQUE(p);
		if (*p == (u8)byte)
			return (void *)p;
	}
	return NULL;
}

size_t strlen(const char *s)
{
	const char *end = s;

	while (*end) {
		end++;
		OPAQUE(end);
	}
	return end - s;
}

size_t strnlen(const char *s, size_t limit)
{
	const char *end = memchr(s, 0, limit);

	return end ? (size_t)(end - s) : limit;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
		OPAQUE(a);
	}
	return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t limit)
{
	for (; limit && *a && *a == *b; limit--) {
		a++;
		b++;
		OPAQUE(a);
	}
	return limit ? (u8)*a - (u8)*b : 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		OPAQUE(s);
		if (*s == (char)c)
			return (char *)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	do {
		OPAQUE(s);
		if (*s == (char)c)
			found = s;
	} while (*s++);
	return (char *)found;
}

#endif

size_t strlcpy(char *to, const char *from, size_t size)
{
	size_t length = strlen(from);
	size_t copied = min(length, size - 1);

	memcpy(to, from, copied);
	to[copied] = 0;
	return length;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

u64 str_to_u64(const char *s, const char **end)
{
	bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && digit_value(s[2]) < 16;
	int base = hex ? 16 : 10;
	u64 value = 0;

	for (s += hex ? 2 : 0; digit_value(*s) < base; s++)
		if (__builtin_mul_overflow(value, (u64)base, &value) ||
		    __builtin_add_overflow(value, (u64)digit_value(*s), &value))
			value = UINT64_MAX;
	if (end)
		*end = s;
	return value;
}
