/*
 * kernel/lib/string.c against the C library. The functions that the kernel has under their
 * standard names are compiled here with the prefix k_ (see test_host_units.py), beside the real
 * ones.
 */
#include "lib/string.h"
#include "unit.h"

void *k_memcpy(void *to, const void *from, size_t size);
void *k_memmove(void *to, const void *from, size_t size);
void *k_memset(void *to, int byte, size_t size);
int k_memcmp(const void *a, const void *b, size_t size);
void *k_memchr(const void *s, int byte, size_t size);
size_t k_strlen(const char *s);
size_t k_strnlen(const char *s, size_t limit);
int k_strcmp(const char *a, const char *b);
int k_strncmp(const char *a, const char *b, size_t limit);
char *k_strchr(const char *s, int c);
char *k_strrchr(const char *s, int c);

enum { ARENA = 200, ROUNDS = 20000 };

static int sign(int value)
{
	return (value > 0) - (value < 0);
}

/* A string of few different letters, so that comparisons go deep. */
static char *random_string(size_t length)
{
	char *s = malloc(length + 1);

	for (size_t i = 0; i < length; i++)
		s[i] = "ab\x80"[random_below(3)];
	s[length] = '\0';
	return s;
}

CASE(copies_moves_and_fills_touch_only_their_range)
{
	for (int round = 0; round < ROUNDS; round++) {
		unsigned char ours[ARENA], theirs[ARENA];
		size_t size = random_below(90), to = random_below(ARENA - size);
		size_t from = random_below(ARENA - size);
		int byte = (int)random64();

		for (size_t i = 0; i < ARENA; i++)
			ours[i] = theirs[i] = (unsigned char)random64();
		CHECK(k_memmove(ours + to, ours + from, size) == ours + to);
		memmove(theirs + to, theirs + from, size);
		CHECK(memcmp(ours, theirs, ARENA) == 0);
		CHECK(k_memset(ours + from, byte, size) == ours + from);
		memset(theirs + from, byte, size);
		CHECK(memcmp(ours, theirs, ARENA) == 0);
		CHECK(k_memcpy(ours + to, "0123456789012345678901234567890", size % 32) ==
		      ours + to);
		memcpy(theirs + to, "0123456789012345678901234567890", size % 32);
		CHECK(memcmp(ours, theirs, ARENA) == 0);
	}
}

CASE(comparisons_and_searches)
{
	for (int round = 0; round < ROUNDS; round++) {
		size_t n = random_below(12), m = random_below(12), limit = random_below(14);
		char *a = random_string(n), *b = random_string(m);
		size_t both = n < m ? n : m;
		int c = "ab\x80zc"[random_below(5)];

		CHECK_EQ(sign(k_strcmp(a, b)), sign(strcmp(a, b)));
		CHECK_EQ(sign(k_strncmp(a, b, limit)), sign(strncmp(a, b, limit)));
		CHECK_EQ(sign(k_memcmp(a, b, both)), sign(memcmp(a, b, both)));
		CHECK(k_strchr(a, c) == strchr(a, c));
		CHECK(k_strrchr(a, c) == strrchr(a, c));
		CHECK(k_strchr(a, 0) == a + n && k_strrchr(a, 0) == a + n);
		CHECK(k_memchr(a, c, n) == memchr(a, c, n));
		CHECK_EQ(k_strlen(a), n);
		CHECK_EQ(k_strnlen(a, limit), strnlen(a, limit));
		free(a);
		free(b);
	}
}

CASE(strnlen_reads_no_further_than_its_limit)
{
	char *unterminated = exact_copy("abc", 3);

	CHECK_EQ(k_strnlen(unterminated, 3), 3);
	free(unterminated);
}

CASE(strlcpy_always_terminates)
{
	for (size_t size = 1; size < 8; size++) {
		char *to = malloc(size);

		CHECK_EQ(strlcpy(to, "abcde", size), 5);
		CHECK_EQ(strlen(to), size > 5 ? 5 : size - 1);
		CHECK(strncmp(to, "abcde", strlen(to)) == 0);
		free(to);
	}
}

CASE(numbers)
{
	static const struct {
		const char *text;
		u64 value;
		size_t used;
	} table[] = {
		{ "0", 0, 1 },
		{ "42", 42, 2 },
		{ "42M", 42, 2 },
		{ "007", 7, 3 },
		{ "", 0, 0 },
		{ "x", 0, 0 },
		{ "-1", 0, 0 },
		{ "0x10", 16, 4 },
		{ "0Xff,", 255, 4 },
		{ "0x", 0, 1 },
		{ "0xg", 0, 1 },
		{ "18446744073709551615", UINT64_MAX, 20 },
		{ "18446744073709551616", UINT64_MAX, 20 },
		{ "0xffffffffffffffff", UINT64_MAX, 18 },
		{ "0x10000000000000000", UINT64_MAX, 19 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const char *end;

		if (str_to_u64(table[i].text, &end) != table[i].value)
			FAIL("\"%s\" is read as %lu", table[i].text,
			     str_to_u64(table[i].text, NULL));
		CHECK_EQ(end - table[i].text, table[i].used);
	}
}

UNIT_MAIN
