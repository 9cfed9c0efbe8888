/*
 * The grammar of compound commands (POSIX XCU 2.9.4): if, while, until, for, case, { } and ( ). A
 * list inside one ends at the reserved word that closes it, which expect() then finds.
 */
#include "parsing.h"

#include "names.h"

#include <string.h>

/* Goes past the reserved word, which must stand here. */
static bool expect(struct parser *p, const char *reserved)
{
	if (!token_is(p, reserved)) {
		parse_unexpected(p);
		return false;
	}
	lexer_advance(p);
	return true;
}

/* A list of at least one command. */
static struct node *parse_some(struct parser *p)
{
	struct node *list = parse_list(p);

	if (!list && parse_ok(p))
		return parse_unexpected(p);
	return list;
}

static struct node *parse_do_group(struct parser *p)
{
	struct node *body;

	if (!expect(p, "do"))
		return NULL;
	body = parse_some(p);
	return body && expect(p, "done") ? body : NULL;
}

/* Behind if or elif, up to the next elif, else or fi. */
static void parse_branch(struct parser *p, struct node *node)
{
	lexer_advance(p);
	node->condition = parse_some(p);
	if (node->condition && expect(p, "then"))
		node->body = parse_some(p);
}

/* A chain, and not a tower, of branches: any number of them needs no deeper stack. */
static void parse_if(struct parser *p, struct node *node)
{
	parse_branch(p, node);
	while (parse_ok(p) && token_is(p, "elif")) {
		node->otherwise = parse_new_node(p, NODE_IF);
		node = node->otherwise;
		parse_branch(p, node);
	}
	if (parse_ok(p) && token_is(p, "else")) {
		lexer_advance(p);
		node->otherwise = parse_some(p);
	}
	if (parse_ok(p))
		expect(p, "fi");
}

static void parse_loop(struct parser *p, struct node *node)
{
	lexer_advance(p);
	node->condition = parse_some(p);
	if (node->condition)
		node->body = parse_do_group(p);
}

static void parse_for_words(struct parser *p, struct node *node)
{
	struct word **tail = &node->words;

	node->has_words = true;
	for (lexer_advance(p); p->token.kind == TOKEN_WORD; lexer_advance(p)) {
		*tail = p->token.word;
		tail = &p->token.word->next;
	}
	if (p->token.kind != TOKEN_SEMICOLON && p->token.kind != TOKEN_NEWLINE)
		parse_unexpected(p);
	else
		lexer_advance(p);
}

/* for name [newlines in words] ; do body done */
static void parse_for(struct parser *p, struct node *node)
{
	lexer_advance(p);
	if (p->token.kind != TOKEN_WORD) {
		parse_unexpected(p);
		return;
	}
	if (!p->token.literal || name_length(p->token.literal) == 0 ||
	    p->token.literal[name_length(p->token.literal)] != '\0') {
		parse_fail(p, "syntax error: bad name of a for loop");
		return;
	}
	node->name = p->token.literal;
	lexer_advance(p);
	if (p->token.kind == TOKEN_SEMICOLON) {
		lexer_advance(p);
	} else {
		parse_skip_newlines(p);
		if (token_is(p, "in"))
			parse_for_words(p, node);
	}
	parse_skip_newlines(p);
	if (parse_ok(p))
		node->body = parse_do_group(p);
}

/* [(] pattern [| pattern]... ) */
static bool parse_patterns(struct parser *p, struct case_clause *clause)
{
	struct word **tail = &clause->patterns;

	if (p->token.kind == TOKEN_OPEN)
		lexer_advance(p);
	for (;;) {
		if (p->token.kind != TOKEN_WORD) {
			parse_unexpected(p);
			return false;
		}
		*tail = p->token.word;
		tail = &p->token.word->next;
		lexer_advance(p);
		if (p->token.kind != TOKEN_PIPE)
			break;
		lexer_advance(p);
	}
	if (p->token.kind != TOKEN_CLOSE) {
		parse_unexpected(p);
		return false;
	}
	lexer_advance(p);
	return true;
}

/* The last clause may do without ;; before esac. */
static struct case_clause *parse_clause(struct parser *p)
{
	struct case_clause *clause = arena_alloc(p->arena, sizeof(*clause));

	if (!parse_patterns(p, clause))
		return NULL;
	clause->body = parse_list(p);
	if (!parse_ok(p))
		return NULL;
	if (p->token.kind == TOKEN_DOUBLE_SEMICOLON)
		lexer_advance(p);
	else if (!token_is(p, "esac"))
		return parse_unexpected(p);
	parse_skip_newlines(p);
	return clause;
}

static void parse_case(struct parser *p, struct node *node)
{
	struct case_clause **tail = &node->clauses;

	lexer_advance(p);
	if (p->token.kind != TOKEN_WORD) {
		parse_unexpected(p);
		return;
	}
	node->words = p->token.word;
	lexer_advance(p);
	parse_skip_newlines(p);
	if (!expect(p, "in"))
		return;
	parse_skip_newlines(p);
	while (parse_ok(p) && !token_is(p, "esac")) {
		*tail = parse_clause(p);
		if (!*tail)
			return;
		tail = &(*tail)->next;
	}
	if (parse_ok(p))
		lexer_advance(p);
}

static void parse_group(struct parser *p, struct node *node)
{
	lexer_advance(p);
	node->body = parse_some(p);
	if (node->body)
		expect(p, "}");
}

static void parse_subshell(struct parser *p, struct node *node)
{
	lexer_advance(p);
	node->body = parse_some(p);
	if (!node->body)
		return;
	if (p->token.kind == TOKEN_CLOSE)
		lexer_advance(p);
	else
		parse_unexpected(p);
}

struct compound {
	const char *opening;
	enum node_kind kind;
	void (*parse)(struct parser *p, struct node *node);
};

static const struct compound COMPOUNDS[] = {
	{ "if", NODE_IF, parse_if },	     { "while", NODE_WHILE, parse_loop },
	{ "until", NODE_UNTIL, parse_loop }, { "for", NODE_FOR, parse_for },
	{ "case", NODE_CASE, parse_case },   { "{", NODE_GROUP, parse_group },
};

static const struct compound SUBSHELL = { "(", NODE_SUBSHELL, parse_subshell };

static const struct compound *find_compound(const struct parser *p)
{
	if (p->token.kind == TOKEN_OPEN)
		return &SUBSHELL;
	for (size_t i = 0; i < sizeof(COMPOUNDS) / sizeof(COMPOUNDS[0]); i++)
		if (token_is(p, COMPOUNDS[i].opening))
			return &COMPOUNDS[i];
	return NULL;
}

struct node *parse_compound(struct parser *p)
{
	const struct compound *compound = find_compound(p);
	struct node *node;

	if (!compound)
		return NULL;
	node = parse_new_node(p, compound->kind);
	compound->parse(p, node);
	if (parse_ok(p))
		parse_redirects(p, &node->redirects);
	return parse_ok(p) ? node : NULL;
}

struct node *parse_function_body(struct parser *p)
{
	struct node *body = parse_compound(p);

	if (!body && parse_ok(p))
		return parse_unexpected(p);
	return body;
}
