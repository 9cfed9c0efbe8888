/*
 * test and [ (POSIX XCU). With up to four arguments their number alone decides what they mean, so
 * that no value, however odd, is taken for an operator; with more, -a and -o bind as usual.
 */
#include "builtins.h"

#include "shell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct test {
	char **at;  /* the next argument */
	char **end; /* behind the last one */
	bool wrong; /* it was reported */
};

static bool parse_or(struct test *t);

static bool fail(struct test *t, const char *argument, const char *message)
{
	if (!t->wrong)
		misuse("test", "%s: %s", argument ? argument : "argument", message);
	t->wrong = true;
	return false;
}

/* ---- operators -------------------------------------------------------------------------- */

static bool is_unary(const char *text)
{
	return text[0] == '-' && text[1] && !text[2] && strchr("bcdefghknprstuwxzLSOG", text[1]);
}

static bool is_binary(const char *text)
{
	static const char *const operators[] = { "=",	"==",  "!=",  "<",   ">",
						 "-eq", "-ne", "-lt", "-le", "-gt",
						 "-ge", "-nt", "-ot", "-ef", NULL };

	for (size_t i = 0; operators[i]; i++)
		if (strcmp(operators[i], text) == 0)
			return true;
	return false;
}

static intmax_t number(struct test *t, const char *text)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	while (*end == ' ' || *end == '\t' || *end == '\n')
		end++;
	if (end == text || *end || errno)
		fail(t, text, "not a number");
	return value;
}

static bool has_mode(char operator, const struct stat * status)
{
	switch (operator) {
	case 'b':
		return S_ISBLK(status->st_mode);
	case 'c':
		return S_ISCHR(status->st_mode);
	case 'd':
		return S_ISDIR(status->st_mode);
	case 'f':
		return S_ISREG(status->st_mode);
	case 'p':
		return S_ISFIFO(status->st_mode);
	case 'S':
		return S_ISSOCK(status->st_mode);
	case 'h':
	case 'L':
		return S_ISLNK(status->st_mode);
	case 'g':
		return status->st_mode & S_ISGID;
	case 'k':
		return status->st_mode & S_ISVTX;
	case 'u':
		return status->st_mode & S_ISUID;
	case 's':
		return status->st_size > 0;
	case 'O':
		return status->st_uid == geteuid();
	case 'G':
		return status->st_gid == getegid();
	default: /* -e */
		return true;
	}
}

static bool run_unary(struct test *t, char operator, const char * operand)
{
	struct stat status;

	switch (operator) {
	case 'n':
		return *operand != '\0';
	case 'z':
		return *operand == '\0';
	case 't':
		return isatty(number(t, operand));
	case 'r':
		return faccessat(AT_FDCWD, operand, R_OK, AT_EACCESS) == 0;
	case 'w':
		return faccessat(AT_FDCWD, operand, W_OK, AT_EACCESS) == 0;
	case 'x':
		return faccessat(AT_FDCWD, operand, X_OK, AT_EACCESS) == 0;
	case 'h':
	case 'L':
		return lstat(operand, &status) == 0 && has_mode(operator, & status);
	default:
		return stat(operand, &status) == 0 && has_mode(operator, & status);
	}
}

/* Whether the first file was modified later. */
static bool is_newer(const struct stat *a, const struct stat *b)
{
	if (a->st_mtim.tv_sec != b->st_mtim.tv_sec)
		return a->st_mtim.tv_sec > b->st_mtim.tv_sec;
	return a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
}

static bool compare_files(const char *operator, const char * left, const char *right)
{
	struct stat a, b;

	if (stat(left, &a) < 0 || stat(right, &b) < 0)
		return false;
	if (strcmp(operator, "-nt") == 0)
		return is_newer(&a, &b);
	if (strcmp(operator, "-ot") == 0)
		return is_newer(&b, &a);
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool compare_numbers(struct test *t, const char *operator, const char * left,
			    const char *right)
{
	intmax_t a = number(t, left), b = number(t, right);

	switch (operator[1] << 8 | operator[2]) {
	case 'e' << 8 | 'q':
		return a == b;
	case 'n' << 8 | 'e':
		return a != b;
	case 'l' << 8 | 't':
		return a < b;
	case 'l' << 8 | 'e':
		return a <= b;
	case 'g' << 8 | 't':
		return a > b;
	default:
		return a >= b;
	}
}

static bool run_binary(struct test *t, const char *left, const char *operator, const char * right)
{
	switch (operator[0]) {
	case '=':
		return strcmp(left, right) == 0;
	case '!':
		return strcmp(left, right) != 0;
	case '<':
		return strcmp(left, right) < 0;
	case '>':
		return strcmp(left, right) > 0;
	}
	if (strcmp(operator, "-nt") == 0 || strcmp(operator, "-ot") == 0 ||
	    strcmp(operator, "-ef") == 0)
		return compare_files(operator, left, right);
	return compare_numbers(t, operator, left, right);
}

/* ---- expressions ------------------------------------------------------------------------ */

static bool next_is(const struct test *t, const char *text)
{
	return t->at < t->end && strcmp(*t->at, text) == 0;
}

/* A single operand, or a unary or binary operator with its own. */
static bool parse_primary(struct test *t)
{
	size_t left = t->end - t->at;
	bool result;

	if (left == 0)
		return fail(t, NULL, "expected");
	if (left >= 3 && is_binary(t->at[1])) {
		t->at += 3;
		return run_binary(t, t->at[-3], t->at[-2], t->at[-1]);
	}
	if (next_is(t, "(") && left > 1) {
		t->at++;
		result = parse_or(t);
		if (!next_is(t, ")"))
			return fail(t, NULL, "closing paren expected");
		t->at++;
		return result;
	}
	if (left >= 2 && is_unary(*t->at)) {
		t->at += 2;
		return run_unary(t, t->at[-2][1], t->at[-1]);
	}
	return (*t->at++)[0] != '\0';
}

static bool parse_not(struct test *t)
{
	bool negated = false;

	while (next_is(t, "!") && t->end - t->at > 1 &&
	       !(t->end - t->at >= 3 && is_binary(t->at[1]))) {
		negated = !negated;
		t->at++;
	}
	return parse_primary(t) != negated;
}

static bool parse_and(struct test *t)
{
	bool result = parse_not(t);

	while (!t->wrong && next_is(t, "-a")) {
		t->at++;
		result &= parse_not(t);
	}
	return result;
}

static bool parse_or(struct test *t)
{
	bool result = parse_and(t);

	while (!t->wrong && next_is(t, "-o")) {
		t->at++;
		result |= parse_and(t);
	}
	return result;
}

/* What so few arguments mean is settled by their number. */
static bool parse_few(struct test *t)
{
	char **at = t->at;

	switch (t->end - t->at) {
	case 0:
		return false;
	case 1:
		t->at++;
		return at[0][0] != '\0';
	case 2:
		if (strcmp(at[0], "!") == 0) {
			t->at += 2;
			return at[1][0] == '\0';
		}
		return parse_or(t);
	case 3:
		if (is_binary(at[1]) || strcmp(at[0], "!") != 0)
			return parse_or(t);
		t->at++;
		return !parse_few(t);
	default:
		return parse_or(t);
	}
}

int run_test(char **argv)
{
	struct test t = { .at = argv + 1 };
	bool result;

	for (t.end = t.at; *t.end;)
		t.end++;
	if (strcmp(argv[0], "[") == 0) {
		if (t.end == t.at || strcmp(t.end[-1], "]") != 0)
			return misuse("[", "missing ]");
		t.end--;
	}
	result = parse_few(&t);
	if (!t.wrong && t.at != t.end)
		fail(&t, *t.at, "unexpected operator");
	if (t.wrong)
		return STATUS_MISUSE;
	return result ? EXIT_SUCCESS : EXIT_FAILURE;
}
