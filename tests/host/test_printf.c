/*
 * kernel/lib/printf.c against the C library's own snprintf: a table of the cases that are easy to
 * get wrong, and random conversions, each into buffers of random size.
 */
#include "lib/printf.h"
#include "unit.h"

#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-truncation"

#define SAME(...)                                                                                  \
	do {                                                                                       \
		char ours[256], theirs[256];                                                       \
		int n = mitos_snprintf(ours, sizeof(ours), __VA_ARGS__);                           \
		int m = snprintf(theirs, sizeof(theirs), __VA_ARGS__);                             \
		CHECK_STR(ours, theirs);                                                           \
		CHECK_EQ(n, m);                                                                    \
	} while (0)

CASE(integers)
{
	SAME("%d %i %u", 0, -1, 4294967295u);
	SAME("%d %d", INT32_MIN, INT32_MAX);
	SAME("%ld %ld %lu", INT64_MIN, INT64_MAX, UINT64_MAX);
	SAME("%lld %llx %zu", -5ll, 5ull, (size_t)7);
	SAME("%hhd %hhu %hd %hu", 200, 300, 40000, 70000);
	SAME("%x %X %#x %#X %#x", 0xbeef, 0xbeef, 0xbeef, 0xbeef, 0);
	SAME("%o %#o %#o", 8, 8, 0);
}

CASE(widths_and_precisions)
{
	SAME("[%5d] [%-5d] [%05d] [%+5d] [% d]", 42, 42, 42, 42, 42);
	SAME("[%5d] [%-5d] [%05d]", -42, -42, -42);
	SAME("[%.3d] [%8.3d] [%-8.3d] [%08.3d]", 7, 7, 7, 7);
	SAME("[%.0d] [%.0d] [%5.0d] [%.d]", 0, 1, 0, 0);
	SAME("[%#08x] [%#8x] [%-#8x] [%#.5x]", 0xab, 0xab, 0xab, 0xab);
	SAME("[%*d] [%-*d] [%*d] [%.*d] [%.*d]", 6, 1, 6, 1, -6, 1, 3, 1, -1, 1);
	SAME("[%#.0o] [%#5o] [%#.3o]", 0, 8, 8);
}

CASE(strings_and_characters)
{
	SAME("%s|%10s|%-10s|%.2s|%10.2s|%.0s", "abc", "abc", "abc", "abc", "abc", "abc");
	SAME("%c%c%c [%3c] [%-3c]", 'a', '%', 'z', 'b', 'c');
	SAME("100%%");
	SAME("%s", "");
}

CASE(a_precision_bounds_what_is_read)
{
	char ours[16], *unterminated = exact_copy("abcd", 4);

	CHECK_EQ(mitos_snprintf(ours, sizeof(ours), "%.4s", unterminated), 4);
	CHECK_STR(ours, "abcd");
	free(unterminated);
}

CASE(pointers)
{
	SAME("%p %20p %-20p", (void *)0x1234, (void *)0xffffffff80100000, (void *)1);
}

CASE(a_small_buffer_is_filled_and_terminated)
{
	for (size_t size = 0; size < 12; size++) {
		char *ours = malloc(size), theirs[12];

		CHECK_EQ(mitos_snprintf(ours, size, "%s-%d", "abc", 12345), 9);
		snprintf(theirs, size, "%s-%d", "abc", 12345);
		if (size)
			CHECK_STR(ours, theirs);
		free(ours);
	}
	CHECK_EQ(mitos_snprintf(NULL, 0, "%100d", 1), 100);
}

/* A random conversion that ISO C defines; its argument is a long, an int or a string. */
static char random_spec(char *spec, bool *is_long)
{
	static const char conversions[] = "diuxXosc";
	char conversion = conversions[random_below(8)];
	bool number = conversion != 's' && conversion != 'c';
	char *at = spec;

	*at++ = '%';
	for (const char *flag = "-+ #0"; *flag; flag++) {
		bool defined = *flag == '-' || (number && *flag != '#') ||
			       (*flag == '#' && strchr("xXo", conversion));
		if (defined && random_below(4) == 0)
			*at++ = *flag;
	}
	if (random_below(2))
		at += sprintf(at, "%d", (int)random_below(30));
	if (conversion != 'c' && random_below(3) == 0)
		at += sprintf(at, ".%d", (int)random_below(30));
	*is_long = number && random_below(2);
	if (*is_long)
		at += sprintf(at, random_below(2) ? "l" : "ll");
	else if (number && random_below(3) == 0)
		at += sprintf(at, random_below(2) ? "h" : "hh");
	*at++ = conversion;
	*at = '\0';
	return conversion;
}

static int print(bool ours, char *buffer, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = ours ? mitos_vsnprintf(buffer, size, format, args)
		     : vsnprintf(buffer, size, format, args);
	va_end(args);
	return n;
}

CASE(random_conversions)
{
	static const char *const strings[] = { "", "a",
					       "a rather long string, longer than the field" };

	for (int round = 0; round < 100000; round++) {
		char spec[64], format[80], text[2][200];
		bool is_long;
		char conversion = random_spec(spec, &is_long);
		uint64_t value = random64() >> random_below(64);
		const char *string = strings[random_below(3)];
		size_t size = random_below(4) ? sizeof(text[0]) : random_below(20);
		int length[2];

		snprintf(format, sizeof(format), "<%s>%%s", spec);
		memset(text, 0, sizeof(text));
		for (int i = 0; i < 2; i++) {
			if (conversion == 's')
				length[i] = print(i, text[i], size, format, string, "end");
			else if (is_long)
				length[i] = print(i, text[i], size, format, value, "end");
			else
				length[i] = print(i, text[i], size, format, (int)value, "end");
		}
		if (length[0] != length[1] || memcmp(text[0], text[1], sizeof(text[0])))
			FAIL("%s of %lx in %zu bytes is \"%s\", not \"%s\"", spec, value, size,
			     text[1], text[0]);
	}
}

UNIT_MAIN
