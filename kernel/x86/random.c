/*
 * A ChaCha20 generator (RFC 8439, 2.3) keyed from RDRAND where there is one, and always from the
 * TSC's jitter. After every request the key is replaced by output of its own, so what was handed
 * out cannot be computed from a later state. random_lock guards the state; interrupts stir a word
 * that the next request mixes in.
 */
#include "x86/random.h"
#include "lib/string.h"
#include "x86/spinlock.h"

#define KEY_SIZE 32

static struct spinlock random_lock = SPINLOCK_INIT("random"); /* guards state */
static u32 state[16];
static u64 stirred; /* atomic */

static u32 rotate_left(u32 x, int bits)
{
	return x << bits | x >> (32 - bits);
}

static void quarter_round(u32 *x, int a, int b, int c, int d)
{
	x[a] += x[b], x[d] = rotate_left(x[d] ^ x[a], 16);
	x[c] += x[d], x[b] = rotate_left(x[b] ^ x[c], 12);
	x[a] += x[b], x[d] = rotate_left(x[d] ^ x[a], 8);
	x[c] += x[d], x[b] = rotate_left(x[b] ^ x[c], 7);
}

static void next_block(u32 out[16])
{
	memcpy(out, state, sizeof(state));
	for (int i = 0; i < 10; i++) {
		for (int j = 0; j < 4; j++)
			quarter_round(out, j, 4 + j, 8 + j, 12 + j);
		for (int j = 0; j < 4; j++)
			quarter_round(out, j, 4 + (j + 1) % 4, 8 + (j + 2) % 4, 12 + (j + 3) % 4);
	}
	for (int i = 0; i < 16; i++)
		out[i] += state[i];
	state[12]++;
}

static u64 hardware_word(void)
{
	u64 word = 0;

	if (cpu_features.rdrand)
		asm volatile("rdrand %0" : "+r"(word) : : "cc");
	return word ^ rdtsc() * 0x9e3779b97f4a7c15ull;
}

void random_init(void)
{
	static const u32 constants[4] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };

	memcpy(state, constants, sizeof(constants));
	for (int i = 4; i < 16; i += 2) {
		u64 word = hardware_word();

		memcpy(&state[i], &word, 8);
	}
}

void random_stir(u64 value)
{
	__atomic_fetch_add(&stirred, value * 0x9e3779b97f4a7c15ull, __ATOMIC_RELAXED);
}

void random_bytes(void *buf, size_t size)
{
	u32 block[16];
	u8 *to = buf;

	spin_lock(&random_lock);
	u64 fresh = __atomic_load_n(&stirred, __ATOMIC_RELAXED) ^ hardware_word();
	state[14] ^= (u32)fresh;
	state[15] ^= (u32)(fresh >> 32);
	while (size > KEY_SIZE) {
		size_t step = min(sizeof(block), size);

		next_block(block);
		memcpy(to, block, step);
		to += step;
		size -= step;
	}
	/* The last block is both the next key and what is still to be given. */
	next_block(block);
	memcpy(&state[4], block, KEY_SIZE);
	memcpy(to, (u8 *)block + KEY_SIZE, size);
	spin_unlock(&random_lock);
	memset(block, 0, sizeof(block));
}
