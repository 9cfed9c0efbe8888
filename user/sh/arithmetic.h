/*
 * The expressions of $(( )).
 */
#ifndef SH_ARITHMETIC_H
#define SH_ARITHMETIC_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The value of an expression (POSIX XCU 2.6.4): C's integer operators without ++ and --, on signed
 * 64-bit numbers that wrap around; names are variables, which it may assign to. False, with a
 * complaint, if it is none, or divides by zero.
 */
bool arithmetic_evaluate(const char *expression, intmax_t *result);

#endif
