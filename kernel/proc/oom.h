/* What happens when a page fault finds no memory and cannot tell anybody. */
#ifndef MITOS_PROC_OOM_H
#define MITOS_PROC_OOM_H

/*
 * Makes memory: sends SIGKILL to the process that holds most of it, never to pid 1, and lets it
 * die. Returns when the fault may be tried again, or when the running task itself is the one to
 * die.
 */
void oom_kill(void);

#endif
