/*
 * Formatted output into a buffer. Conversions: d i u x X o c s p and %%, with flags - 0 + space #,
 * width and precision (numbers or *), and the lengths hh h l ll z. No floating point. Same results
 * as ISO C's snprintf.
 */
#ifndef MITOS_LIB_PRINTF_H
#define MITOS_LIB_PRINTF_H

#include <stdarg.h>
#include "lib/types.h"

/* Writes at most size bytes, terminator included (size may be 0); returns the length the whole text
 * has. */
int mitos_vsnprintf(char *buf, size_t size, const char *format, va_list args) __printf(3, 0);
int mitos_snprintf(char *buf, size_t size, const char *format, ...) __printf(3, 4);

#if !__STDC_HOSTED__
#define vsnprintf mitos_vsnprintf
#define snprintf mitos_snprintf
#endif

#endif
