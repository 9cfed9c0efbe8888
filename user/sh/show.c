/*
 * A tree as text that means the same. Words are as they were typed; all else is put on one line.
 */
#include "show.h"

#include <stdio.h>
#include <string.h>

static void show(struct buffer *out, const struct node *node);

static void add(struct buffer *out, const char *text)
{
	buffer_add(out, text, strlen(text));
}

/* A blank before everything but the first thing. */
static void add_apart(struct buffer *out, const char *text)
{
	char last = out->length ? out->data[out->length - 1] : ' ';

	if (last != ' ' && last != '(')
		buffer_add_char(out, ' ');
	add(out, text);
}

static void show_words(struct buffer *out, const struct word *words)
{
	for (; words; words = words->next)
		add_apart(out, words->source);
}

static void show_redirects(struct buffer *out, const struct redirect *redirect)
{
	static const char *const operators[] = { "<", ">", ">|", ">>", "<>", ">&", "<<" };

	for (; redirect; redirect = redirect->next) {
		bool input = redirect->kind == REDIRECT_READ || redirect->kind == REDIRECT_HERE ||
			     redirect->kind == REDIRECT_READ_WRITE;
		char number[2] = { '0' + redirect->fd, '\0' };

		add_apart(out, redirect->fd == !input ? "" : number);
		add(out, operators[redirect->kind]);
		add(out, redirect->kind == REDIRECT_HERE ? "..." : redirect->target->source);
	}
}

static void show_command(struct buffer *out, const struct node *node)
{
	for (struct assignment *a = node->assignments; a; a = a->next) {
		add_apart(out, a->name);
		add(out, "=");
		add(out, a->value->source);
	}
	show_words(out, node->words);
}

static void show_list(struct buffer *out, const struct node *node)
{
	for (const struct node *child = node->children; child; child = child->next) {
		show(out, child);
		if (child->background)
			add(out, " &");
		else if (child->next)
			add(out, ";");
	}
}

/* A list before a reserved word, which a separator must precede. */
static void show_before(struct buffer *out, const struct node *list, const char *reserved)
{
	show(out, list);
	if (out->data[out->length - 1] != '&')
		add(out, ";");
	add_apart(out, reserved);
}

static void show_if(struct buffer *out, const struct node *node)
{
	add_apart(out, "if");
	show_before(out, node->condition, "then");
	if (node->otherwise) {
		show_before(out, node->body, "else");
		show_before(out, node->otherwise, "fi");
	} else {
		show_before(out, node->body, "fi");
	}
}

static void show_for(struct buffer *out, const struct node *node)
{
	add_apart(out, "for");
	add_apart(out, node->name);
	if (node->has_words)
		add(out, " in");
	show_words(out, node->words);
	add(out, "; do");
	show_before(out, node->body, "done");
}

static void show_case(struct buffer *out, const struct node *node)
{
	add_apart(out, "case");
	show_words(out, node->words);
	add(out, " in");
	for (struct case_clause *clause = node->clauses; clause; clause = clause->next) {
		add(out, " (");
		for (struct word *pattern = clause->patterns; pattern; pattern = pattern->next) {
			add(out, pattern->source);
			add(out, pattern->next ? "|" : ")");
		}
		if (clause->body)
			show(out, clause->body);
		add(out, " ;;");
	}
	add(out, " esac");
}

static void show_children(struct buffer *out, const struct node *node)
{
	if (node->negated)
		add_apart(out, "!");
	for (const struct node *child = node->children; child; child = child->next) {
		if (child != node->children)
			add(out, node->kind == NODE_PIPELINE	  ? " |"
				 : child->run_when == RUN_IF_TRUE ? " &&"
								  : " ||");
		show(out, child);
	}
}

static void show(struct buffer *out, const struct node *node)
{
	switch (node->kind) {
	case NODE_COMMAND:
		show_command(out, node);
		break;
	case NODE_SUBSHELL:
		add_apart(out, "(");
		show(out, node->body);
		add(out, ")");
		break;
	case NODE_GROUP:
		add_apart(out, "{");
		show_before(out, node->body, "}");
		break;
	case NODE_PIPELINE:
	case NODE_AND_OR:
		show_children(out, node);
		break;
	case NODE_LIST:
		show_list(out, node);
		break;
	case NODE_IF:
		show_if(out, node);
		break;
	case NODE_WHILE:
	case NODE_UNTIL:
		add_apart(out, node->kind == NODE_WHILE ? "while" : "until");
		show_before(out, node->condition, "do");
		show_before(out, node->body, "done");
		break;
	case NODE_FOR:
		show_for(out, node);
		break;
	case NODE_CASE:
		show_case(out, node);
		break;
	case NODE_FUNCTION:
		add_apart(out, node->name);
		add(out, "()");
		show(out, node->body);
		break;
	}
	show_redirects(out, node->redirects);
}

void show_tree(struct buffer *out, const struct node *node)
{
	buffer_add(out, "", 0);
	show(out, node);
}
