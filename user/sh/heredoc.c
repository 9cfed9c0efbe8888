/*
 * Here-documents: `command <<END` takes the lines after its own, up to one that is END and nothing
 * else, for its input. So the lexer meets the redirection first, goes on to the end of that line,
 * and only there finds the text. Several on one line follow each other in the order typed. If any
 * part of END is quoted the text is taken as it is; else it is expanded like a double-quoted word.
 */
#include "parsing.h"

#include <string.h>

/* The delimiter is never expanded: it is what was typed, without quotes. */
static char *remove_quotes(struct parser *p, const char *typed, bool *quoted)
{
	char *text = arena_strdup(p->arena, typed);
	char *to = text;
	char quote = '\0';

	for (const char *from = typed; *from; from++) {
		if (*from == quote) {
			quote = '\0';
		} else if (!quote && (*from == '\'' || *from == '"')) {
			quote = *from;
		} else if (*from == '\\' && quote != '\'' && from[1]) {
			from++;
			if (quote == '"' && !strchr("$`\"\\", *from))
				*to++ = '\\';
			*to++ = *from;
			*quoted = true;
			continue;
		} else {
			*to++ = *from;
			continue;
		}
		*quoted = true;
	}
	*to = '\0';
	return text;
}

void heredoc_expect(struct parser *p, struct redirect *redirect, bool drops_tabs)
{
	struct heredoc *heredoc = arena_alloc(p->arena, sizeof(*heredoc));
	struct heredoc **tail = &p->heredocs;
	bool quoted = false;

	heredoc->redirect = redirect;
	heredoc->delimiter = remove_quotes(p, p->token.spelling, &quoted);
	heredoc->expands = !quoted;
	heredoc->drops_tabs = drops_tabs;
	while (*tail)
		tail = &(*tail)->next;
	*tail = heredoc;
}

/* One line of the text, with its newline. Where it will be expanded, \newline joins two. */
static void read_line(struct parser *p, const struct heredoc *heredoc, struct buffer *line)
{
	buffer_clear(line);
	buffer_add(line, "", 0);
	if (heredoc->drops_tabs)
		p->at += strspn(p->at, "\t");
	while (*p->at) {
		size_t length = strcspn(p->at, "\\\n");
		char special = p->at[length];

		buffer_add(line, p->at, length);
		p->at += length;
		if (special == '\0')
			return;
		if (special == '\\' && p->at[1]) {
			size_t count = heredoc->expands ? 2 : 1;

			/* Kept as it is: word.c, which sees it next, drops the pair. */
			buffer_add(line, p->at, count);
			p->line += count == 2 && p->at[1] == '\n';
			p->at += count;
			continue;
		}
		buffer_add_char(line, special);
		lexer_skip(p);
		if (special == '\n')
			return;
	}
}

static bool is_delimiter(const struct buffer *line, const char *delimiter)
{
	size_t length = strlen(delimiter);

	return strncmp(line->data, delimiter, length) == 0 &&
	       (line->data[length] == '\0' || strcmp(line->data + length, "\n") == 0);
}

/* False if the text ends before the delimiter, and may yet go on. */
static bool read_lines(struct parser *p, const struct heredoc *heredoc, struct buffer *text)
{
	struct buffer line = { 0 };
	bool found = false;

	buffer_add(text, "", 0);
	while (*p->at && !found) {
		read_line(p, heredoc, &line);
		found = is_delimiter(&line, heredoc->delimiter);
		if (!found)
			buffer_add(text, line.data, line.length);
	}
	buffer_free(&line);
	return found || p->final;
}

static struct word *plain_text(struct parser *p, const char *text)
{
	struct word *word = arena_alloc(p->arena, sizeof(*word));

	word->parts = arena_alloc(p->arena, sizeof(*word->parts));
	word->parts->quoted = true;
	word->parts->text = text;
	word->source = text;
	return word;
}

/* Parses the text as a parser of its own, one level deeper. */
static struct word *expanded_text(struct parser *p, const char *text, int line)
{
	struct parser inner = { .at = text,
				.line = line,
				.final = true,
				.arena = p->arena,
				.alias = p->alias,
				.depth = p->depth };
	struct word *word = NULL;

	if (!parse_enter(&inner))
		return parse_fail(p, inner.result.message);
	word = parse_heredoc_text(&inner);
	if (!word)
		return parse_fail(p, inner.result.message);
	return word;
}

void heredocs_read(struct parser *p)
{
	while (p->heredocs && parse_ok(p)) {
		struct heredoc *heredoc = p->heredocs;
		struct buffer text = { 0 };
		int line = p->line;
		const char *copy;

		p->heredocs = heredoc->next;
		if (!read_lines(p, heredoc, &text)) {
			buffer_free(&text);
			parse_ended(p, "");
			return;
		}
		copy = arena_strdup(p->arena, text.data);
		buffer_free(&text);
		heredoc->redirect->target =
			heredoc->expands ? expanded_text(p, copy, line) : plain_text(p, copy);
	}
}
