/*
 * The parser: recursive descent, one function for each rule of the grammar (POSIX XCU 2.10), from
 * the loosest binding to the tightest:
 *
 *	program  := { list newline }
 *	list     := and_or { (';' | '&' | newline) and_or }
 *	and_or   := pipeline { ('&&' | '||') pipeline }
 *	pipeline := ['!'] command { '|' command }
 *	command  := compound redirect*  |  name '(' ')' compound redirect*
 *	          |  (assignment | redirect)* (word | redirect)*
 *
 * compound is in compound.c. Every function looks at one token, p->token, and leaves there the
 * first token that it did not use. A rule with a single part gives back that part: `ls` is a
 * COMMAND, not a LIST of one AND_OR of one PIPELINE. Words are reserved only where a command can
 * begin.
 */
#include "parsing.h"

#include "names.h"

#include <stdio.h>
#include <string.h>

/* ---- problems --------------------------------------------------------------------------- */

void *parse_fail(struct parser *p, const char *message)
{
	if (!parse_ok(p))
		return NULL;
	p->result.status = PARSE_ERROR;
	p->result.message = message;
	p->result.line = p->line;
	return NULL;
}

void *parse_ended(struct parser *p, const char *message)
{
	if (parse_ok(p) && !p->final)
		p->result.status = PARSE_INCOMPLETE;
	return parse_fail(p, *message ? message : "syntax error: unexpected end of the input");
}

void *parse_unexpected(struct parser *p)
{
	char message[80];

	if (p->token.kind == TOKEN_BAD)
		return NULL;
	if (p->token.kind == TOKEN_END)
		return parse_ended(p, "");
	if (p->token.kind == TOKEN_NEWLINE)
		return parse_fail(p, "syntax error: unexpected end of line");
	snprintf(message, sizeof(message), "syntax error: unexpected `%.40s'", p->token.spelling);
	return parse_fail(p, arena_strdup(p->arena, message));
}

bool parse_enter(struct parser *p)
{
	if (++p->depth <= PARSE_MAX_DEPTH)
		return true;
	parse_fail(p, "syntax error: nested too deep");
	return false;
}

void parse_leave(struct parser *p)
{
	p->depth--;
}

/* ---- tokens ----------------------------------------------------------------------------- */

bool token_is(const struct parser *p, const char *reserved)
{
	return p->token.kind == TOKEN_WORD && p->token.literal &&
	       strcmp(p->token.literal, reserved) == 0;
}

static bool token_in(const struct parser *p, const char *const *words)
{
	for (; *words; words++)
		if (token_is(p, *words))
			return true;
	return false;
}

bool token_closes(const struct parser *p)
{
	static const char *const words[] = { "then", "else", "elif", "fi", "do",
					     "done", "esac", "}",    NULL };

	return token_in(p, words);
}

void parse_skip_newlines(struct parser *p)
{
	while (p->token.kind == TOKEN_NEWLINE)
		lexer_advance(p);
}

struct node *parse_new_node(struct parser *p, enum node_kind kind)
{
	struct node *node = arena_alloc(p->arena, sizeof(*node));

	node->kind = kind;
	node->line = p->token.line;
	return node;
}

/* ---- redirections ----------------------------------------------------------------------- */

static bool is_redirect(enum token_kind kind)
{
	return kind == TOKEN_IO_NUMBER || (kind >= TOKEN_LESS && kind <= TOKEN_HERE_TABS);
}

static enum redirect_kind redirect_kind_of(enum token_kind kind)
{
	switch (kind) {
	case TOKEN_LESS:
		return REDIRECT_READ;
	case TOKEN_CLOBBER:
		return REDIRECT_CLOBBER;
	case TOKEN_APPEND:
		return REDIRECT_APPEND;
	case TOKEN_READ_WRITE:
		return REDIRECT_READ_WRITE;
	case TOKEN_COPY:
	case TOKEN_COPY_INPUT:
		return REDIRECT_COPY;
	case TOKEN_HERE:
	case TOKEN_HERE_TABS:
		return REDIRECT_HERE;
	default:
		return REDIRECT_WRITE;
	}
}

/* [n]operator word. Without a number, < means 0 and > means 1. */
static struct redirect *parse_redirect(struct parser *p)
{
	struct redirect *redirect = arena_alloc(p->arena, sizeof(*redirect));
	bool numbered = p->token.kind == TOKEN_IO_NUMBER;
	char digit = p->token.spelling[0];
	enum token_kind operator;

	if (numbered)
		lexer_advance(p);
	operator= p->token.kind;
	redirect->kind = redirect_kind_of(operator);
	redirect->fd = numbered ? digit - '0' : p->token.spelling[0] == '>';
	lexer_advance(p);
	if (p->token.kind != TOKEN_WORD && p->token.kind != TOKEN_IO_NUMBER)
		return parse_unexpected(p);
	if (redirect->kind == REDIRECT_HERE)
		heredoc_expect(p, redirect, operator== TOKEN_HERE_TABS);
	else
		redirect->target = p->token.word;
	lexer_advance(p);
	return redirect;
}

void parse_redirects(struct parser *p, struct redirect **tail)
{
	while (is_redirect(p->token.kind)) {
		*tail = parse_redirect(p);
		if (!*tail)
			return;
		tail = &(*tail)->next;
	}
}

/* ---- simple commands -------------------------------------------------------------------- */

/* The word as NAME=value, or NULL. The first part of the value is what follows the = in it. */
static struct assignment *as_assignment(struct parser *p, const struct word *word)
{
	const struct part *first = word->parts;
	struct assignment *assignment;
	struct part *rest;
	size_t length;

	if (!first || first->kind != PART_TEXT || first->quoted)
		return NULL;
	length = name_length(first->text);
	if (length == 0 || first->text[length] != '=')
		return NULL;
	assignment = arena_alloc(p->arena, sizeof(*assignment));
	assignment->name = arena_strndup(p->arena, first->text, length);
	assignment->value = arena_alloc(p->arena, sizeof(*assignment->value));
	assignment->value->source = word->source + length + 1;
	rest = arena_alloc(p->arena, sizeof(*rest));
	*rest = *first;
	rest->text += length + 1;
	assignment->value->parts = *rest->text ? rest : first->next;
	return assignment;
}

struct simple {
	struct node *node;
	struct assignment **assignments;
	struct word **words;
	struct redirect **redirects;
};

/* One more word or redirection. False if what comes next is neither. */
static bool parse_simple_part(struct parser *p, struct simple *simple)
{
	if (is_redirect(p->token.kind)) {
		*simple->redirects = parse_redirect(p);
		if (!*simple->redirects)
			return false;
		simple->redirects = &(*simple->redirects)->next;
		return true;
	}
	if (p->token.kind != TOKEN_WORD)
		return false;
	if (!simple->node->words) {
		*simple->assignments = as_assignment(p, p->token.word);
		if (*simple->assignments) {
			simple->assignments = &(*simple->assignments)->next;
			lexer_advance(p);
			return true;
		}
		lexer_expand_alias(p);
	} else if (p->alias_continues) {
		p->alias_continues = false;
		lexer_expand_alias(p);
	}
	if (p->token.kind != TOKEN_WORD)
		return true;
	*simple->words = p->token.word;
	simple->words = &p->token.word->next;
	lexer_advance(p);
	return true;
}

/* name ( ) body, the parser being at the parenthesis. */
static struct node *parse_function(struct parser *p, struct node *command)
{
	static const char *const problem = "syntax error: bad function name";
	const char *name = word_literal(command->words);

	if (!name || name[name_length(name)] != '\0')
		return parse_fail(p, problem);
	lexer_advance(p);
	if (p->token.kind != TOKEN_CLOSE)
		return parse_unexpected(p);
	lexer_advance(p);
	parse_skip_newlines(p);
	command->kind = NODE_FUNCTION;
	command->words = NULL;
	command->name = name;
	command->body = parse_function_body(p);
	return command->body;
}

static struct node *parse_simple(struct parser *p)
{
	struct node *node = parse_new_node(p, NODE_COMMAND);
	struct simple simple = { node, &node->assignments, &node->words, &node->redirects };

	while (parse_simple_part(p, &simple))
		if (p->token.kind == TOKEN_OPEN && node->words && !node->words->next &&
		    !node->assignments && !node->redirects)
			return parse_function(p, node) ? node : NULL;
	p->alias_continues = false;
	return parse_ok(p) ? node : NULL;
}

static struct node *parse_command(struct parser *p)
{
	struct node *node;

	lexer_expand_alias(p);
	if (!parse_enter(p))
		return NULL;
	node = parse_compound(p);
	if (!node && parse_ok(p)) {
		if (is_redirect(p->token.kind) || (p->token.kind == TOKEN_WORD && !token_closes(p)))
			node = parse_simple(p);
		else
			parse_unexpected(p);
	}
	parse_leave(p);
	return node;
}

/* ---- pipelines and lists ---------------------------------------------------------------- */

static struct node *parse_pipeline(struct parser *p)
{
	struct node *node = parse_new_node(p, NODE_PIPELINE);
	struct node **child = &node->children;

	lexer_expand_alias(p);
	if (token_is(p, "!")) {
		node->negated = true;
		lexer_advance(p);
	}
	for (;;) {
		*child = parse_command(p);
		if (!*child)
			return NULL;
		if (p->token.kind != TOKEN_PIPE)
			break;
		child = &(*child)->next;
		lexer_advance(p);
		parse_skip_newlines(p);
	}
	return node->negated || node->children->next ? node : node->children;
}

static struct node *parse_and_or(struct parser *p)
{
	struct node *node = parse_new_node(p, NODE_AND_OR);
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
		lexer_advance(p);
		parse_skip_newlines(p);
	}
	return node->children->next ? node : node->children;
}

/* Whether a list ends here: no command can begin with this token. */
static bool ends_list(const struct parser *p)
{
	return p->token.kind == TOKEN_END || p->token.kind == TOKEN_BAD ||
	       p->token.kind == TOKEN_NEWLINE || p->token.kind == TOKEN_CLOSE ||
	       p->token.kind == TOKEN_DOUBLE_SEMICOLON || token_closes(p);
}

/* A list of one line if so asked, else it goes on after newlines. */
static struct node *parse_list_of(struct parser *p, bool one_line)
{
	struct node *node = parse_new_node(p, NODE_LIST);
	struct node **child = &node->children;

	if (!one_line)
		parse_skip_newlines(p);
	for (;;) {
		lexer_expand_alias(p);
		if (ends_list(p))
			break;
		*child = parse_and_or(p);
		if (!*child)
			return NULL;
		(*child)->background = p->token.kind == TOKEN_AMPERSAND;
		child = &(*child)->next;
		if (p->token.kind != TOKEN_AMPERSAND && p->token.kind != TOKEN_SEMICOLON &&
		    (p->token.kind != TOKEN_NEWLINE || one_line))
			break;
		if (p->token.kind != TOKEN_NEWLINE)
			lexer_advance(p);
		if (!one_line)
			parse_skip_newlines(p);
	}
	if (!parse_ok(p) || !node->children)
		return NULL;
	if (!node->children->next && !node->children->background)
		return node->children;
	return node;
}

struct node *parse_list(struct parser *p)
{
	return parse_list_of(p, false);
}

struct node *parse_program(struct parser *p)
{
	struct node *list;

	lexer_advance(p);
	list = parse_list(p);
	if (parse_ok(p) && p->token.kind != TOKEN_END)
		return parse_unexpected(p);
	return list;
}

struct node *parse_substitution(struct parser *p)
{
	struct token outer = p->token;
	struct node *list;

	lexer_advance(p);
	list = parse_list(p);
	if (parse_ok(p) && p->token.kind != TOKEN_CLOSE)
		return parse_unexpected(p);
	p->token = outer;
	return list;
}

struct parse_result parse(struct parse_input input, struct arena *arena)
{
	struct parser p = { .at = input.text,
			    .line = input.line,
			    .final = input.final,
			    .alias = input.alias,
			    .arena = arena };

	lexer_advance(&p);
	if (p.token.kind != TOKEN_NEWLINE)
		p.result.tree = parse_list_of(&p, true);
	if (p.token.kind != TOKEN_END && p.token.kind != TOKEN_NEWLINE)
		parse_unexpected(&p);
	p.result.rest = p.at;
	if (parse_ok(&p))
		p.result.line = p.line;
	else
		p.result.tree = NULL;
	return p.result;
}
