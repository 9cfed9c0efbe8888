/*
 * Words, taken apart once when they are read: into text, $parameters, `commands` and so on, each
 * part marked as quoted or not. What is special inside a word depends on where one is in it, and
 * that is what `enum place` is about: a ' begins a quotation in a word but not between ", a } ends
 * ${x:-...} but is nothing special elsewhere. Each take_ function below begins at the character
 * that opens its construct and ends behind the one that closes it, or with a problem in p->result.
 */
#include "parsing.h"
#include "wording.h"

#include "names.h"

#include <string.h>

static void take_parts(struct builder *b, enum place place);

struct part *word_add_part(struct builder *b, enum part_kind kind, bool quoted)
{
	struct part *part = arena_alloc(b->p->arena, sizeof(*part));

	part->kind = kind;
	part->quoted = quoted;
	*b->tail = part;
	b->tail = &part->next;
	return part;
}

void word_end_text(struct builder *b)
{
	struct part *part;

	if (!b->has_text)
		return;
	part = word_add_part(b, PART_TEXT, b->text_quoted);
	part->text = arena_strndup(b->p->arena, b->text.data ? b->text.data : "", b->text.length);
	buffer_clear(&b->text);
	b->has_text = false;
}

static void begin_text(struct builder *b, bool quoted)
{
	if (b->has_text && b->text_quoted != quoted)
		word_end_text(b);
	b->has_text = true;
	b->text_quoted = quoted;
}

void word_add_char(struct builder *b, char byte, bool quoted)
{
	begin_text(b, quoted);
	buffer_add_char(&b->text, byte);
}

struct span span_begin(const struct parser *p)
{
	return (struct span){ p->at, p->texts };
}

/*
 * After an alias the parser is in another text, which ends like the one that it has left: so far
 * from the end as it is in the one, the span ends in the other.
 */
char *span_text(struct parser *p, struct span span)
{
	size_t length, rest;

	if (span.texts == p->texts)
		return arena_strndup(p->arena, span.start, p->at - span.start);
	length = strlen(span.start);
	rest = strlen(p->at);
	return arena_strndup(p->arena, span.start, rest < length ? length - rest : 0);
}

struct word *word_in(struct parser *p, enum place place)
{
	struct word *word = arena_alloc(p->arena, sizeof(*word));
	struct builder b = { .p = p, .tail = &word->parts };
	struct span span = span_begin(p);

	if (parse_enter(p)) {
		take_parts(&b, place);
		parse_leave(p);
	}
	if (parse_ok(p))
		word_end_text(&b);
	buffer_free(&b.text);
	word->source = span_text(p, span);
	return parse_ok(p) ? word : NULL;
}

bool place_is_quoted(enum place place)
{
	return place != IN_WORD && place != IN_BRACES;
}

/* ---- quotes ----------------------------------------------------------------------------- */

static void take_single_quotes(struct builder *b)
{
	begin_text(b, true);
	for (b->p->at++; *b->p->at != '\''; lexer_skip(b->p)) {
		if (*b->p->at == '\0') {
			parse_ended(b->p, "syntax error: unterminated quoted string");
			return;
		}
		word_add_char(b, *b->p->at, true);
	}
	b->p->at++;
}

/* "$@" without arguments is nothing at all, so the quotes alone do not make a text. */
static void take_double_quotes(struct builder *b)
{
	struct part **before = b->tail;
	bool had_text = b->has_text;

	b->p->at++;
	if (!parse_enter(b->p))
		return;
	take_parts(b, IN_QUOTES);
	parse_leave(b->p);
	if (parse_ok(b->p))
		b->p->at++;
	if (b->tail == before && (!b->has_text || had_text))
		begin_text(b, true);
}

/* What a backslash keeps from being special; before anything else it is a character. */
static bool is_escapable(char byte, enum place place)
{
	switch (place) {
	case IN_WORD:
	case IN_BRACES:
		return byte != '\0';
	case IN_QUOTED_BRACES:
		return byte && strchr("$`\"\\}", byte);
	case IN_HEREDOC:
		return byte && strchr("$`\\", byte);
	default:
		return byte && strchr("$`\"\\", byte);
	}
}

static void take_backslash(struct builder *b, enum place place)
{
	struct parser *p = b->p;

	p->at++;
	if (*p->at == '\0' && !p->final) {
		parse_ended(p, "");
	} else if (is_escapable(*p->at, place)) {
		word_add_char(b, *p->at, true);
		lexer_skip(p);
	} else {
		word_add_char(b, '\\', true);
	}
}

/* ---- all together ----------------------------------------------------------------------- */

/* ~ or ~user at the beginning of a word, of a value, and after a : in it. */
static void take_tilde(struct builder *b, enum place place, bool assignment)
{
	struct parser *p = b->p;
	size_t length = strcspn(p->at + 1, "/:}\\'\"$` \t\n;&|()<>");
	char after = p->at[1 + length];
	struct part *part;
	bool ends = after == '/' || (place == IN_WORD ? ends_word(after) : after == '}') ||
		    (after == ':' && assignment);

	if (!ends) {
		word_add_char(b, '~', false);
		p->at++;
		return;
	}
	word_end_text(b);
	part = word_add_part(b, PART_TILDE, false);
	part->text = arena_strndup(p->arena, p->at + 1, length);
	part->assignment = assignment;
	p->at += 1 + length;
}

/* Whether what has been read of the word so far is NAME=, or NAME=...: with nothing quoted. */
static bool at_value_start(const struct builder *b, const char *start)
{
	size_t length = name_length(start);
	const char *at = b->p->at;

	if (length == 0 || start[length] != '=' || at <= start + length)
		return false;
	return at == start + length + 1 || (at[-1] == ':' && b->has_text && !b->text_quoted);
}

/* Whether the place ends here. Counts the parentheses of arithmetic. */
static bool place_ends(struct builder *b, enum place place, char byte, int *parentheses)
{
	if (byte == '\0') {
		if (place != IN_WORD && place != IN_HEREDOC)
			parse_ended(b->p, "syntax error: unterminated quoted string");
		return true;
	}
	switch (place) {
	case IN_WORD:
		return ends_word(byte);
	case IN_QUOTES:
		return byte == '"';
	case IN_BRACES:
	case IN_QUOTED_BRACES:
		return byte == '}';
	case IN_ARITHMETIC:
		*parentheses += byte == '(' ? 1 : byte == ')' ? -1 : 0;
		return *parentheses < 0;
	default:
		return false;
	}
}

static bool begins_quotes(char byte, enum place place)
{
	return byte == '"' && (place == IN_WORD || place == IN_BRACES || place == IN_QUOTED_BRACES);
}

static void take_parts(struct builder *b, enum place place)
{
	struct parser *p = b->p;
	const char *start = p->at;
	int parentheses = 0;

	for (;;) {
		char byte = lexer_peek(p);

		if (!parse_ok(p) || place_ends(b, place, byte, &parentheses))
			return;
		if (byte == '\\')
			take_backslash(b, place);
		else if (byte == '$')
			word_take_dollar(b, place);
		else if (byte == '`')
			word_end_text(b), word_take_backquotes(b, place);
		else if (byte == '\'' && !place_is_quoted(place))
			take_single_quotes(b);
		else if (begins_quotes(byte, place))
			take_double_quotes(b);
		else if (byte == '~' && !place_is_quoted(place) && p->at == start)
			take_tilde(b, place, false);
		else if (byte == '~' && place == IN_WORD && at_value_start(b, start))
			take_tilde(b, place, true);
		else {
			word_add_char(b, byte, place_is_quoted(place));
			lexer_skip(p);
		}
	}
}

struct word *parse_word(struct parser *p)
{
	return word_in(p, IN_WORD);
}

struct word *parse_heredoc_text(struct parser *p)
{
	return word_in(p, IN_HEREDOC);
}

struct word *parse_quoted_text(const char *text, struct arena *arena)
{
	struct parser p = { .at = text, .final = true, .arena = arena };

	return parse_heredoc_text(&p);
}

const char *word_literal(const struct word *word)
{
	const struct part *part = word->parts;

	if (!part || part->next || part->kind != PART_TEXT || part->quoted)
		return NULL;
	return part->text;
}
