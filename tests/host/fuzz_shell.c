/*
 * libFuzzer on the shell's parser: any text at all as a script. Each step must take some of the
 * text or refuse it, and what is accepted can be shown (`make fuzz`).
 */
#include "parser.h"
#include "show.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void insist(bool claim)
{
	if (!claim)
		abort();
}

/* A few aliases, one of which is another, to be met by chance. */
static const char *alias_of(const char *name)
{
	if (strcmp(name, "a") == 0)
		return "b ";
	if (strcmp(name, "b") == 0)
		return "a";
	return strcmp(name, "c") == 0 ? "{\necho 'x" : NULL;
}

static bool step(struct parse_input *input, struct arena *arena)
{
	struct parse_result result = parse(*input, arena);
	struct buffer out = { 0 };

	insist(result.status == PARSE_OK || !result.tree);
	insist(result.status != PARSE_INCOMPLETE || !input->final);
	if (result.status != PARSE_OK)
		return false;
	if (result.tree)
		show_tree(&out, result.tree);
	buffer_free(&out);
	insist(input->alias || strlen(result.rest) < strlen(input->text));
	insist(result.line >= input->line);
	input->text = result.rest;
	input->line = result.line;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *text = malloc(size + 1); /* of exactly that size, so that a read beyond it is seen */
	struct arena arena = { 0 };
	struct parse_input input = { .text = text, .line = 1 };

	memcpy(text, bytes, size);
	text[size] = '\0';
	input.final = size % 2;
	input.alias = size % 4 < 2 ? alias_of : NULL;
	for (int i = 0; i < 1000 && *input.text && step(&input, &arena); i++)
		continue;
	arena_release(&arena);
	free(text);
	return 0;
}
