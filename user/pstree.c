/*
 * pstree: who is whose child. Every process has one parent, which is the one that forked it, or
 * init if that one is dead; so the processes form one tree, and PID 1 is its root.
 *
 *	pstree [-p] [PID]      the tree, or the part below PID; -p shows pids
 */
#include "procfs.h"

static struct proc_stat *processes;
static size_t count;
static bool show_pids;

static void print_name(const struct proc_stat *process)
{
	printf("%s", process->comm);
	if (show_pids)
		printf("(%d)", process->pid);
	printf("%s\n", process->state == 'Z' ? " <defunct>" : "");
}

/* The first child of `parent` at or after `from` in the table, or `count`. */
static size_t next_child(int parent, size_t from)
{
	while (from < count && processes[from].ppid != parent)
		from++;
	return from;
}

/*
 * Prints a process and, below it, its children. The prefix is what stands at the left of their
 * lines: a bar for each ancestor that has more children to come.
 */
static void print_tree(const struct proc_stat *process, const char *prefix)
{
	size_t length = strlen(prefix) + sizeof("│  ");
	char *below = malloc(length);
	size_t child = next_child(process->pid, 0);

	print_name(process);
	while (child < count && below) {
		size_t next = next_child(process->pid, child + 1);

		printf("%s%s ", prefix, next < count ? "├─" : "└─");
		snprintf(below, length, "%s%s", prefix, next < count ? "│  " : "   ");
		print_tree(&processes[child], below);
		child = next;
	}
	free(below);
}

static bool exists(int pid)
{
	for (size_t i = 0; i < count; i++)
		if (processes[i].pid == pid)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	int root = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-p") == 0)
			show_pids = true;
		else
			root = atoi(argv[i]);
		if (argv[i][0] != '-' && root <= 0) {
			fprintf(stderr, "usage: pstree [-p] [PID]\n");
			return 1;
		}
	}
	processes = proc_read_all(&count);
	if (!processes || (root && !exists(root))) {
		fprintf(stderr, "pstree: no such process\n");
		return 1;
	}
	/* A parent may have been left out by a race or a namespace: its children are roots too. */
	for (size_t i = 0; i < count; i++)
		if (root ? processes[i].pid == root : !exists(processes[i].ppid))
			print_tree(&processes[i], "");
	free(processes);
	return 0;
}
