/*
 * What begins with a $ in a word, or with a `: parameters, commands, arithmetic. Only the dollar of
 * a $ that begins none of them is a character.
 */
#include "parsing.h"
#include "wording.h"

#include "names.h"

#include <string.h>

/* ---- parameters ------------------------------------------------------------------------- */

/* How many bytes at the start of the text name a parameter, or 0. */
static size_t parameter_length(const char *text, bool braces)
{
	size_t length = name_length(text);
	size_t digits = strspn(text, "0123456789");

	if (length == 0 && digits > 0)
		length = braces ? digits : 1;
	if (length == 0 && *text && strchr("?$!#@*-", *text))
		length = 1;
	return length;
}

static char *take_parameter_name(struct parser *p, bool braces)
{
	struct buffer name = { 0 };
	char *copy;

	buffer_add(&name, "", 0);
	do { /* A name may be cut by backslash and newline. */
		size_t length = parameter_length(p->at, braces);

		if (name.length > 0)
			length = strspn(p->at, "0123456789_abcdefghijklmnopqrstuvwxyz"
					       "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		buffer_add(&name, p->at, length);
		p->at += length;
	} while (p->at[0] == '\\' && p->at[1] == '\n' && name_length(name.data) > 0 &&
		 lexer_peek(p) && name_length(p->at) > 0);
	copy = arena_strdup(p->arena, name.data);
	buffer_free(&name);
	return copy;
}

/* ${#name}: the # is an operator if a whole parameter and a } follow it. */
static bool take_length_operator(struct parser *p)
{
	size_t length;

	if (*p->at != '#')
		return false;
	length = parameter_length(p->at + 1, true);
	if (length == 0 || p->at[1 + length] != '}')
		return false;
	p->at++;
	return true;
}

/* # ## % %%, or - = ? + with or without a colon. */
static enum parameter_operator take_operator(struct parser *p, bool *colon)
{
	static const char conditions[] = "-=?+";
	char byte = lexer_peek(p);

	if (byte == '#' || byte == '%') {
		bool prefix = byte == '#';

		p->at++;
		if (lexer_peek(p) != byte)
			return prefix ? PARAMETER_CUT_PREFIX : PARAMETER_CUT_SUFFIX;
		p->at++;
		return prefix ? PARAMETER_CUT_LONG_PREFIX : PARAMETER_CUT_LONG_SUFFIX;
	}
	*colon = byte == ':';
	if (*colon)
		p->at++;
	byte = lexer_peek(p);
	if (byte == '\0' || !strchr(conditions, byte))
		return PARAMETER_BAD;
	p->at++;
	return PARAMETER_DEFAULT + (strchr(conditions, byte) - conditions);
}

static bool takes_pattern(enum parameter_operator operator)
{
	return operator>= PARAMETER_CUT_PREFIX && operator<= PARAMETER_CUT_LONG_SUFFIX;
}

static void take_braces(struct builder *b, struct part *part, bool quoted)
{
	struct parser *p = b->p;
	struct span span;
	bool length;

	p->at++;
	span = span_begin(p);
	lexer_peek(p);
	length = take_length_operator(p);
	part->text = take_parameter_name(p, true);
	if (lexer_peek(p) == '}') {
		part->operator= length ? PARAMETER_LENGTH : PARAMETER_VALUE;
	} else {
		part->operator= take_operator(p, &part->colon);
		part->word = word_in(p, quoted && !takes_pattern(part->operator) ? IN_QUOTED_BRACES
										 : IN_BRACES);
	}
	if (!parse_ok(p))
		return;
	if (part->text[0] == '\0')
		part->operator= PARAMETER_BAD;
	if (part->operator== PARAMETER_BAD)
		part->text = span_text(p, span);
	p->at++;
}

/* ---- commands and arithmetic ------------------------------------------------------------ */

/*
 * False, and nothing taken, if it turns out to be a subshell at the beginning of $( ). Inside what
 * may have to be read twice nothing else is, or the time would double with each level.
 */
static bool take_arithmetic(struct builder *b, bool quoted)
{
	struct parser *p = b->p;
	struct parser before = *p;
	struct word *expression;
	struct part *part;

	p->at += 2;
	p->in_arithmetic = true;
	expression = word_in(p, IN_ARITHMETIC);
	p->in_arithmetic = before.in_arithmetic;
	if (!expression && (p->in_arithmetic || p->result.status == PARSE_INCOMPLETE))
		return true;
	if (!expression || p->at[0] != ')' || p->at[1] != ')') {
		if (p->in_arithmetic)
			return !parse_fail(p, "syntax error: `))' expected");
		*p = before;
		return false;
	}
	p->at += 2;
	part = word_add_part(b, PART_ARITHMETIC, quoted);
	part->word = expression;
	return true;
}

static void take_substitution(struct builder *b, bool quoted)
{
	struct part *part;

	if (b->p->at[1] == '(' && take_arithmetic(b, quoted))
		return;
	b->p->at++;
	part = word_add_part(b, PART_COMMAND, quoted);
	if (parse_enter(b->p)) {
		part->tree = parse_substitution(b->p);
		parse_leave(b->p);
	}
}

/* The commands between backquotes, where \ keeps $ ` and \ plain. NULL if they are open. */
static char *backquoted_text(struct parser *p, bool quoted)
{
	struct buffer text = { 0 };
	char *copy;

	buffer_add(&text, "", 0);
	for (p->at++; *p->at != '`'; lexer_skip(p)) {
		if (*p->at == '\\' && p->at[1] && strchr("$`\\", p->at[1]))
			p->at++;
		else if (*p->at == '\\' && quoted && p->at[1] == '"')
			p->at++;
		if (*p->at == '\0')
			break;
		buffer_add_char(&text, *p->at);
	}
	copy = arena_strdup(p->arena, text.data);
	buffer_free(&text);
	if (*p->at == '\0')
		return parse_ended(p, "syntax error: unterminated backquote");
	p->at++;
	return copy;
}

void word_take_backquotes(struct builder *b, enum place place)
{
	struct parser *p = b->p;
	struct parser inner = { .final = true, .arena = p->arena, .line = p->line };
	struct part *part = word_add_part(b, PART_COMMAND, place_is_quoted(place));

	inner.at = backquoted_text(p, place == IN_QUOTES || place == IN_QUOTED_BRACES);
	inner.alias = p->alias;
	inner.depth = p->depth;
	if (!inner.at || !parse_enter(&inner))
		return;
	part->tree = parse_program(&inner);
	if (!parse_ok(&inner))
		parse_fail(p, inner.result.message);
}

/* ---- all of them ------------------------------------------------------------------------ */

void word_take_dollar(struct builder *b, enum place place)
{
	struct parser *p = b->p;
	bool quoted = place_is_quoted(place);
	struct part *part;

	p->at++;
	lexer_peek(p);
	if (!parse_ok(p))
		return;
	if (*p->at == '(') {
		word_end_text(b);
		take_substitution(b, quoted);
	} else if (*p->at == '{') {
		word_end_text(b);
		part = word_add_part(b, PART_PARAMETER, quoted);
		take_braces(b, part, quoted);
	} else if (parameter_length(p->at, false) > 0) {
		word_end_text(b);
		part = word_add_part(b, PART_PARAMETER, quoted);
		part->text = take_parameter_name(p, false);
	} else {
		word_add_char(b, '$', true);
	}
}
