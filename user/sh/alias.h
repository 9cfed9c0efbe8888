/*
 * Aliases: a word that, where a command begins, is replaced by a text before anything else.
 */
#ifndef SH_ALIAS_H
#define SH_ALIAS_H

/* The text, or NULL. */
const char *alias_find(const char *name);
void alias_set(const char *name, const char *text);

/* NULL removes all. 0, or -1 if there was none of this name. */
int alias_unset(const char *name);

/* Calls the function for each, those made last first. */
void alias_each(void (*show)(const char *name, const char *text));

#endif
