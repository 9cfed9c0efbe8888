/*
 * The parser: recursive descent, one function for each rule of the grammar, from the loosest
 * binding to the tightest:
 *
 *	list     := and_or { (';' | '&' | newline) and_or }
 *	and_or   := pipeline { ('&&' | '||') pipeline }
 *	pipeline := ['!'] command { '|' command }
 *	command  := '(' list ')' redirect*  |  (assignment | redirect)* (word | redirect)*
 *
 * Every function looks at one token, p->token, and leaves there the first token that it did not
 * use. The first problem found is kept in p->result and returned as NULL by everyone on the way up.
 * A rule with a single part gives back that part: `ls` is a COMMAND, not a LIST of one AND_OR of
 * one PIPELINE. Parentheses may nest MAX_DEPTH deep, so no text can exhaust the stack.
 */
#include "parser.h"

#include "lexer.h"

#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 200

struct parser {
	struct lexer lexer;
	struct token token;   /* the one being looked at */
	const char *previous; /* where the last token used ended */
	struct arena *arena;
	struct parse_result result;
	int depth; /* of open parentheses */
};

static struct node *parse_list(struct parser *p);

static void *fail(struct parser *p, const char *message)
{
	p->result.status = PARSE_ERROR;
	p->result.message = message;
	return NULL;
}

/* The token being looked at cannot stand here. */
static void *fail_at_token(struct parser *p)
{
	char message[80];

	if (p->token.kind == TOKEN_INCOMPLETE || p->token.kind == TOKEN_END) {
		p->result.status = PARSE_INCOMPLETE;
		return NULL;
	}
	if (p->token.kind == TOKEN_BAD)
		return fail(p, p->lexer.problem);
	if (p->token.kind == TOKEN_NEWLINE)
		return fail(p, "syntax error: unexpected end of line");
	snprintf(message, sizeof(message), "syntax error: unexpected `%.*s'",
		 (int)(p->token.length < 40 ? p->token.length : 40), p->token.text);
	return fail(p, arena_strdup(p->arena, message));
}

static void advance(struct parser *p)
{
	p->previous = p->token.text + p->token.length;
	p->token = lexer_next(&p->lexer);
}

static void skip_newlines(struct parser *p)
{
	while (p->token.kind == TOKEN_NEWLINE)
		advance(p);
}

static char *token_copy(struct parser *p)
{
	return arena_strndup(p->arena, p->token.text, p->token.length);
}

static struct node *new_node(struct parser *p, enum node_kind kind)
{
	struct node *node = arena_alloc(p->arena, sizeof(*node));

	node->kind = kind;
	node->source = p->token.text;
	return node;
}

/* The node's source text reaches from the token at which it was made to the last one used. */
static struct node *finish(struct parser *p, struct node *node)
{
	node->source_length = p->previous - node->source;
	return node;
}

static bool is_redirect(enum token_kind kind)
{
	return kind == TOKEN_IO_NUMBER || (kind >= TOKEN_LESS && kind <= TOKEN_COPY);
}

static enum redirect_kind redirect_kind_of(enum token_kind kind)
{
	switch (kind) {
	case TOKEN_LESS:
		return REDIRECT_READ;
	case TOKEN_APPEND:
		return REDIRECT_APPEND;
	case TOKEN_READ_WRITE:
		return REDIRECT_READ_WRITE;
	case TOKEN_COPY:
		return REDIRECT_COPY;
	default:
		return REDIRECT_WRITE;
	}
}

/* [n]operator word. Without a number, < means 0 and > means 1. */
static struct redirect *parse_redirect(struct parser *p)
{
	struct redirect *redirect = arena_alloc(p->arena, sizeof(*redirect));
	bool numbered = p->token.kind == TOKEN_IO_NUMBER;
	char first = p->token.text[0];

	if (numbered && p->token.length > 1)
		return fail(p, "syntax error: descriptors are numbered from 0 to 9");
	if (numbered)
		advance(p);
	redirect->kind = redirect_kind_of(p->token.kind);
	redirect->fd = numbered ? first - '0' : first == '>';
	advance(p);
	if (p->token.kind != TOKEN_WORD)
		return fail_at_token(p);
	redirect->target = token_copy(p);
	advance(p);
	return redirect;
}

static struct word *parse_word(struct parser *p)
{
	struct word *word = arena_alloc(p->arena, sizeof(*word));

	word->text = token_copy(p);
	advance(p);
	return word;
}

static bool is_assignment(const struct token *token)
{
	size_t name = name_length(token->text);

	return name > 0 && name < token->length && token->text[name] == '=';
}

static struct node *parse_simple(struct parser *p)
{
	struct node *node = new_node(p, NODE_COMMAND);
	struct word **assignments = &node->assignments;
	struct word **words = &node->words;
	struct redirect **redirects = &node->redirects;

	for (;;) {
		if (is_redirect(p->token.kind)) {
			*redirects = parse_redirect(p);
			if (!*redirects)
				return NULL;
			redirects = &(*redirects)->next;
		} else if (p->token.kind != TOKEN_WORD) {
			return finish(p, node);
		} else if (!node->words && is_assignment(&p->token)) {
			*assignments = parse_word(p);
			assignments = &(*assignments)->next;
		} else {
			*words = parse_word(p);
			words = &(*words)->next;
		}
	}
}

static struct node *parse_subshell(struct parser *p)
{
	struct node *node = new_node(p, NODE_SUBSHELL);
	struct redirect **redirects = &node->redirects;

	if (++p->depth > MAX_DEPTH)
		return fail(p, "syntax error: parentheses nested too deep");
	advance(p);
	node->children = parse_list(p);
	if (p->result.status != PARSE_OK)
		return NULL;
	if (!node->children || p->token.kind != TOKEN_CLOSE)
		return fail_at_token(p);
	advance(p);
	p->depth--;

	while (is_redirect(p->token.kind)) {
		*redirects = parse_redirect(p);
		if (!*redirects)
			return NULL;
		redirects = &(*redirects)->next;
	}
	return finish(p, node);
}

static struct node *parse_command(struct parser *p)
{
	if (p->token.kind == TOKEN_OPEN)
		return parse_subshell(p);
	if (p->token.kind == TOKEN_WORD || is_redirect(p->token.kind))
		return parse_simple(p);
	return fail_at_token(p);
}

static bool is_bang(const struct token *token)
{
	return token->kind == TOKEN_WORD && token->length == 1 && token->text[0] == '!';
}

static struct node *parse_pipeline(struct parser *p)
{
	struct node *node = new_node(p, NODE_PIPELINE);
	struct node **child = &node->children;

	if (is_bang(&p->token)) {
		node->negated = true;
		advance(p);
	}
	for (;;) {
		*child = parse_command(p);
		if (!*child)
			return NULL;
		if (p->token.kind != TOKEN_PIPE)
			break;
		child = &(*child)->next;
		advance(p);
		skip_newlines(p);
	}
	if (!node->negated && !node->children->next)
		return node->children;
	return finish(p, node);
}

static struct node *parse_and_or(struct parser *p)
{
	struct node *node = new_node(p, NODE_AND_OR);
	struct node **child = &node->children;
	enum run_condition condition = RUN_ALWAYS;

	for (;;) {
		*child = parse_pipeline(p);
		if (!*child)
			return NULL;
		(*child)->run_when = condition;
		if (p->token.kind != TOKEN_AND_IF && p->token.kind != TOKEN_OR_IF)
			break;
		condition = p->token.kind == TOKEN_AND_IF ? RUN_IF_TRUE : RUN_IF_FALSE;
		child = &(*child)->next;
		advance(p);
		skip_newlines(p);
	}
	return node->children->next ? finish(p, node) : node->children;
}

/* Ends before a ) or at the end of the text. NULL with PARSE_OK means an empty list. */
static struct node *parse_list(struct parser *p)
{
	struct node *node = new_node(p, NODE_LIST);
	struct node **child = &node->children;

	skip_newlines(p);
	while (p->token.kind != TOKEN_END && p->token.kind != TOKEN_CLOSE) {
		*child = parse_and_or(p);
		if (!*child)
			return NULL;
		(*child)->background = p->token.kind == TOKEN_AMPERSAND;
		child = &(*child)->next;
		if (p->token.kind != TOKEN_AMPERSAND && p->token.kind != TOKEN_SEMICOLON &&
		    p->token.kind != TOKEN_NEWLINE)
			break;
		advance(p);
		skip_newlines(p);
	}
	if (node->children && !node->children->next && !node->children->background)
		return node->children;
	return node->children ? finish(p, node) : NULL;
}

struct parse_result parse(const char *text, struct arena *arena)
{
	struct parser p = { .lexer = { .at = text },
			    .arena = arena,
			    .result = { .status = PARSE_OK } };

	p.token = lexer_next(&p.lexer);
	p.result.tree = parse_list(&p);
	if (p.result.status == PARSE_OK && p.token.kind != TOKEN_END)
		fail_at_token(&p);
	if (p.result.status != PARSE_OK)
		p.result.tree = NULL;
	return p.result;
}
