/*
 * The lexer: from characters to tokens (POSIX XCU 2.3). A token is an operator, a newline or a
 * word; where a word ends is word.c's business, because a space or a ; inside its quotes is part of
 * it. A newline is also where here-documents begin. A backslash and a newline are no characters at
 * all, wherever nothing is quoted, so everybody looks at the text through lexer_peek().
 */
#include "parsing.h"

#include "names.h"

#include <string.h>

struct spelling {
	const char *text;
	enum token_kind kind;
};

/* A longer operator stands before the shorter one it begins with. */
static const struct spelling OPERATORS[] = {
	{ "&&", TOKEN_AND_IF },	    { "||", TOKEN_OR_IF },    { ";;", TOKEN_DOUBLE_SEMICOLON },
	{ "<<-", TOKEN_HERE_TABS }, { "<<", TOKEN_HERE },     { ">>", TOKEN_APPEND },
	{ "<&", TOKEN_COPY_INPUT }, { ">&", TOKEN_COPY },     { "<>", TOKEN_READ_WRITE },
	{ ">|", TOKEN_CLOBBER },    { "&", TOKEN_AMPERSAND }, { "|", TOKEN_PIPE },
	{ ";", TOKEN_SEMICOLON },   { "(", TOKEN_OPEN },      { ")", TOKEN_CLOSE },
	{ "<", TOKEN_LESS },	    { ">", TOKEN_GREAT },
};

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

bool ends_word(char byte)
{
	return byte == '\0' || is_blank(byte) || strchr("\n;&|()<>", byte);
}

char lexer_peek(struct parser *p)
{
	while (p->at[0] == '\\' && p->at[1] == '\n') {
		if (p->at[2] == '\0' && !p->final) {
			parse_ended(p, "");
			return '\0';
		}
		p->at += 2;
		p->line++;
	}
	return *p->at;
}

void lexer_skip(struct parser *p)
{
	if (*p->at == '\n')
		p->line++;
	p->at++;
}

/* Skips blanks and comments. */
static void skip_blanks(struct parser *p)
{
	while (is_blank(lexer_peek(p)))
		p->at++;
	if (*p->at == '#')
		p->at += strcspn(p->at, "\n");
}

/* Consumes the operator if it stands here. */
static bool take_operator(struct parser *p, const char *text)
{
	const char *at = p->at;
	int line = p->line;

	for (; *text && lexer_peek(p) == *text; text++)
		p->at++;
	if (*text == '\0')
		return true;
	p->at = at;
	p->line = line;
	return false;
}

static bool take_any_operator(struct parser *p)
{
	size_t count = sizeof(OPERATORS) / sizeof(OPERATORS[0]);

	for (size_t i = 0; i < count; i++)
		if (take_operator(p, OPERATORS[i].text)) {
			p->token.kind = OPERATORS[i].kind;
			p->token.spelling = OPERATORS[i].text;
			return true;
		}
	return false;
}

static void take_word(struct parser *p)
{
	struct word *word = parse_word(p);
	const char *literal;

	if (!word)
		return;
	literal = word_literal(word);
	p->token.kind = TOKEN_WORD;
	p->token.word = word;
	p->token.spelling = word->source;
	p->token.literal = literal;
	if (literal && literal[0] >= '0' && literal[0] <= '9' && literal[1] == '\0' &&
	    (*p->at == '<' || *p->at == '>'))
		p->token.kind = TOKEN_IO_NUMBER;
}

void lexer_advance(struct parser *p)
{
	skip_blanks(p);
	p->token = (struct token){ .kind = TOKEN_BAD, .spelling = "", .line = p->line };
	if (!parse_ok(p))
		return;
	if (*p->at == '\0') {
		p->token.kind = TOKEN_END;
		heredocs_read(p);
	} else if (*p->at == '\n') {
		p->token.kind = TOKEN_NEWLINE;
		lexer_skip(p);
		heredocs_read(p);
	} else if (!take_any_operator(p)) {
		take_word(p);
	}
	if (!parse_ok(p))
		p->token.kind = TOKEN_BAD;
}

/* Forgets the aliases whose text has been read. */
static void close_aliases(struct parser *p, size_t remaining)
{
	while (p->aliases && remaining <= p->aliases->rest)
		p->aliases = p->aliases->next;
}

static bool is_open(const struct parser *p, const char *name)
{
	for (const struct open_alias *open = p->aliases; open; open = open->next)
		if (strcmp(open->name, name) == 0)
			return true;
	return false;
}

/* The text of the alias is put before the rest of the text, and lexed as if it had been typed. */
static void open_alias(struct parser *p, const char *name, const char *value)
{
	struct open_alias *open = arena_alloc(p->arena, sizeof(*open));
	size_t length = strlen(value);
	char *text = arena_alloc(p->arena, length + strlen(p->at) + 1);

	open->name = name;
	open->rest = strlen(p->at);
	open->next = p->aliases;
	p->texts++;
	p->aliases = open;
	p->alias_continues = length > 0 && is_blank(value[length - 1]);
	memcpy(text, value, length);
	strcpy(text + length, p->at);
	p->at = text;
}

void lexer_expand_alias(struct parser *p)
{
	while (p->alias && p->token.kind == TOKEN_WORD && p->token.literal) {
		const char *name = p->token.literal;
		const char *value = p->alias(name);

		if (!value)
			return;
		/* The token itself is read already, and still counts as inside. */
		close_aliases(p, strlen(p->at) + strlen(name));
		if (is_open(p, name))
			return;
		open_alias(p, name, value);
		lexer_advance(p);
	}
}
