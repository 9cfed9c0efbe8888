/*
 * pstree: who is whose child. Every process has one parent, which is the one that forked it, or
 * init if that one is dead; so the processes form one tree, and PID 1 is its root.
 *
 *	pstree [-p] [PID]      the whole tree, or the part below PID; -p shows pids
 *
 * The drawing is that of Debian's pstree with -U -c -l -T: it merges no branches, cuts no lines and
 * shows no threads. That a process is a zombie, <defunct>, only this one says.
 */
#include "procfs.h"
#include <limits.h>

static struct proc_stat *processes; /* in the order of their pids */
static size_t count;
static struct proc_stat **families; /* in the order of their parents, then of their names */
static bool show_pids;

/* What stands at the left of a line: room, and a bar for each ancestor with children to come. */
static char *margin;
static size_t margin_length, margin_capacity;

static _Noreturn void fail(const char *reason)
{
	fprintf(stderr, "pstree: %s\nusage: pstree [-p] [PID]\n", reason);
	exit(1);
}

static int compare_families(const void *one, const void *other)
{
	const struct proc_stat *a = *(struct proc_stat *const *)one;
	const struct proc_stat *b = *(struct proc_stat *const *)other;
	int names = strcmp(a->comm, b->comm);

	if (a->ppid != b->ppid)
		return a->ppid < b->ppid ? -1 : 1;
	if (names)
		return names;
	if (a->uid != b->uid)
		return a->uid < b->uid ? -1 : 1;
	return a->pid - b->pid;
}

static const struct proc_stat *find(int pid)
{
	struct proc_stat key = { .pid = pid };

	return bsearch(&key, processes, count, sizeof(key), proc_compare);
}

/*
 * A process whose parent is not there any more, having died while the list was read, belongs to
 * init. The first process of all has parent 0, and so have the kernel's own.
 */
static void sort_families(void)
{
	families = malloc(count * sizeof(struct proc_stat *));
	if (!families)
		fail("no memory");
	for (size_t i = 0; i < count; i++) {
		if (processes[i].ppid != 0 && !find(processes[i].ppid))
			processes[i].ppid = 1;
		families[i] = &processes[i];
	}
	qsort(families, count, sizeof(struct proc_stat *), compare_families);
}

/* Where the children of a process begin among the families; those of the next pid end them. */
static size_t first_child(int parent)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (families[middle]->ppid < parent)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void widen_margin(const char *text)
{
	size_t length = strlen(text);

	if (margin_length + length >= margin_capacity) {
		margin_capacity = 2 * (margin_capacity + length + 1);
		margin = realloc(margin, margin_capacity);
		if (!margin)
			fail("no memory");
	}
	strcpy(margin + margin_length, text);
	margin_length += length;
}

/*
 * Prints a name and leaves room for it in the margin. A process may call itself what it likes, so
 * whatever a terminal could take for a command is printed as a number.
 */
static void print_name(const struct proc_stat *process)
{
	int width = 0;

	for (const char *c = process->comm; *c; c++)
		if (*c == '\\')
			width += printf("\\\\");
		else if (*c < ' ' || *c > '~')
			width += printf("\\%03o", (unsigned char)*c);
		else
			width += printf("%c", *c);
	if (show_pids)
		width += printf("(%d)", process->pid);
	width += printf("%s", process->state == 'Z' ? " <defunct>" : "");
	while (width-- > 0)
		widen_margin(" ");
}

/* Prints a process where the line stands, its first child behind it, and the others below that. */
static void print_tree(const struct proc_stat *process)
{
	size_t first = first_child(process->pid), end = first_child(process->pid + 1);

	print_name(process);
	for (size_t child = first; child < end; child++) {
		bool last = child + 1 == end;
		size_t inner = margin_length;

		if (child == first)
			printf("%s", last ? "───" : "─┬─");
		else
			printf("\n%s%s", margin, last ? " └─" : " ├─");
		widen_margin(last ? "   " : " │ ");
		print_tree(families[child]);
		margin_length = inner;
		margin[inner] = '\0';
	}
}

static int parse_pid(const char *text)
{
	char *end;
	long pid = strtol(text, &end, 10);

	if (*end || pid <= 0 || pid >= INT_MAX)
		fail("that is no option and no process id");
	return (int)pid;
}

int main(int argc, char **argv)
{
	const struct proc_stat *root;
	int pid = 0;

	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "-p") == 0)
			show_pids = true;
		else if (pid)
			fail("only one tree at a time");
		else
			pid = parse_pid(argv[i]);
	processes = proc_read_all(&count);
	if (!processes)
		fail("cannot read /proc");
	sort_families();
	root = find(pid ? pid : 1);
	if (!root)
		fail("no such process");
	print_tree(root);
	putchar('\n');
	return 0;
}
