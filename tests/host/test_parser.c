/*
 * The shell's lexer and parser: what trees they make, what they refuse and what they call
 * incomplete; and that no text whatever makes them crash, loop, or point outside the text.
 */
#include "parser.h"

#include "lexer.h"
#include "unit.h"

#include <stdbool.h>

/* ---- trees as text ---------------------------------------------------------------------- */

static void show(struct buffer *out, const struct node *node);

static void add(struct buffer *out, const char *text)
{
	buffer_add(out, text, strlen(text));
}

static void show_words(struct buffer *out, const struct word *words, const char *before)
{
	for (; words; words = words->next) {
		add(out, before);
		add(out, words->text);
	}
}

static void show_redirects(struct buffer *out, const struct redirect *redirect)
{
	static const char *const spelling[] = { "<", ">", ">>", "<>", "&" };
	char number[16];

	for (; redirect; redirect = redirect->next) {
		snprintf(number, sizeof(number), " %d", redirect->fd);
		add(out, number);
		add(out, spelling[redirect->kind]);
		add(out, redirect->target);
	}
}

static void show_children(struct buffer *out, const struct node *child)
{
	for (; child; child = child->next) {
		add(out, child->run_when == RUN_IF_TRUE	   ? " &&"
			 : child->run_when == RUN_IF_FALSE ? " ||"
							   : "");
		add(out, " ");
		show(out, child);
		add(out, child->background ? " &" : "");
	}
}

static void show(struct buffer *out, const struct node *node)
{
	static const char *const names[] = { "cmd", "sub", "pipe", "andor", "list" };

	add(out, "(");
	add(out, node->negated ? "!" : "");
	add(out, names[node->kind]);
	show_words(out, node->assignments, " =");
	show_words(out, node->words, " ");
	show_redirects(out, node->redirects);
	show_children(out, node->children);
	add(out, ")");
}

static void expect_tree(const char *text, const char *tree)
{
	struct arena arena = { 0 };
	struct buffer out = { 0 };
	struct parse_result result = parse(text, &arena);

	add(&out, "");
	if (result.status == PARSE_OK && result.tree)
		show(&out, result.tree);
	if (result.status != PARSE_OK || strcmp(out.data, tree))
		FAIL("[%s]: status %d, tree %s, not %s", text, result.status, out.data, tree);
	buffer_free(&out);
	arena_release(&arena);
}

static void expect_status(const char *text, enum parse_status status)
{
	struct arena arena = { 0 };
	struct parse_result result = parse(text, &arena);

	if (result.status != status)
		FAIL("[%s]: status %d, not %d", text, result.status, status);
	CHECK((status == PARSE_ERROR) == (result.message != NULL));
	CHECK(result.tree == NULL);
	arena_release(&arena);
}

/* ---- tables ----------------------------------------------------------------------------- */

CASE(commands)
{
	expect_tree("", "");
	expect_tree("  # only a comment", "");
	expect_tree("\n\n", "");
	expect_tree("ls", "(cmd ls)");
	expect_tree("ls -l /tmp # all of it", "(cmd ls -l /tmp)");
	expect_tree("a=1 b= c d=2", "(cmd =a=1 =b= c d=2)");
	expect_tree("x=1", "(cmd =x=1)");
	expect_tree("a#b", "(cmd a#b)");
	expect_tree("echo a\\\nb", "(cmd echo a\\\nb)");
}

CASE(quotes_stay_in_the_word)
{
	expect_tree("echo 'a b;|&' \"c $x d\" e\\ f", "(cmd echo 'a b;|&' \"c $x d\" e\\ f)");
	expect_tree("echo \"a\\\"b\" 'c\"d' ${x}y", "(cmd echo \"a\\\"b\" 'c\"d' ${x}y)");
	expect_tree("'a'=b", "(cmd 'a'=b)");
}

CASE(redirections)
{
	expect_tree("cat <in >out 2>>log", "(cmd cat 0<in 1>out 2>>log)");
	expect_tree("ls >f 2>&1 3<&- 4<>g", "(cmd ls 1>f 2&1 3&- 4<>g)");
	expect_tree(">f", "(cmd 1>f)");
	expect_tree("echo 2 >f", "(cmd echo 2 1>f)");
	expect_tree("echo 2>f", "(cmd echo 2>f)");
	expect_tree("echo a2>f", "(cmd echo a2 1>f)");
}

CASE(lists_and_pipelines)
{
	expect_tree("a | b | c", "(pipe (cmd a) (cmd b) (cmd c))");
	expect_tree("! a | b", "(!pipe (cmd a) (cmd b))");
	expect_tree("! a", "(!pipe (cmd a))");
	expect_tree("a && b || c", "(andor (cmd a) && (cmd b) || (cmd c))");
	expect_tree("a; b & c", "(list (cmd a) (cmd b) & (cmd c))");
	expect_tree("a &", "(list (cmd a) &)");
	expect_tree("a\nb\n", "(list (cmd a) (cmd b))");
	expect_tree("a |\n b &&\n\n c", "(andor (pipe (cmd a) (cmd b)) && (cmd c))");
	expect_tree("(a; b) >f | c", "(pipe (sub 1>f (list (cmd a) (cmd b))) (cmd c))");
	expect_tree("((a))", "(sub (sub (cmd a)))");
}

CASE(incomplete)
{
	static const char *const texts[] = { "echo 'a",	   "echo \"a", "echo \"a\\", "a |", "a &&",
					     "a || ",	   "(a",       "(a;",	     "(",   "cat <",
					     "echo a\\\n", "echo ${x", "!",	     "(\n" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect_status(texts[i], PARSE_INCOMPLETE);
}

CASE(errors)
{
	static const char *const texts[] = { ")",	  "a )",       "| a",	     "a | | b",
					     "a && && b", "; a",       "& a",	     "a ; ; b",
					     "()",	  "(a) b",     "cat < ; b",  "cat <\nb",
					     "a && ; b",  "cat <<end", "echo $(ls)", "echo `ls`",
					     "a & && b" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect_status(texts[i], PARSE_ERROR);
}

CASE(deep_and_long_input)
{
	enum { MANY = 100000 };
	char *text = malloc(2 * MANY + 2);
	struct arena arena = { 0 };

	memset(text, '(', MANY);
	text[MANY] = '\0';
	expect_status(text, PARSE_ERROR);
	for (int i = 0; i < MANY; i++)
		memcpy(text + 2 * i, "a;", 2);
	text[2 * MANY] = '\0';
	CHECK(parse(text, &arena).status == PARSE_OK);
	arena_release(&arena);
	free(text);
}

/* ---- random text ------------------------------------------------------------------------ */

static char *random_text(void)
{
	static const char *const pieces[] = { "a",  "ls ",  " ",  "x=", "1",  "2", "$x", "${",
					      "}",  "'",    "\"", "\\", "\n", ";", "&",	 "&&",
					      "|",  "||",   "(",  ")",	"<",  ">", ">>", "<<",
					      ">&", "<>",   "#",  "!",	"$(", "`", "~",	 "*",
					      "\t", "\x80", "-",  "$@", "$?" };
	struct buffer text = { 0 };
	int count = (int)random_below(20);

	add(&text, "");
	for (int i = 0; i < count; i++)
		add(&text, pieces[random_below(sizeof(pieces) / sizeof(pieces[0]))]);
	char *copy = exact_copy(text.data, text.length + 1);
	buffer_free(&text);
	return copy;
}

static bool nodes_lie_in_text(const struct node *node, const char *text, size_t length)
{
	for (; node; node = node->next) {
		if (node->source < text || node->source + node->source_length > text + length)
			return false;
		if (!nodes_lie_in_text(node->children, text, length))
			return false;
	}
	return true;
}

CASE(any_text_is_parsed_or_refused)
{
	for (int round = 0; round < 100000; round++) {
		struct arena arena = { 0 };
		char *text = random_text();
		struct parse_result result = parse(text, &arena);

		if (result.status == PARSE_OK &&
		    !nodes_lie_in_text(result.tree, text, strlen(text)))
			FAIL("[%s]: a node's source lies outside the text", text);
		if (result.status != PARSE_OK && result.tree)
			FAIL("[%s]: a tree without success", text);
		arena_release(&arena);
		free(text);
	}
}

CASE(tokens_advance_through_the_text)
{
	for (int round = 0; round < 100000; round++) {
		char *text = random_text();
		struct lexer lexer = { .at = text };
		const char *before = text, *end = text + strlen(text);

		for (;;) {
			struct token token = lexer_next(&lexer);

			CHECK(token.text >= before && token.text + token.length <= end);
			if (token.kind == TOKEN_END || token.kind == TOKEN_INCOMPLETE ||
			    token.kind == TOKEN_BAD)
				break;
			CHECK(token.length > 0 && lexer.at >= token.text + token.length);
			before = token.text + token.length;
		}
		free(text);
	}
}

UNIT_MAIN
