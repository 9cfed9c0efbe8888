/* Random bytes for getrandom, AT_RANDOM, /dev/urandom and the stack protector's canary. */
#ifndef MITOS_X86_RANDOM_H
#define MITOS_X86_RANDOM_H

#include "lib/types.h"

void random_init(void);
void random_bytes(void *buf, size_t size);
void random_stir(u64 value); /* mixes in an unpredictable moment, e.g. an interrupt's time stamp */

#endif
