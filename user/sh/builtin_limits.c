/*
 * umask, ulimit and times: what the kernel keeps for each process and its children inherit.
 */
#include "builtins.h"

#include "shell.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/times.h>
#include <unistd.h>

/* ---- umask ------------------------------------------------------------------------------ */

static mode_t current_mask(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return mask;
}

static void print_symbolic(mode_t mask)
{
	char text[32], *at = text;

	for (int who = 0; who < 3; who++) {
		mode_t allowed = ~mask >> (6 - 3 * who);

		*at++ = "ugo"[who];
		*at++ = '=';
		for (int bit = 0; bit < 3; bit++)
			if (allowed & (4 >> bit))
				*at++ = "rwx"[bit];
		*at++ = who < 2 ? ',' : '\n';
	}
	write_output("umask", text, at - text);
}

/* The bits of u, g, o and a, for each of r, w and x. */
static const char *take_who(const char *text, mode_t *who)
{
	*who = 0;
	for (; *text && strchr("ugoa", *text); text++)
		*who |= *text == 'u' ? 0700 : *text == 'g' ? 0070 : *text == 'o' ? 0007 : 0777;
	if (*who == 0)
		*who = 0777;
	return text;
}

/* One action, like =rx or -w, on the permissions that are left. NULL if it is none. */
static const char *take_action(const char *text, mode_t who, mode_t *allowed)
{
	char operator= * text++;
	mode_t bits = 0;

	if (operator!= '=' && operator!= '+' && operator!= '-')
		return NULL;
	for (; *text && strchr("rwx", *text); text++)
		bits |= *text == 'r' ? 0444 : *text == 'w' ? 0222 : 0111;
	bits &= who;
	if (operator== '=')
		*allowed = (*allowed & ~who) | bits;
	else
		*allowed = operator== '+' ? *allowed | bits : * allowed & ~bits;
	return text;
}

/* Clauses like u=rwx,go-w. False if the text is none. */
static bool parse_symbolic(const char *text, mode_t *mask)
{
	mode_t allowed = ~*mask & 0777, who;

	for (;;) {
		text = take_who(text, &who);
		do
			text = take_action(text, who, &allowed);
		while (text && *text && *text != ',');
		if (!text)
			return false;
		if (*text == '\0')
			break;
		text++;
	}
	*mask = ~allowed & 0777;
	return true;
}

int run_umask(char **argv)
{
	mode_t mask = current_mask();
	bool symbolic = argv[1] && strcmp(argv[1], "-S") == 0;
	char *text = argv[symbolic ? 2 : 1];
	char *end;

	if (!text) {
		if (symbolic)
			print_symbolic(mask);
		else
			print_output("umask", "%.4o\n", mask);
		return EXIT_SUCCESS;
	}
	if (*text >= '0' && *text <= '9') {
		mask = strtoul(text, &end, 8);
		if (*end)
			return misuse("umask", "%s: not a mask", text);
	} else if (!parse_symbolic(text, &mask)) {
		return misuse("umask", "%s: not a mask", text);
	}
	umask(mask);
	return EXIT_SUCCESS;
}

/* ---- ulimit ----------------------------------------------------------------------------- */

struct limit {
	char letter;
	int resource;
	rlim_t unit;
	const char *name;
};

static const struct limit LIMITS[] = {
	{ 't', RLIMIT_CPU, 1, "time(seconds)" },
	{ 'f', RLIMIT_FSIZE, 512, "file(blocks)" },
	{ 'd', RLIMIT_DATA, 1024, "data(kbytes)" },
	{ 's', RLIMIT_STACK, 1024, "stack(kbytes)" },
	{ 'c', RLIMIT_CORE, 512, "coredump(blocks)" },
	{ 'm', RLIMIT_RSS, 1024, "memory(kbytes)" },
	{ 'l', RLIMIT_MEMLOCK, 1024, "locked memory(kbytes)" },
	{ 'p', RLIMIT_NPROC, 1, "process" },
	{ 'n', RLIMIT_NOFILE, 1, "nofiles" },
	{ 'v', RLIMIT_AS, 1024, "vmemory(kbytes)" },
	{ 'w', RLIMIT_LOCKS, 1, "locks" },
	{ 'r', RLIMIT_RTPRIO, 1, "rtprio" },
};

static const size_t LIMIT_COUNT = sizeof(LIMITS) / sizeof(LIMITS[0]);

static void print_limit(const struct limit *limit, bool hard, bool named)
{
	struct rlimit values;
	rlim_t value;

	getrlimit(limit->resource, &values);
	value = hard ? values.rlim_max : values.rlim_cur;
	if (named)
		print_output("ulimit", "%-20s ", limit->name);
	if (value == RLIM_INFINITY)
		print_output("ulimit", "unlimited\n");
	else
		print_output("ulimit", "%ju\n", (uintmax_t)(value / limit->unit));
}

static int set_limit(const struct limit *limit, bool hard, bool soft, const char *text)
{
	struct rlimit values;
	rlim_t value = RLIM_INFINITY;
	char *end;

	if (strcmp(text, "unlimited") != 0) {
		value = strtoull(text, &end, 10) * limit->unit;
		if (*end || *text < '0' || *text > '9')
			return misuse("ulimit", "%s: not a number", text);
	}
	getrlimit(limit->resource, &values);
	if (hard)
		values.rlim_max = value;
	if (soft)
		values.rlim_cur = value;
	if (setrlimit(limit->resource, &values) < 0)
		return misuse("ulimit", "%s: %s", text, strerror(errno));
	return EXIT_SUCCESS;
}

static const struct limit *find_limit(char letter)
{
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		if (LIMITS[i].letter == letter)
			return &LIMITS[i];
	return NULL;
}

int run_ulimit(char **argv)
{
	const struct limit *limit = find_limit('f');
	bool hard = false, soft = false, all = false;

	for (argv++; *argv && (*argv)[0] == '-'; argv++)
		for (const char *letter = *argv + 1; *letter; letter++) {
			if (*letter == 'H')
				hard = true;
			else if (*letter == 'S')
				soft = true;
			else if (*letter == 'a')
				all = true;
			else
				limit = find_limit(*letter);
			if (!limit)
				return misuse("ulimit", "-%c: unknown limit", *letter);
		}
	if (all) {
		for (size_t i = 0; i < LIMIT_COUNT; i++)
			print_limit(&LIMITS[i], hard && !soft, true);
		return EXIT_SUCCESS;
	}
	if (*argv)
		return set_limit(limit, hard || !soft, soft || !hard, *argv);
	print_limit(limit, hard && !soft, false);
	return EXIT_SUCCESS;
}

/* ---- times ------------------------------------------------------------------------------ */

static void print_times(clock_t user, clock_t system)
{
	long ticks = sysconf(_SC_CLK_TCK);

	print_output("times", "%ldm%.6fs %ldm%.6fs\n", user / ticks / 60,
		     (double)(user % (60 * ticks)) / ticks, system / ticks / 60,
		     (double)(system % (60 * ticks)) / ticks);
}

int run_times(char **argv)
{
	struct tms used;

	(void)argv;
	times(&used);
	print_times(used.tms_utime, used.tms_stime);
	print_times(used.tms_cutime, used.tms_cstime);
	return EXIT_SUCCESS;
}
