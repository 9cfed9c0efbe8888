/*
 * Words, taken apart once when they are read: into text, $parameters, `commands` and so on, each
 * part marked as quoted or not. What is special inside a word depends on where one is in it, and
 * that is what `enum place` is about: a ' begins a quotation in a word but not between ", a } ends
 * ${x:-...} but is nothing special elsewhere. Each take_ function below begins at the character
 * that opens its construct and ends behind the one that closes it, or with a problem in p->result.
 */
#include "parsing.h"

#include "names.h"

#include <string.h>

enum place {
	IN_WORD,
	IN_QUOTES,	  /* between " */
	IN_BRACES,	  /* after the operator of ${ } */
	IN_QUOTED_BRACES, /* the same, the ${ } being between " */
	IN_ARITHMETIC,	  /* between $(( and )) */
	IN_HEREDOC,	  /* and in all other text that is expanded as a whole */
};

/* A word being put together. */
struct builder {
	struct parser *p;
	struct part **tail;
	struct buffer text; /* characters that are no part yet */
	bool text_quoted;   /* all of them are */
	bool has_text;	    /* there is such a part, even if it is empty, as in '' */
};

static void take_parts(struct builder *b, enum place place);

static struct part *add_part(struct builder *b, enum part_kind kind, bool quoted)
{
	struct part *part = arena_alloc(b->p->arena, sizeof(*part));

	part->kind = kind;
	part->quoted = quoted;
	*b->tail = part;
	b->tail = &part->next;
	return part;
}

static void end_text(struct builder *b)
{
	struct part *part;

	if (!b->has_text)
		return;
	part = add_part(b, PART_TEXT, b->text_quoted);
	part->text = arena_strndup(b->p->arena, b->text.data ? b->text.data : "", b->text.length);
	buffer_clear(&b->text);
	b->has_text = false;
}

static void begin_text(struct builder *b, bool quoted)
{
	if (b->has_text && b->text_quoted != quoted)
		end_text(b);
	b->has_text = true;
	b->text_quoted = quoted;
}

static void add_char(struct builder *b, char byte, bool quoted)
{
	begin_text(b, quoted);
	buffer_add_char(&b->text, byte);
}

static struct word *word_in(struct parser *p, enum place place)
{
	struct word *word = arena_alloc(p->arena, sizeof(*word));
	struct builder b = { .p = p, .tail = &word->parts };
	const char *start = p->at;

	if (parse_enter(p)) {
		take_parts(&b, place);
		parse_leave(p);
	}
	if (parse_ok(p))
		end_text(&b);
	buffer_free(&b.text);
	word->source = arena_strndup(p->arena, start, p->at - start);
	return parse_ok(p) ? word : NULL;
}

static bool is_quoted(enum place place)
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
		add_char(b, *b->p->at, true);
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
		add_char(b, *p->at, true);
		lexer_skip(p);
	} else {
		add_char(b, '\\', true);
	}
}

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
	const char *start = ++p->at;
	bool length;

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
		part->text = arena_strndup(p->arena, start, p->at - start);
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
	part = add_part(b, PART_ARITHMETIC, quoted);
	part->word = expression;
	return true;
}

static void take_substitution(struct builder *b, bool quoted)
{
	struct part *part;

	if (b->p->at[1] == '(' && take_arithmetic(b, quoted))
		return;
	b->p->at++;
	part = add_part(b, PART_COMMAND, quoted);
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

static void take_backquotes(struct builder *b, enum place place)
{
	struct parser *p = b->p;
	struct parser inner = { .final = true, .arena = p->arena, .line = p->line };
	struct part *part = add_part(b, PART_COMMAND, is_quoted(place));

	inner.at = backquoted_text(p, place == IN_QUOTES || place == IN_QUOTED_BRACES);
	inner.alias = p->alias;
	inner.depth = p->depth;
	if (!inner.at || !parse_enter(&inner))
		return;
	part->tree = parse_program(&inner);
	if (!parse_ok(&inner))
		parse_fail(p, inner.result.message);
}

/* ---- all together ----------------------------------------------------------------------- */

static void take_dollar(struct builder *b, enum place place)
{
	struct parser *p = b->p;
	bool quoted = is_quoted(place);
	struct part *part;

	p->at++;
	lexer_peek(p);
	if (!parse_ok(p))
		return;
	if (*p->at == '(') {
		end_text(b);
		take_substitution(b, quoted);
	} else if (*p->at == '{') {
		end_text(b);
		part = add_part(b, PART_PARAMETER, quoted);
		take_braces(b, part, quoted);
	} else if (parameter_length(p->at, false) > 0) {
		end_text(b);
		part = add_part(b, PART_PARAMETER, quoted);
		part->text = take_parameter_name(p, false);
	} else {
		add_char(b, '$', true);
	}
}

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
		add_char(b, '~', false);
		p->at++;
		return;
	}
	end_text(b);
	part = add_part(b, PART_TILDE, false);
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
			take_dollar(b, place);
		else if (byte == '`')
			end_text(b), take_backquotes(b, place);
		else if (byte == '\'' && !is_quoted(place))
			take_single_quotes(b);
		else if (begins_quotes(byte, place))
			take_double_quotes(b);
		else if (byte == '~' && !is_quoted(place) && p->at == start)
			take_tilde(b, place, false);
		else if (byte == '~' && place == IN_WORD && at_value_start(b, start))
			take_tilde(b, place, true);
		else {
			add_char(b, byte, is_quoted(place));
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
