/*
 * Arithmetic: one pass over the text by precedence climbing, which evaluates as it reads. A part
 * that && || or ?: decides against is read all the same, with `dry` above 0: nothing is assigned or
 * divided there. Sums and products are computed without a sign, where overflow is defined.
 */
#include "arithmetic.h"

#include "names.h"
#include "shell.h"
#include "vars.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 500 };

struct calculation {
	const char *at;
	const char *problem; /* the first one, or NULL */
	int dry;
	int depth;
};

static intmax_t parse_binary(struct calculation *c, int level);
static intmax_t parse_assignment(struct calculation *c);

static intmax_t fail(struct calculation *c, const char *problem)
{
	if (!c->problem)
		c->problem = problem;
	return 0;
}

static void skip_blanks(struct calculation *c)
{
	while (isspace((unsigned char)*c->at))
		c->at++;
}

static bool take(struct calculation *c, const char *text)
{
	skip_blanks(c);
	if (strncmp(c->at, text, strlen(text)) != 0)
		return false;
	c->at += strlen(text);
	return true;
}

/* ---- operands --------------------------------------------------------------------------- */

/* A number with C's prefixes for its base. */
static intmax_t read_number(struct calculation *c, const char **at)
{
	char *end;
	intmax_t value;

	errno = 0;
	value = strtoimax(*at, &end, 0);
	if (errno == ERANGE)
		value = (intmax_t)strtoumax(*at, &end, 0);
	if (name_length(end) > 0 || isdigit((unsigned char)*end))
		return fail(c, "bad number");
	*at = end;
	return value;
}

/* What is not set, or empty, counts as 0. */
static intmax_t variable_value(struct calculation *c, const char *name)
{
	const char *text = vars_get(name);
	intmax_t value;

	if (!text && option('u') && !c->dry)
		return fail(c, "parameter not set");
	if (!text)
		return 0;
	text += strspn(text, " \t\n");
	if (*text == '\0')
		return 0;
	value = read_number(c, &text);
	text += strspn(text, " \t\n");
	return *text ? fail(c, "a variable's value is no number") : value;
}

static intmax_t apply(struct calculation *c, char operator, intmax_t left, intmax_t right);

static void set_variable(struct calculation *c, const char *name, intmax_t value)
{
	char text[32];

	if (c->dry || c->problem)
		return;
	snprintf(text, sizeof(text), "%jd", value);
	if (!vars_set(name, text))
		fail(c, "cannot assign");
}

/* = or one of += -= and so on: its first byte, or 's' and 'S' for <<= and >>=; '\0' if none. */
static char take_assignment_operator(struct calculation *c)
{
	static const char *const spellings[] = { "*=", "/=", "%=", "+=", "-=",
						 "&=", "^=", "|=", NULL };

	if (take(c, "<<="))
		return 's';
	if (take(c, ">>="))
		return 'S';
	for (int i = 0; spellings[i]; i++)
		if (take(c, spellings[i]))
			return spellings[i][0];
	skip_blanks(c);
	if (c->at[0] == '=' && c->at[1] != '=') {
		c->at++;
		return '=';
	}
	return '\0';
}

static intmax_t parse_variable(struct calculation *c)
{
	size_t length = name_length(c->at);
	char *name = arena_strndup(&shell.arena, c->at, length);
	char operator;
	intmax_t value, old;

	c->at += length;
	operator= take_assignment_operator(c);
	if (!operator)
		return variable_value(c, name);
	old = operator== '=' ? 0 : variable_value(c, name);
	value = parse_assignment(c);
	if (operator!= '=')
		value = apply(c, operator, old, value);
	set_variable(c, name, value);
	return value;
}

static intmax_t parse_operand(struct calculation *c)
{
	intmax_t value;

	skip_blanks(c);
	if (isdigit((unsigned char)*c->at))
		return read_number(c, &c->at);
	if (name_length(c->at) > 0)
		return parse_variable(c);
	if (take(c, "(")) {
		value = parse_assignment(c);
		return take(c, ")") ? value : fail(c, "`)' expected");
	}
	return fail(c, *c->at ? "unexpected character" : "operand expected");
}

static intmax_t parse_unary(struct calculation *c)
{
	intmax_t value;

	if (++c->depth > MAX_DEPTH)
		return fail(c, "nested too deep");
	if (take(c, "+"))
		value = parse_unary(c);
	else if (take(c, "-"))
		value = (intmax_t) - (uintmax_t)parse_unary(c);
	else if (take(c, "~"))
		value = ~parse_unary(c);
	else if (take(c, "!"))
		value = !parse_unary(c);
	else
		value = parse_operand(c);
	c->depth--;
	return value;
}

/* ---- operators -------------------------------------------------------------------------- */

struct operator
{
	const char *text;
	int level; /* higher binds tighter */
	char code;
};

/* A longer spelling stands before the shorter one it begins with. */
static const struct operator OPERATORS[] = {
	{ "||", 1, 'o' }, { "&&", 2, 'a' }, { "==", 6, 'e' }, { "!=", 6, 'n' }, { "<<", 8, 's' },
	{ ">>", 8, 'S' }, { "<=", 7, 'l' }, { ">=", 7, 'g' }, { "|", 3, '|' },	{ "^", 4, '^' },
	{ "&", 5, '&' },  { "<", 7, '<' },  { ">", 7, '>' },  { "+", 9, '+' },	{ "-", 9, '-' },
	{ "*", 10, '*' }, { "/", 10, '/' }, { "%", 10, '%' },
};

static intmax_t divide(struct calculation *c, char operator, intmax_t left, intmax_t right)
{
	if (c->dry)
		return 0;
	if (right == 0)
		return fail(c, "division by zero");
	if (right == -1) /* where the smallest number would overflow */
		return operator== '/' ? (intmax_t) - (uintmax_t)left : 0;
	return operator== '/' ? left / right : left % right;
}

static intmax_t apply(struct calculation *c, char operator, intmax_t left, intmax_t right)
{
	uintmax_t a = left, b = right;

	switch (operator) {
	case '+':
		return a + b;
	case '-':
		return a - b;
	case '*':
		return a * b;
	case '/':
	case '%':
		return divide(c, operator, left, right);
	case 's':
		return a << (b & 63);
	case 'S':
		return left >> (b & 63);
	case '&':
		return a & b;
	case '|':
		return a | b;
	case '^':
		return a ^ b;
	case '<':
		return left < right;
	case '>':
		return left > right;
	case 'l':
		return left <= right;
	case 'g':
		return left >= right;
	case 'e':
		return left == right;
	default:
		return left != right;
	}
}

/* The operator of at least this level that stands here, or NULL. An assignment's is none. */
static const struct operator* take_operator(struct calculation *c, int level)
{
	skip_blanks(c);
	for (size_t i = 0; i < sizeof(OPERATORS) / sizeof(OPERATORS[0]); i++) {
		const struct operator* o = & OPERATORS[i];
		size_t length = strlen(o->text);

		if (strncmp(c->at, o->text, length) != 0)
			continue;
		if (o->level < level)
			return NULL;
		c->at += length;
		return o;
	}
	return NULL;
}

/* The right side of && and || counts only if the left one has not decided. */
static intmax_t parse_right_side(struct calculation *c, const struct operator* o, intmax_t left)
{
	bool logical = o->code == 'o' || o->code == 'a';
	bool decided = logical && (o->code == 'o') == (left != 0);
	intmax_t right;

	c->dry += decided;
	right = parse_binary(c, o->level + 1);
	c->dry -= decided;
	if (logical)
		return decided ? left != 0 : right != 0;
	return apply(c, o->code, left, right);
}

static intmax_t parse_binary(struct calculation *c, int level)
{
	intmax_t left = parse_unary(c);

	while (!c->problem) {
		const struct operator* o = take_operator(c, level);

		if (!o)
			break;
		left = parse_right_side(c, o, left);
	}
	return left;
}

static intmax_t parse_branch(struct calculation *c, bool counts)
{
	intmax_t value;

	c->dry += !counts;
	value = parse_assignment(c);
	c->dry -= !counts;
	return value;
}

/* Also ?:, which like an assignment groups from the right. */
static intmax_t parse_assignment(struct calculation *c)
{
	intmax_t condition, first, second;

	if (++c->depth > MAX_DEPTH)
		return fail(c, "nested too deep");
	condition = parse_binary(c, 1);
	if (!c->problem && take(c, "?")) {
		first = parse_branch(c, condition != 0);
		if (!take(c, ":"))
			return fail(c, "`:' expected");
		second = parse_branch(c, condition == 0);
		condition = condition ? first : second;
	}
	c->depth--;
	return condition;
}

bool arithmetic_evaluate(const char *expression, intmax_t *result)
{
	struct calculation c = { .at = expression };

	skip_blanks(&c);
	*result = *c.at ? parse_assignment(&c) : 0;
	skip_blanks(&c);
	if (!c.problem && *c.at)
		c.problem = "unexpected character";
	if (c.problem)
		complain("arithmetic: %s: \"%s\"", c.problem, expression);
	return !c.problem;
}
