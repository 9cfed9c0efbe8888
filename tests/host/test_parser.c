/*
 * The shell's parser: what trees it makes, what it refuses and what it calls incomplete; that a
 * tree shown as text is the same tree again; and that no text whatever makes it crash or loop.
 */
#include "parser.h"

#include "show.h"
#include "unit.h"

#include <stdbool.h>

/* ---- trees as text ---------------------------------------------------------------------- */

static void show(struct buffer *out, const struct node *node);

static void add(struct buffer *out, const char *text)
{
	buffer_add(out, text, strlen(text));
}

static void show_words(struct buffer *out, const struct word *words)
{
	for (; words; words = words->next) {
		add(out, " ");
		add(out, words->source);
	}
}

static void show_assignments(struct buffer *out, const struct assignment *a)
{
	for (; a; a = a->next) {
		add(out, " =");
		add(out, a->name);
		add(out, "=");
		add(out, a->value->source);
	}
}

static void show_redirects(struct buffer *out, const struct redirect *redirect)
{
	static const char *const spelling[] = { "<", ">", ">|", ">>", "<>", "&", "<<" };
	char number[16];

	for (; redirect; redirect = redirect->next) {
		snprintf(number, sizeof(number), " %d", redirect->fd);
		add(out, number);
		add(out, spelling[redirect->kind]);
		add(out, redirect->target->source);
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

static void show_part(struct buffer *out, const char *name, const struct node *node)
{
	if (!node)
		return;
	add(out, name);
	show(out, node);
}

static void show_clauses(struct buffer *out, const struct case_clause *clause)
{
	for (; clause; clause = clause->next) {
		add(out, " [");
		show_words(out, clause->patterns);
		show_part(out, " ", clause->body);
		add(out, "]");
	}
}

static void show(struct buffer *out, const struct node *node)
{
	static const char *const names[] = { "cmd", "sub",   "group", "pipe", "andor", "list",
					     "if",  "while", "until", "for",  "case",  "function" };

	add(out, "(");
	add(out, node->negated ? "!" : "");
	add(out, names[node->kind]);
	show_part(out, " ", node->condition);
	if (node->name) {
		add(out, " ");
		add(out, node->name);
		add(out, node->has_words ? " in" : "");
	}
	show_assignments(out, node->assignments);
	show_words(out, node->words);
	show_redirects(out, node->redirects);
	show_children(out, node->children);
	show_part(out, " ", node->body);
	show_part(out, " else ", node->otherwise);
	show_clauses(out, node->clauses);
	add(out, ")");
}

static struct parse_result parse_more(const char *text, bool final, struct arena *arena)
{
	return parse((struct parse_input){ .text = text, .line = 1, .final = final }, arena);
}

static void expect_tree(const char *text, const char *tree)
{
	struct arena arena = { 0 };
	struct buffer out = { 0 };
	struct parse_result result = parse_more(text, true, &arena);

	add(&out, "");
	if (result.status == PARSE_OK && result.tree)
		show(&out, result.tree);
	if (result.status != PARSE_OK || strcmp(out.data, tree))
		FAIL("[%s]: status %d, tree %s, not %s", text, result.status, out.data, tree);
	buffer_free(&out);
	arena_release(&arena);
}

static void expect_status(const char *text, bool final, enum parse_status status)
{
	struct arena arena = { 0 };
	struct parse_result result = parse_more(text, final, &arena);

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
	expect_tree("ec\\\nho a \\\nb", "(cmd ec\\\nho a b)");
	expect_tree("echo a\necho b", "(cmd echo a)");
}

CASE(quotes_stay_in_the_word)
{
	expect_tree("echo 'a b;|&' \"c $x d\" e\\ f", "(cmd echo 'a b;|&' \"c $x d\" e\\ f)");
	expect_tree("echo \"a\\\"b\" 'c\"d' ${x}y", "(cmd echo \"a\\\"b\" 'c\"d' ${x}y)");
	expect_tree("'a'=b", "(cmd 'a'=b)");
	expect_tree("echo $(a; (b) | c) `d e`", "(cmd echo $(a; (b) | c) `d e`)");
	expect_tree("echo \"$(echo \")\")\" ${x:-\"}\"}",
		    "(cmd echo \"$(echo \")\")\" ${x:-\"}\"})");
	expect_tree("echo $((1 + (2))) $((a) ; b)", "(cmd echo $((1 + (2))) $((a) ; b))");
	expect_tree("echo $(case a in a) b;; esac)", "(cmd echo $(case a in a) b;; esac))");
}

CASE(redirections)
{
	expect_tree("cat <in >out 2>>log", "(cmd cat 0<in 1>out 2>>log)");
	expect_tree("ls >f 2>&1 3<&- 4<>g >|h", "(cmd ls 1>f 2&1 3&- 4<>g 1>|h)");
	expect_tree(">f", "(cmd 1>f)");
	expect_tree("echo 2 >f", "(cmd echo 2 1>f)");
	expect_tree("echo 2>f", "(cmd echo 2>f)");
	expect_tree("echo a2>f", "(cmd echo a2 1>f)");
	expect_tree("cat <<E -\na\nb\nE\n", "(cmd cat - 0<<a\nb\n)");
	expect_tree("cat <<-E\n\ta\n\tE\n", "(cmd cat 0<<a\n)");
	expect_tree("cat <<'E' <<F\n$x\nE\n$y\nF\n", "(cmd cat 0<<$x\n 0<<$y\n)");
}

CASE(lists_and_pipelines)
{
	expect_tree("a | b | c", "(pipe (cmd a) (cmd b) (cmd c))");
	expect_tree("! a | b", "(!pipe (cmd a) (cmd b))");
	expect_tree("! a", "(!pipe (cmd a))");
	expect_tree("a && b || c", "(andor (cmd a) && (cmd b) || (cmd c))");
	expect_tree("a; b & c", "(list (cmd a) (cmd b) & (cmd c))");
	expect_tree("a &", "(list (cmd a) &)");
	expect_tree("a |\n b &&\n\n c", "(andor (pipe (cmd a) (cmd b)) && (cmd c))");
	expect_tree("(a; b) >f | c", "(pipe (sub 1>f (list (cmd a) (cmd b))) (cmd c))");
	expect_tree("((a))", "(sub (sub (cmd a)))");
	expect_tree("(a\nb\n)", "(sub (list (cmd a) (cmd b)))");
}

CASE(compound_commands)
{
	expect_tree("{ a; }", "(group (cmd a))");
	expect_tree("if a; then b; fi", "(if (cmd a) (cmd b))");
	expect_tree("if a\nthen b\nelif c; then d; else e; fi >f",
		    "(if (cmd a) 1>f (cmd b) else (if (cmd c) (cmd d) else (cmd e)))");
	expect_tree("while a; do b; done", "(while (cmd a) (cmd b))");
	expect_tree("until a\ndo\nb\ndone", "(until (cmd a) (cmd b))");
	expect_tree("for x in a b; do c; done", "(for x in a b (cmd c))");
	expect_tree("for x\ndo c; done", "(for x (cmd c))");
	expect_tree("case x in a|b) c;; (d) ;; esac", "(case x [ a b (cmd c)] [ d])");
	expect_tree("f() { a; } >g", "(function f (group 1>g (cmd a)))");
	expect_tree("echo if then fi { } do", "(cmd echo if then fi { } do)");
	expect_tree("'if' a", "(cmd 'if' a)");
}

CASE(incomplete)
{
	static const char *const texts[] = {
		"echo 'a",   "echo \"a",   "echo \"a\\",
		"a |",	     "a &&",	   "a || ",
		"(a",	     "(a;",	   "(",
		"cat <",     "echo a\\\n", "echo ${x",
		"!",	     "(\n",	   "if a",
		"if a\n",    "{ a\n",	   "while",
		"for",	     "for x in",   "case x",
		"f()",	     "echo $(a",   "echo `a",
		"echo $((1", "cat <<E\n",  "cat <<E\na\nE x\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		expect_status(texts[i], false, PARSE_INCOMPLETE);
		if (!strstr(texts[i], "<<") && !strstr(texts[i], "\\"))
			expect_status(texts[i], true, PARSE_ERROR);
	}
}

CASE(errors)
{
	static const char *const texts[] = {
		")",	     "a )",
		"| a",	     "a | | b",
		"a && && b", "; a",
		"& a",	     "a ; ; b",
		"()",	     "(a) b",
		"cat < ; b", "cat <\nb",
		"a && ; b",  "fi",
		"if; then",  "a & && b",
		"done",	     "{ }x; }; fi",
		"case x y",  "for 1 in",
		"a() b",     "echo $(if)",
		"echo $(a",  ";;",
		"if a; fi",  "while a; done",
		"{ }; }",    "1x() { a; }",
		"echo `if`", "case x in a b) esac",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect_status(texts[i], true, PARSE_ERROR);
}

/* The tree shown as text, as in the list of jobs. */
static char *shown(const char *text, struct arena *arena)
{
	struct parse_result result = parse_more(text, true, arena);
	struct buffer out = { 0 };
	char *copy;

	if (result.status != PARSE_OK)
		FAIL("[%s]: status %d", text, result.status);
	show_tree(&out, result.tree);
	copy = arena_strdup(arena, out.data);
	buffer_free(&out);
	return copy;
}

CASE(what_is_shown_is_the_same_command)
{
	static const char *const texts[] = {
		"sleep 100 | cat",
		"a=1 b c >f 2>&1 3<g",
		"! a | b && c || d &",
		"(a; b) | { c & d; } >f",
		"if a; then b; elif c; then d; else e & fi",
		"while a | b; do c; done <f",
		"until a; do b & done",
		"for x in a 'b c' $(d); do e; done",
		"for x; do e; done",
		"case $x in a|'b)') c; d ;; (*) ;; esac",
		"f() { a; (b); }",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct arena arena = { 0 };
		const char *once = shown(texts[i], &arena), *twice = shown(once, &arena);

		if (strcmp(once, twice))
			FAIL("[%s]: [%s], then [%s]", texts[i], once, twice);
		arena_release(&arena);
	}
}

CASE(one_command_at_a_time)
{
	struct arena arena = { 0 };
	struct parse_result result = parse_more("a <<E; b\nx\nE\nc\n", true, &arena);

	CHECK(result.status == PARSE_OK && strcmp(result.rest, "c\n") == 0 && result.line == 4);
	result = parse_more("\n\na", true, &arena);
	CHECK(result.status == PARSE_OK && !result.tree && strcmp(result.rest, "\na") == 0);
	arena_release(&arena);
}

/* ---- large input ------------------------------------------------------------------------ */

/* A text of so many copies, in time and stack that do not explode. */
static void expect_refused(const char *piece, int count)
{
	struct buffer text = { 0 };

	for (int i = 0; i < count; i++)
		add(&text, piece);
	expect_status(text.data, true, PARSE_ERROR);
	buffer_free(&text);
}

CASE(deep_and_long_input)
{
	struct arena arena = { 0 };
	struct buffer text = { 0 };

	expect_refused("(", 100000);
	expect_refused("{ ", 100000);
	expect_refused("$((", 2000);
	expect_refused("$((a) ", 2000);
	expect_refused("\"$(", 2000);
	expect_refused("${x:-", 2000);
	expect_refused("\"${x:-", 2000);
	expect_refused("$(case x in ", 2000);
	expect_refused("if a; then ", 2000);
	expect_refused("f() ", 2000);
	for (int i = 0; i < 100000; i++)
		add(&text, "a;");
	CHECK(parse_more(text.data, true, &arena).status == PARSE_OK);
	buffer_clear(&text);
	add(&text, "if a; then b; ");
	for (int i = 0; i < 20000; i++)
		add(&text, "elif a; then b; ");
	add(&text, "fi");
	CHECK(parse_more(text.data, true, &arena).status == PARSE_OK);
	buffer_free(&text);
	arena_release(&arena);
}

/* ---- random text ------------------------------------------------------------------------ */

static char *random_text(void)
{
	static const char *const pieces[] = {
		"a",	  "ls ",   " ",	      "x=",    "1",	"2",   "$x",   "${",	"}",
		"'",	  "\"",	   "\\",      "\n",    ";",	"&",   "&&",   "|",	"||",
		"(",	  ")",	   "<",	      ">",     ">>",	"<<",  ">&",   "<>",	"#",
		"!",	  "$(",	   "`",	      "~",     "*",	"\t",  "\x80", "-",	"$@",
		"$?",	  "$((",   "))",      "if ",   "then ", "fi ", "do ",  "done ", "while ",
		"for x ", "in ",   "case x ", "esac ", ";;",	"{ ",  "f()",  ":-",	"%%",
		"<<E\n",  "\nE\n", "else ",
	};
	struct buffer text = { 0 };
	int count = (int)random_below(30);

	add(&text, "");
	for (int i = 0; i < count; i++)
		add(&text, pieces[random_below(sizeof(pieces) / sizeof(pieces[0]))]);
	char *copy = exact_copy(text.data, text.length + 1);
	buffer_free(&text);
	return copy;
}

CASE(any_text_is_parsed_or_refused)
{
	for (int round = 0; round < 100000; round++) {
		struct arena arena = { 0 };
		struct buffer out = { 0 };
		char *text = random_text();
		struct parse_result result = parse_more(text, round % 2, &arena);

		if (result.status != PARSE_OK && result.tree)
			FAIL("[%s]: a tree without success", text);
		if (result.status == PARSE_INCOMPLETE && round % 2)
			FAIL("[%s]: it is incomplete, but there is no more", text);
		if (result.status == PARSE_OK &&
		    (result.rest < text || result.rest > text + strlen(text)))
			FAIL("[%s]: the rest lies outside the text", text);
		if (result.tree)
			show_tree(&out, result.tree);
		buffer_free(&out);
		arena_release(&arena);
		free(text);
	}
}

UNIT_MAIN
