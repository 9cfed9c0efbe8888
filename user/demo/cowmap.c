/*
 * cowmap: the page tables of a parent and its child, side by side, before and after a write.
 *
 * A process that only looks (this one) starts a subject, which maps two pages at 1 TiB, writes to
 * them, and forks. From then on neither the subject nor its child touches its memory: both lie in
 * a read, called with all they need in registers, so that the trees are what fork has made of them.
 * Both trees are drawn. Then the child's read is given a byte, which the kernel writes to the
 * first of those pages, and all lines that have changed are drawn again: with fork=cow-tables the
 * three tables on the way have parted, and the page; with fork=cow, where fork has parted the
 * tables, the page; with fork=eager nothing was left to part. Last the parent is given a byte for
 * the same page.
 *
 * The trees are those of /proc/PID/pagetables, which is mitos's own.
 */
#include "memory.h"
#include "pagetables.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>

#define REGION ((char *)0x10000000000) /* 1 TiB: nothing else is below the same top-level entry */

static const char *const path[] = { "PDPT", "PD", "PT" }; /* from the top to a page */
static struct page_tables parent, child;

/* --- the subject --- */

/*
 * Forks, and in each of the two processes reads a byte at a time into `page`, from the descriptor
 * that is its own, until there is no more; then exits. Touches no memory but that, not even a
 * stack: the kernel keeps all registers but rax, rcx and r11.
 */
static _Noreturn void divide(char *page, long parents_gate, long childs_gate)
{
	register long mine asm("r12") = parents_gate;
	register long its asm("r13") = childs_gate;
	register char *target asm("rsi") = page;

	asm volatile("mov %[fork], %%eax\n"
		     "	syscall\n"
		     "	test %%eax, %%eax\n"
		     "	cmovz %[its], %[mine]\n"
		     "1:	mov %[read], %%eax\n"
		     "	mov %[mine], %%rdi\n"
		     "	mov $1, %%edx\n"
		     "	syscall\n"
		     "	cmp $1, %%rax\n"
		     "	je 1b\n"
		     "	mov %[exit], %%eax\n"
		     "	xor %%edi, %%edi\n"
		     "	syscall\n"
		     : [mine] "+r"(mine), "+r"(target)
		     : [its] "r"(its), [fork] "i"(SYS_fork), [read] "i"(SYS_read),
		       [exit] "i"(SYS_exit_group)
		     : "rax", "rcx", "rdx", "rdi", "r11", "memory");
	__builtin_unreachable();
}

/* What this program does when it is the subject: an address space that it shares with nobody. */
static _Noreturn void be_subject(char *const gates[])
{
	char *region = mmap(REGION, 2 * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	must(region == REGION ? 0 : -1, "mmap");
	region[0] = region[PAGE] = '.';
	divide(region, atoi(gates[0]), atoi(gates[1]));
}

static pid_t start_subject(const int parents_gate[2], const int childs_gate[2])
{
	char mine[16], its[16];
	pid_t pid;

	/* the gates close, and the subject ends, when this process does */
	fcntl(parents_gate[1], F_SETFD, FD_CLOEXEC);
	fcntl(childs_gate[1], F_SETFD, FD_CLOEXEC);
	snprintf(mine, sizeof(mine), "%d", parents_gate[0]);
	snprintf(its, sizeof(its), "%d", childs_gate[0]);
	pid = must(fork(), "fork");
	if (pid == 0)
		_exit(must(execl("/proc/self/exe", "cowmap", mine, its, NULL), "exec"));
	return pid;
}

/* The subject's child, when there is one. */
static pid_t find_child(pid_t subject)
{
	char text[64];

	while (look_alive(subject)) {
		if (proc_read(subject, "children", text, sizeof(text)) > 0 && atoi(text) > 0)
			return atoi(text);
		sched_yield();
	}
	return must(-1, "the subject");
}

/* --- the picture --- */

/* One tree's half of a line. */
static void describe(char *text, size_t size, const struct page_table *table)
{
	char pages[32] = "";

	text[0] = '\0';
	if (!table)
		return;
	if (strcmp(table->name, "PT") == 0)
		snprintf(pages, sizeof(pages), "  %3u W %3u -", table->pages_writable,
			 table->pages_read_only);
	snprintf(text, size, "%5lx %4u  %c%s", table->frame, table->refs,
		 table->writable ? 'W' : '-', pages);
}

static void draw_table(const struct page_table *table, const struct page_table *its)
{
	static const char *const names[] = { "PML4", "PDPT", "PD", "PT" };
	int depth = 0;
	char left[64], right[64], place[32];

	while (strcmp(table->name, names[depth]) != 0)
		depth++;
	describe(left, sizeof(left), table);
	describe(right, sizeof(right), its);
	snprintf(place, sizeof(place), "%*s%-4s %lx", depth, "", table->name, table->start);
	tell("  %-20s %-24s %s %s", place, left, its && its->frame == table->frame ? "=" : " ",
	     right);
}

static bool same(const struct page_table *a, const struct page_table *b)
{
	return a && b ? memcmp(a, b, sizeof(*a)) == 0 : a == b;
}

/* The same table's place in another tree. */
static const struct page_table *counterpart(const struct page_tables *tables,
					    const struct page_table *table)
{
	return page_table_find(tables, table->name, (void *)table->start);
}

/* Looks at both again, and draws what is not as it was. */
static void draw(pid_t subject, pid_t its_child)
{
	static struct page_tables old_parent, old_child;

	old_parent = parent, old_child = child;
	must(page_tables_read(subject, &parent) ? 0 : -1, "pagetables");
	must(page_tables_read(its_child, &child) ? 0 : -1, "pagetables");
	for (int i = 0; i < parent.count; i++) {
		const struct page_table *table = &parent.table[i];
		const struct page_table *its = counterpart(&child, table);

		if (!same(table, counterpart(&old_parent, table)) ||
		    !same(its, counterpart(&old_child, table)))
			draw_table(table, its);
	}
}

/* --- what is claimed of it --- */

/* How many tables the two have in common. */
static int count_common(void)
{
	int common = 0;

	for (int i = 0; i < parent.count; i++) {
		const struct page_table *table = &parent.table[i];
		const struct page_table *its = counterpart(&child, table);

		common += its && its->frame == table->frame;
	}
	return common;
}

/* How many of the three tables over the region are the process's alone. */
static int count_private(const struct page_tables *tables)
{
	int private = 0;

	for (int i = 0; i < 3; i++) {
		const struct page_table *table = page_table_find(tables, path[i], REGION);

		private += table && !table->shared;
	}
	return private;
}

static const struct page_table *last_table(const struct page_tables *tables)
{
	return page_table_find(tables, "PT", REGION);
}

static const struct page_table *first_table(const struct page_tables *tables)
{
	return page_table_find(tables, "PDPT", REGION);
}

static void check_forked(void)
{
	if (fork_mode_is("cow-tables"))
		check(count_common() == parent.count - 1 && first_table(&child)->refs == 2 &&
			      !first_table(&child)->writable && !first_table(&parent)->writable,
		      "only the top is each one's own; what it leads to is common, and has no W");
	else
		check(count_common() == 0 && count_private(&child) == 3,
		      "fork made %d tables: none is common", child.count);
	if (fork_mode_is("cow"))
		check(last_table(&child)->pages_shared == 2 &&
			      last_table(&child)->pages_read_only == 2,
		      "but the pages are, and W is in neither's entries");
	if (fork_mode_is("eager"))
		check(last_table(&child)->pages_shared == 0 &&
			      last_table(&child)->pages_writable == 2,
		      "and no page, either");
}

static void check_written(int common)
{
	if (fork_mode_is("cow-tables"))
		check(count_common() == common - 3 && count_private(&child) == 3 &&
			      count_private(&parent) == 3 && first_table(&child)->writable,
		      "three tables have parted: the way to that page, and no more");
	if (fork_mode_is("eager"))
		check(last_table(&child)->pages_writable == 2, "nothing was left to part");
	else
		check(last_table(&child)->pages_writable == 1 &&
			      last_table(&child)->pages_read_only == 1 &&
			      last_table(&child)->pages_shared == 1,
		      "of the two pages the child has one of its own, and may write to it");
}

/* The parent, alone with what it had, has written to the same page. */
static void check_regained(const struct page_tables *before)
{
	check(last_table(&parent)->frame == last_table(before)->frame &&
		      last_table(&parent)->pages_writable >= 1 && first_table(&parent)->writable,
	      "the last one who has a page and its tables %s",
	      fork_mode_is("eager") ? "may write there" : "only gets W back in their entries");
}

/* Gives a process its byte, and waits until it lies in its read again. */
static void let_write(const int gate[2], pid_t pid)
{
	int unread = 1;

	gate_open(gate, 1);
	while (unread > 0) {
		sched_yield();
		must(ioctl(gate[0], FIONREAD, &unread), "ioctl");
	}
	look_until(pid, 'S');
}

static void show(void)
{
	static struct page_tables before;
	int parents_gate[2], childs_gate[2], common;
	pid_t subject, its_child;

	gate_make(parents_gate), gate_make(childs_gate);
	subject = start_subject(parents_gate, childs_gate);
	its_child = find_child(subject);
	look_until(subject, 'S'), look_until(its_child, 'S');

	tell("Process %d has two pages at 1 TiB and has forked %d; fork mode: %s.", subject,
	     its_child, fork_mode());
	tell("Each table: the frame it lies in, its references, and W if the entry that leads");
	tell("there has it; of a PT also how many of its entries have W, and how many have not.");
	tell("  %-20s %-24s   %s", "", "   parent", "   child");
	draw(subject, its_child);
	check_forked();
	common = count_common();

	tell("Now the child writes to the first of the two pages. What has changed:");
	let_write(childs_gate, its_child);
	draw(subject, its_child);
	check_written(common);

	tell("And now the parent does:");
	before = parent;
	let_write(parents_gate, subject);
	draw(subject, its_child);
	check_regained(&before);

	close(childs_gate[1]), close(parents_gate[1]);
	must(waitpid(subject, NULL, 0), "waitpid");
}

int main(int argc, char **argv)
{
	if (argc == 3)
		be_subject(argv + 1);
	if (!look_is_mitos()) {
		tell("This needs mitos: no other kernel has a file "
		     "/proc/PID/pagetables.");
		return EXIT_SUCCESS;
	}
	show();
	return demo_end();
}
