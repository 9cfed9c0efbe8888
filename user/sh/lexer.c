/*
 * The lexer: from characters to tokens (POSIX XCU 2.3, without aliases and here-documents). It must
 * know where quotes begin and end, because a space or a ; inside them is part of a word, but it
 * leaves them in place: "a b" and a\ b are different tokens that expand.c will turn into the same
 * argument. What this shell does not have (command substitution, here-documents) is refused here
 * with a name, rather than taken for something else.
 */
#include "lexer.h"

#include <stdbool.h>
#include <string.h>

struct spelling {
	const char *text;
	enum token_kind kind;
};

/* A longer operator stands before the shorter one it begins with. */
static const struct spelling OPERATORS[] = {
	{ "&&", TOKEN_AND_IF },	    { "||", TOKEN_OR_IF },    { "<<", TOKEN_BAD },
	{ ">>", TOKEN_APPEND },	    { "<&", TOKEN_COPY },     { ">&", TOKEN_COPY },
	{ "<>", TOKEN_READ_WRITE }, { ">|", TOKEN_GREAT },    { "&", TOKEN_AMPERSAND },
	{ "|", TOKEN_PIPE },	    { ";", TOKEN_SEMICOLON }, { "(", TOKEN_OPEN },
	{ ")", TOKEN_CLOSE },	    { "<", TOKEN_LESS },      { ">", TOKEN_GREAT },
	{ "\n", TOKEN_NEWLINE },
};

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

/* Whether an unquoted byte ends the word it follows. */
static bool ends_word(char byte)
{
	return byte == '\0' || is_blank(byte) || strchr("\n;&|()<>", byte);
}

/* Skips blanks, comments, and newlines hidden by a backslash. */
static const char *skip_blanks(const char *at)
{
	while (is_blank(*at) || (at[0] == '\\' && at[1] == '\n' && at[2]))
		at += *at == '\\' ? 2 : 1;
	if (*at == '#')
		at += strcspn(at, "\n");
	return at;
}

/*
 * Each skip_ function below takes the address of a quoting or expansion character and returns the
 * address after the whole construct, or NULL when the text ends inside it.
 */
static const char *skip_backslash(const char *at)
{
	if (at[1] == '\0')
		return at + 1;
	if (at[1] == '\n' && at[2] == '\0')
		return NULL;
	return at + 2;
}

static const char *skip_until(const char *at, char end)
{
	const char *found = strchr(at + 1, end);

	return found ? found + 1 : NULL;
}

/*
 * ${name}, or the $ of anything else, after which nothing special comes, except after the second $
 * of $$. Refuses what begins with a $ or a ` but is not in this shell.
 */
static const char *skip_expansion(struct lexer *lexer, const char *at)
{
	if (*at == '`' || at[1] == '(')
		lexer->problem = "command substitution is not built into this shell";
	if (at[1] == '{')
		return skip_until(at + 1, '}');
	return at[1] == '$' ? at + 2 : at + 1;
}

static const char *skip_double_quotes(struct lexer *lexer, const char *at)
{
	at++;
	while (at && *at != '"') {
		if (*at == '\0')
			return NULL;
		if (*at == '\\')
			at = at[1] ? at + 2 : NULL;
		else if (*at == '$' || *at == '`')
			at = skip_expansion(lexer, at);
		else
			at++;
	}
	return at ? at + 1 : NULL;
}

static const char *skip_word(struct lexer *lexer, const char *at)
{
	while (at && !ends_word(*at)) {
		if (*at == '\\')
			at = skip_backslash(at);
		else if (*at == '\'')
			at = skip_until(at, '\'');
		else if (*at == '"')
			at = skip_double_quotes(lexer, at);
		else if (*at == '$' || *at == '`')
			at = skip_expansion(lexer, at);
		else
			at++;
	}
	return at;
}

static struct token lex_word(struct lexer *lexer)
{
	struct token token = { TOKEN_WORD, lexer->at, 0 };
	const char *end = skip_word(lexer, token.text);

	if (lexer->problem)
		token.kind = TOKEN_BAD;
	else if (!end)
		token.kind = TOKEN_INCOMPLETE;
	if (token.kind != TOKEN_WORD)
		return token;

	token.length = end - token.text;
	if (strspn(token.text, "0123456789") == token.length && (*end == '<' || *end == '>'))
		token.kind = TOKEN_IO_NUMBER;
	lexer->at = end;
	return token;
}

struct token lexer_next(struct lexer *lexer)
{
	size_t count = sizeof(OPERATORS) / sizeof(OPERATORS[0]);

	lexer->at = skip_blanks(lexer->at);
	if (*lexer->at == '\0')
		return (struct token){ TOKEN_END, lexer->at, 0 };

	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(OPERATORS[i].text);
		struct token token = { OPERATORS[i].kind, lexer->at, length };

		if (strncmp(lexer->at, OPERATORS[i].text, length) != 0)
			continue;
		if (token.kind == TOKEN_BAD)
			lexer->problem = "here-documents are not built into this shell";
		lexer->at += length;
		return token;
	}
	return lex_word(lexer);
}

size_t name_length(const char *text)
{
	static const char bytes[] = "0123456789_"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	return *text >= '0' && *text <= '9' ? 0 : strspn(text, bytes);
}
