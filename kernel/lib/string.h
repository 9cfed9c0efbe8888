/* The memory and string functions of ISO C that a freestanding kernel needs, with their standard
 * meaning. */
#ifndef MITOS_LIB_STRING_H
#define MITOS_LIB_STRING_H

#include "lib/types.h"

#if __STDC_HOSTED__
#include <string.h>
#else
void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
void *memchr(const void *s, int byte, size_t size);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t limit);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t limit);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
#endif

/* Copies at most size - 1 bytes and always terminates (size > 0); returns strlen(from). */
size_t strlcpy(char *to, const char *from, size_t size);

/* Parses an unsigned decimal (or 0x hexadecimal) number, UINT64_MAX if it is too large; *end, if
 * given, is the first byte not used. */
u64 str_to_u64(const char *s, const char **end);

#endif
