/*
 * A tree of processes that do random things to their memory and compare it with a model (model.h):
 *
 * prog_random SEED OPERATIONS [mixed | spoiled]
 *
 * Each process maps, unmaps, protects, moves, advises, reads and writes, itself and through the
 * kernel, forks children that go on with a copy of the model, executes itself, exits, kills a
 * child; OPERATIONS in all of them together, PROCESSES alive at a time. What a byte must be and
 * which access must fault is always known. mixed: one operation more is another kind of fork for
 * all later ones, through /proc/sys/kernel/fork_mode. spoiled: at the end one byte changes behind
 * the model's back, to see that it is seen.
 *
 * Prints a line of what was done and ends with 0; or, at the first difference, what differs, after
 * how many operations of which process, and the seed, and ends with 1. Each process draws its
 * random numbers from a seed that its parent drew; in what order processes come to what they share
 * is the scheduler's to say, so that a run comes again exactly where time does (tools/mitos
 * --icount).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "model.h"
#include "random.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RW = PROT_READ | PROT_WRITE, SOURCE_SIZE = 4 * 4096, CHILDREN = 8 };

/* Descriptors with numbers of their own, which a program that is executed finds again. */
enum { COMMON_FD = 20, FILE_FD, /* FILES of them */ SOURCE_FD = FILE_FD + FILES, MODE_FD };

static uint8_t source[SOURCE_SIZE]; /* what the file SOURCE_FD holds */
static long operations_left;	    /* of this process */
static long operation;		    /* the number of the running one */
static const char *operation_name = "beginning";
static char path[64] = "1"; /* which child of which child */
static int depth, children_born;
static pid_t child[CHILDREN]; /* those that may be killed; 0: none */
static int locked;
static int probe[2] = { -1, -1 }; /* a pipe of this process, once it needs one */
static uint32_t last_id;
static const char *program;

/* --- failing, random numbers, the lock --- */

__attribute__((noreturn, format(printf, 1, 2))) static void differs(const char *format, ...)
{
	char what[256], line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	int n = snprintf(line, sizeof(line),
			 "random: seed %llu: process %s, operation %ld (%s): %s\n",
			 common ? (unsigned long long)common->seed : 0, path, operation,
			 operation_name, what);
	if (common)
		__atomic_store_n(&common->failed, 1, __ATOMIC_SEQ_CST);
	if (write(STDOUT_FILENO, line, (size_t)n) < 0)
		_exit(2);
	_exit(1);
}

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			differs("line %d: %s does not hold (%s)", __LINE__, #condition,            \
				strerror(errno));                                                  \
	} while (0)

static void lock(void)
{
	uint32_t open = 0;

	if (locked++)
		return;
	while (!__atomic_compare_exchange_n(&common->lock, &open, 1, 0, __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED)) {
		if (__atomic_load_n(&common->failed, __ATOMIC_RELAXED))
			_exit(1);
		open = 0;
		sched_yield();
	}
}

static void unlock(void)
{
	if (--locked == 0)
		__atomic_store_n(&common->lock, 0, __ATOMIC_RELEASE);
}

/* --- accesses that may fault --- */

/* How an access ends: 0, or signal and code of its fault. */
#define FAULT(signal, code) ((signal) << 8 | (code))

static sigjmp_buf fault_env;
static volatile sig_atomic_t armed;
static int fault_seen;
static char *fault_address;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	(void)context;
	fault_seen = FAULT(signal, info->si_code);
	fault_address = info->si_addr;
	if (!armed)
		differs("signal %d, code %d at %p", signal, info->si_code, info->si_addr);
	armed = 0;
	siglongjmp(fault_env, 1);
}

/* Does the access; how it ended. */
#define ATTEMPT(access)                                                                            \
	(sigsetjmp(fault_env, 0) == 0 ? (armed = 1, (access), armed = 0, 0) : fault_seen)

static void catch_faults(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };

	MUST(sigaction(SIGSEGV, &action, NULL) == 0);
	MUST(sigaction(SIGBUS, &action, NULL) == 0);
}

/* How an access to the unit must end. */
static int expected_end(int u, int write)
{
	if (unit[u].kind == NOTHING)
		return FAULT(SIGSEGV, SEGV_MAPERR);
	if (!(unit[u].prot & (write ? PROT_WRITE : PROT_READ)))
		return FAULT(SIGSEGV, SEGV_ACCERR);
	return is_beyond(u) ? FAULT(SIGBUS, BUS_ADRERR) : 0;
}

static void check_end(int u, int write, int end)
{
	int expected = expected_end(u, write);

	if (end != expected)
		differs("%s unit %d (kind %d, prot %d, %p) ends with %#x at %p, not %#x",
			write ? "writing" : "reading", u, unit[u].kind, unit[u].prot,
			place[u].start, end, fault_address, expected);
	if (end && (fault_address < place[u].start || fault_address >= place[u].start + PAGE))
		differs("fault at %p, not in unit %d (%p)", fault_address, u, place[u].start);
}

static void check_byte(int u, int k, uint8_t value)
{
	uint8_t expected = bytes_of(u)[k];

	if (value != expected)
		differs("byte %u of unit %d (kind %d, %p) is %u, not %u", tracked[k], u,
			unit[u].kind, place[u].start, value, expected);
}

/* What is shared is looked at under the lock. */
static void unit_lock(int u)
{
	if (unit[u].kind > ANON_PRIVATE)
		lock();
}

static void unit_unlock(int u)
{
	if (unit[u].kind > ANON_PRIVATE)
		unlock();
}

__attribute__((noinline)) static void read_byte(int u, int k)
{
	volatile uint8_t *at = (volatile uint8_t *)place[u].start + tracked[k];
	static volatile uint8_t value;

	unit_lock(u);
	int end = ATTEMPT(value = *at);
	check_end(u, 0, end);
	if (!end)
		check_byte(u, k, value);
	unit_unlock(u);
}

/* All bytes of the units, and now and then that those cannot be read that should not. */
static void check_all(void)
{
	for (int u = 0; u < UNITS; u++) {
		if ((unit[u].kind == NOTHING || unit[u].prot == PROT_NONE) && below(16))
			continue;
		unit_lock(u);
		int count = expected_end(u, 0) == 0 ? TRACKED : 1;
		for (int k = 0; k < count; k++)
			read_byte(u, k);
		unit_unlock(u);
	}
}

/* --- operations on memory as it is mapped --- */

/* A unit for an access: more often one that can be had. */
static int random_unit(int prot)
{
	int u = below(UNITS);

	for (int tries = 0; tries < 4 && !(unit[u].prot & prot); tries++)
		u = below(UNITS);
	return u;
}

static void op_read(void)
{
	read_byte(random_unit(PROT_READ), below(TRACKED));
}

__attribute__((noinline)) static void write_byte(int u, int k, uint8_t value)
{
	volatile uint8_t *at = (volatile uint8_t *)place[u].start + tracked[k];

	unit_lock(u);
	int end = ATTEMPT(*at = value);
	check_end(u, 1, end);
	if (!end)
		model_write(u, tracked[k], 1, NULL, value);
	unit_unlock(u);
}

static void op_write(void)
{
	write_byte(random_unit(PROT_WRITE), below(TRACKED), (uint8_t)random_next());
}

/* A range of bytes that begins in unit `first` and goes on in the pages that follow it. */
struct range {
	int first;
	size_t from, size;
};

static struct range random_range(int pages)
{
	struct range range = { .first = random_unit(PROT_WRITE), .from = (size_t)below(512) * 8 };
	size_t room = PAGE - range.from;

	for (int u = range.first; --pages > 0 && place[u].pages == 1 && continues(u); u++)
		room += PAGE;
	range.size = 8 * (1 + (size_t)below((int)(room / 8)));
	return range;
}

/* How many bytes of the range can be had before an access must end otherwise; which unit ends
 * it. */
static size_t range_limit(const struct range *range, int write, int *stop)
{
	size_t limit = 0;

	for (int u = range->first; limit < range->size; u++) {
		*stop = u;
		if (expected_end(u, write))
			return limit;
		limit += PAGE - (u == range->first ? range->from : 0);
	}
	*stop = -1;
	return range->size;
}

static void range_written(const struct range *range, size_t size, const uint8_t *data,
			  uint8_t value)
{
	size_t from = range->from, done = 0;

	for (int u = range->first; done < size; u++, from = 0) {
		size_t step = PAGE - from < size - done ? PAGE - from : size - done;

		model_write(u, from, step, data ? data + done : NULL, value);
		done += step;
	}
}

static char *range_start(const struct range *range)
{
	return place[range->first].start + range->from;
}

static void fill(char *at, uint64_t value, size_t words)
{
	__asm__ volatile("rep stosq" : "+D"(at), "+c"(words) : "a"(value) : "memory");
}

/* The program writes over table boundaries; a fault on the way leaves what was done before it. */
static void op_fill(void)
{
	struct range range = random_range(3);
	uint8_t value = (uint8_t)random_next();
	int stop;

	lock();
	size_t limit = range_limit(&range, 1, &stop);
	int end = ATTEMPT(fill(range_start(&range), value * 0x0101010101010101ull, range.size / 8));
	if (stop >= 0)
		check_end(stop, 1, end);
	else
		MUST(end == 0);
	range_written(&range, limit, NULL, value);
	unlock();
}

/* The kernel writes: from a file, over several pages. */
static void op_read_file(void)
{
	struct range range = random_range(3);
	size_t offset = (size_t)below((int)(SOURCE_SIZE - range.size + 1));
	int stop;

	lock();
	size_t limit = range_limit(&range, 1, &stop);
	errno = 0;
	ssize_t n = pread(SOURCE_FD, range_start(&range), range.size, (off_t)offset);
	if (limit == 0 ? n != -1 || errno != EFAULT : n != (ssize_t)limit)
		differs("pread of %zu to %p (unit %d) gives %zd (%s), not %zu", range.size,
			range_start(&range), range.first, n, strerror(errno), limit);
	range_written(&range, limit, source + offset, 0);
	unlock();
}

static void need_pipe(void)
{
	if (probe[0] < 0)
		MUST(pipe(probe) == 0);
}

/* The kernel writes: from a pipe, which keeps what it could not deliver. */
static void op_read_pipe(void)
{
	struct range range = random_range(1);
	uint8_t *data = source + below(SOURCE_SIZE - 4096);
	static uint8_t back[4096];
	int stop;

	need_pipe();
	lock();
	size_t limit = range_limit(&range, 1, &stop);
	MUST(write(probe[1], data, range.size) == (ssize_t)range.size);
	errno = 0;
	ssize_t n = read(probe[0], range_start(&range), range.size);
	if (limit == 0) {
		MUST(n == -1 && errno == EFAULT);
		MUST(read(probe[0], back, range.size) == (ssize_t)range.size);
		MUST(memcmp(back, data, range.size) == 0);
	} else {
		MUST(n == (ssize_t)range.size);
		range_written(&range, limit, data, 0);
	}
	unlock();
}

/* The kernel reads: into a pipe. */
static void op_write_pipe(void)
{
	struct range range = random_range(1);
	static uint8_t back[4096];
	int stop;

	need_pipe();
	lock();
	size_t limit = range_limit(&range, 0, &stop);
	errno = 0;
	ssize_t n = write(probe[1], range_start(&range), range.size);
	if (limit == 0) {
		MUST(n == -1 && errno == EFAULT);
	} else {
		MUST(n == (ssize_t)range.size);
		MUST(read(probe[0], back, range.size) == n);
		for (int k = 0; k < TRACKED; k++)
			if (tracked[k] >= range.from && tracked[k] < range.from + range.size)
				check_byte(range.first, k, back[tracked[k] - range.from]);
	}
	unlock();
}

/* --- operations on the map --- */

/* A run of units of one arena: usually a few, sometimes many. */
static void random_run(int *first, int *count)
{
	int left;

	*first = below(HEAP_FIRST);
	*count = below(4) ? 1 + below(6) : 1 + below(ARENA_UNITS);
	left = ARENA_UNITS - *first % ARENA_UNITS;
	if (*count > left)
		*count = left;
}

static size_t run_size(int first, int count)
{
	return (size_t)(place[first + count - 1].start - place[first].start) +
	       place[first + count - 1].pages * PAGE;
}

/* How many units from here on are mapped, count at most. */
static int mapped_run(int first, int count)
{
	int n = 0;

	while (n < count && unit[first + n].kind != NOTHING)
		n++;
	return n;
}

/* The mappings of a run were cut at its ends. */
static void new_ids(int first, int count)
{
	uint32_t old = 0;

	for (int u = first; u < first + count; u++) {
		if (unit[u].id != old)
			last_id++;
		old = unit[u].id;
		unit[u].id = last_id;
	}
}

static int random_prot(void)
{
	static const int prots[] = { RW, RW, RW, RW, PROT_READ, PROT_NONE };

	return prots[below(6)];
}

/* Makes an object for a run. 0: there are too many. */
static uint32_t new_object(int first, int count, uint32_t *slot)
{
	uint32_t object = __atomic_fetch_add(&common->objects, 1, __ATOMIC_RELAXED);

	*slot = __atomic_fetch_add(&common->slots, (uint32_t)count, __ATOMIC_RELAXED);
	if (object >= OBJECTS || *slot + (uint32_t)count > SLOTS)
		return 0;
	common->object[object].pages = (uint32_t)(run_size(first, count) / PAGE);
	common->object[object].simple = common->object[object].pages == (uint32_t)count;
	return object;
}

static void op_map(void)
{
	int first, count, prot = random_prot(), fd = -1, flags = MAP_FIXED | MAP_NORESERVE;
	static const enum kind kinds[] = { ANON_PRIVATE, ANON_PRIVATE, ANON_PRIVATE,
					   ANON_SHARED,	 FILE_PRIVATE, FILE_SHARED };
	enum kind kind = kinds[below(6)];
	uint32_t object = 0, slot = 0, index = 0;

	random_run(&first, &count);
	if (kind == ANON_SHARED && !(object = new_object(first, count, &slot)))
		kind = ANON_PRIVATE;
	if (kind >= FILE_PRIVATE) {
		fd = FILE_FD + (kind == FILE_SHARED ? SHARED_FILE : PRIVATE_FILE);
		index = (uint32_t)below(FILE_PAGES);
	} else {
		flags |= MAP_ANONYMOUS;
	}
	flags |= kind == ANON_SHARED || kind == FILE_SHARED ? MAP_SHARED : MAP_PRIVATE;
	char *at = place[first].start;
	MUST(mmap(at, run_size(first, count), prot, flags, fd, index * (off_t)PAGE) == at);
	last_id++;
	for (int u = first; u < first + count; u++) {
		model_reset(u, kind, prot, last_id);
		unit[u].object = object;
		unit[u].slot = slot++;
		unit[u].index = index;
		index += place[u].pages;
	}
}

/* Sometimes with much that is empty around it, so that whole tables go at once. */
static void op_unmap(void)
{
	static const size_t extras[] = { 0, 0, TABLE, GIB, 512 * GIB };
	int first, count;

	random_run(&first, &count);
	char *start = place[first].start, *end = start + run_size(first, count);
	if (first % ARENA_UNITS == 0)
		start -= extras[below(5)];
	if ((first + count) % ARENA_UNITS == 0)
		end += extras[below(5)];
	MUST(munmap(start, (size_t)(end - start)) == 0);
	for (int u = first; u < first + count; u++)
		model_reset(u, NOTHING, 0, 0);
}

static void op_protect(void)
{
	int first, count, prot = random_prot();

	random_run(&first, &count);
	int mapped = mapped_run(first, count);
	if (mapped == 0) {
		MUST(mprotect(place[first].start, PAGE, prot) == -1 && errno == ENOMEM);
		return;
	}
	MUST(mprotect(place[first].start, run_size(first, mapped), prot) == 0);
	new_ids(first, mapped);
	for (int u = first; u < first + mapped; u++)
		unit[u].prot = (uint8_t)prot;
}

/* Over holes, too, which it reports when all is done. */
static void op_dontneed(void)
{
	int first, count;

	random_run(&first, &count);
	int holes = mapped_run(first, count) < count;
	lock();
	int result = madvise(place[first].start, run_size(first, count), MADV_DONTNEED);
	MUST(holes ? result == -1 && errno == ENOMEM : result == 0);
	for (int u = first; u < first + count; u++)
		model_forget(u);
	unlock();
}

static void op_advise(void)
{
	static const int advices[] = { MADV_DONTFORK, MADV_DOFORK, MADV_WIPEONFORK,
				       MADV_KEEPONFORK };
	int first, count, advice = advices[below(4)], mapped = 0;

	random_run(&first, &count);
	while (mapped < count && unit[first + mapped].kind == ANON_PRIVATE)
		mapped++;
	if (mapped == 0)
		return;
	MUST(madvise(place[first].start, run_size(first, mapped), advice) == 0);
	new_ids(first, mapped);
	for (int u = first; u < first + mapped; u++) {
		if (advice == MADV_DONTFORK || advice == MADV_DOFORK)
			unit[u].dontfork = advice == MADV_DONTFORK;
		else
			unit[u].wipeonfork = advice == MADV_WIPEONFORK;
	}
}

/* The units from u on that are surely in one mapping, `most` at most; with simple only pages. */
static int one_mapping(int u, int most, int simple)
{
	int n = 0;

	if (unit[u].kind == NOTHING)
		return 0;
	while (n < most && unit[u + n].id == unit[u].id && (!simple || place[u + n].pages == 1)) {
		n++;
		if (!continues(u + n - 1))
			break;
	}
	return n;
}

/* What a mapping shows where it was made longer: unit u, `pages` behind `last`, its last page. */
static void grown(int u, const struct unit *last, uint32_t pages)
{
	model_reset(u, last->kind, last->prot, last->id);
	unit[u].dontfork = last->dontfork;
	unit[u].wipeonfork = last->wipeonfork;
	unit[u].object = last->object;
	unit[u].index = last->index + pages;
	unit[u].slot = last->slot + pages;
}

static int may_grow(int u)
{
	return unit[u].kind != ANON_SHARED || common->object[unit[u].object].simple;
}

/* Units [from, from + count) go to `to` on, where they may become more or fewer. */
static void move(int from, int count, int to, int new_count)
{
	struct unit moved[ARENA_UNITS];
	char *target = place[to].start;

	MUST(mremap(place[from].start, run_size(from, count), run_size(to, new_count),
		    MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
	memcpy(moved, &unit[from], (size_t)count * sizeof(moved[0]));
	for (int i = 0; i < count; i++)
		model_reset(from + i, NOTHING, 0, 0);
	last_id++;
	for (int i = 0; i < new_count; i++) {
		if (i < count)
			unit[to + i] = moved[i];
		else
			grown(to + i, &moved[count - 1], (uint32_t)(i - count + 1));
		unit[to + i].id = last_id;
	}
}

/* Pages to other pages, in whatever table; the new place may be longer or shorter. */
static void op_move_pages(void)
{
	int from = below(HEAP_FIRST), to = below(HEAP_FIRST), room = 0;
	int count = one_mapping(from, 1 + below(8), 1);

	while (room < 8 && to + room < HEAP_FIRST && place[to + room].pages == 1 &&
	       (room == 0 || continues(to + room - 1)))
		room++;
	if (count == 0 || room == 0)
		return;
	int new_count = may_grow(from + count - 1) ? 1 + below(room) : 1;
	if (to < from + count && from < to + new_count)
		return;
	move(from, count, to, new_count);
}

/* A stretch of one arena, with whole tables in it, to the same place in another. */
static void op_move_tables(void)
{
	int first, count, arena = below(ARENAS);

	random_run(&first, &count);
	count = one_mapping(first, count, 0);
	if (count == 0 || arena == first / ARENA_UNITS)
		return;
	move(first, count, arena * ARENA_UNITS + first % ARENA_UNITS, count);
}

/* Where it is: longer, if nothing follows. */
static void op_grow(void)
{
	int first = below(HEAP_FIRST), count = one_mapping(first, 8, 1), room = 0;

	if (count == 0 || !may_grow(first) || !continues(first + count - 1) ||
	    first + count >= HEAP_FIRST)
		return;
	int next = first + count, more = 1 + below(4);
	while (room < more && place[next + room].pages == 1) {
		room++;
		if (!continues(next + room - 1))
			break;
	}
	if (room == 0)
		return;
	int taken = 0;
	for (int u = next; u < next + room; u++)
		taken |= unit[u].kind != NOTHING;
	char *at = place[first].start;
	void *result = mremap(at, run_size(first, count), run_size(first, count + room), 0);
	if (taken) {
		MUST(result == MAP_FAILED && (errno == ENOMEM || errno == EFAULT));
		return;
	}
	MUST(result == at);
	for (int i = 0; i < room; i++)
		grown(next + i, &unit[next - 1], (uint32_t)i + 1);
}

static void op_shrink(void)
{
	int first = below(HEAP_FIRST), count = one_mapping(first, 1 + below(40), 0);

	if (count < 2)
		return;
	int left = 1 + below(count - 1);
	char *at = place[first].start;
	MUST(mremap(at, run_size(first, count), run_size(first, left), 0) == at);
	for (int u = first + left; u < first + count; u++)
		model_reset(u, NOTHING, 0, 0);
}

/* The break goes to the beginning of a unit, or somewhere into a page. */
static void op_brk(void)
{
	int u = HEAP_FIRST + below(HEAP_UNITS);
	int into = place[u].pages == 1 && below(2) ? 1 + below(4096) : 0;
	char *to = place[u].start + into;

	MUST((char *)syscall(SYS_brk, to) == to);
	last_id++;
	for (int at = HEAP_FIRST; at < UNITS; at++) {
		int inside = place[at].start < to;

		if (inside && unit[at].kind == NOTHING)
			model_reset(at, ANON_PRIVATE, RW, last_id);
		else if (!inside)
			model_reset(at, NOTHING, 0, 0);
	}
}

/* The stack, grown by pages that were perhaps never there before. */
__attribute__((noinline)) static void dig(int pages, uint64_t mark)
{
	volatile uint64_t frame[512];

	frame[0] = frame[511] = mark;
	if (pages > 1)
		dig(pages - 1, mark * 3);
	if (frame[0] != mark || frame[511] != mark)
		differs("the stack at %p has changed", (void *)frame);
}

static void op_stack(void)
{
	dig(1 + below(below(4) ? 8 : 160), random_next());
}

/* --- operations on files --- */

static void op_truncate(void)
{
	int f = below(FILES);
	struct file_model *file = &common->file[f];
	uint32_t pages = (uint32_t)below(FILE_PAGES + 1);

	lock();
	uint32_t old = file->pages;
	MUST(ftruncate(FILE_FD + f, pages * (off_t)PAGE) == 0);
	model_truncate(file, pages);
	/* The private file's pages never change while they are mapped: what a private mapping shows
	 * of that is nowhere said. */
	for (uint32_t i = old; f == PRIVATE_FILE && i < pages; i++) {
		uint8_t *data = source + below(SOURCE_SIZE - 4096);

		MUST(pwrite(FILE_FD + f, data, PAGE, i * (off_t)PAGE) == (ssize_t)PAGE);
		for (int k = 0; k < TRACKED; k++)
			file->byte[i][k] = data[tracked[k]];
	}
	unlock();
}

/* Writes to the shared file, or reads it and compares. */
static void op_file(void)
{
	static uint8_t back[4096];
	struct file_model *file = &common->file[SHARED_FILE];
	int write = below(2);

	lock();
	if (file->pages) {
		uint32_t i = (uint32_t)below((int)file->pages);
		size_t from = (size_t)below(4096), size = 1 + (size_t)below((int)(4096 - from));
		off_t at = i * (off_t)PAGE + (off_t)from;
		uint8_t *data = write ? source + below(SOURCE_SIZE - 4096) : back;
		ssize_t n = write ? pwrite(FILE_FD + SHARED_FILE, data, size, at)
				  : pread(FILE_FD + SHARED_FILE, data, size, at);

		MUST(n == (ssize_t)size);
		for (int k = 0; k < TRACKED; k++) {
			if (tracked[k] < from || tracked[k] >= from + size)
				continue;
			if (write)
				file->byte[i][k] = data[tracked[k] - from];
			else if (file->byte[i][k] != data[tracked[k] - from])
				differs("byte %u of page %u of the file is %u, not %u", tracked[k],
					i, data[tracked[k] - from], file->byte[i][k]);
		}
	}
	unlock();
}

/* --- processes --- */

static void run(void);

/* Buries a child; it must have ended well, or been killed by us. */
static void buried(pid_t pid, int status, int killed)
{
	for (int i = 0; i < CHILDREN; i++)
		if (child[i] == pid)
			child[i] = 0;
	__atomic_fetch_sub(&common->alive, 1, __ATOMIC_RELAXED);
	if (status == 0 || (killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		return;
	if (__atomic_load_n(&common->failed, __ATOMIC_RELAXED))
		_exit(1);
	differs("process %d ends with wait status %#x", pid, status);
}

/* options: WNOHANG or 0, until there is no child. */
static void bury(int options)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, options)) > 0)
		buried(pid, status, 0);
	MUST(pid == 0 || errno == ECHILD);
}

static void op_bury(void)
{
	bury(WNOHANG);
}

/* The end of a process other than the first. */
__attribute__((noreturn)) static void finish(void)
{
	operation_name = "the end";
	if (below(2))
		check_all();
	bury(0);
	_exit(0);
}

__attribute__((noreturn)) static void child_main(uint64_t seed)
{
	random_state = seed;
	locked = 0;
	depth++;
	operation = 0;
	operation_name = "after fork";
	size_t length = strlen(path);
	snprintf(path + length, sizeof(path) - length, ".%d", children_born);
	children_born = 0;
	memset(child, 0, sizeof(child));
	if (probe[0] >= 0) {
		close(probe[0]);
		close(probe[1]);
		probe[0] = -1;
	}
	model_fork();
	operations_left = 20 + below(below(8) ? 200 : 2000);
	if (below(4) == 0)
		check_all();
	run();
	finish();
}

/* Under the lock, so that nobody is killed between two steps of it. */
static void op_fork(void)
{
	uint64_t seed = random_next() | 1;
	int i = 0;

	while (i < CHILDREN && child[i])
		i++;
	if (i == CHILDREN || strlen(path) > sizeof(path) - 16)
		return;
	lock();
	if (common->alive < PROCESSES) {
		common->alive++;
		children_born++;
		child[i] = fork();
		if (child[i] == 0)
			child_main(seed);
		if (child[i] < 0)
			differs("fork: %s", strerror(errno));
	}
	unlock();
}

/* Nobody is killed who holds the lock; orphans become the first process's. */
static void op_kill(void)
{
	int status, i = below(CHILDREN);
	pid_t pid = child[i];

	if (!pid)
		return;
	lock();
	MUST(kill(pid, SIGKILL) == 0);
	MUST(waitpid(pid, &status, 0) == pid);
	buried(pid, status, 1);
	unlock();
}

/* The same process with fresh memory; its model is the empty one. The first process stays. */
static void op_exec(void)
{
	char state[32], left[32], level[32];

	if (depth == 0 || strlen(path) > sizeof(path) - 16)
		return;
	snprintf(state, sizeof(state), "%llu", (unsigned long long)random_next());
	snprintf(left, sizeof(left), "%ld", operations_left);
	snprintf(level, sizeof(level), "%d", depth);
	strcat(path, "x");
	if (probe[0] >= 0) {
		close(probe[0]);
		close(probe[1]);
	}
	char *arguments[] = { "prog_random", "resume", state, left, level, path, NULL };
	execv(program, arguments);
	differs("execve: %s", strerror(errno));
}

/* A program that looks at what is shared, executed by a child that borrows this memory. */
static void op_visit(void)
{
	char *arguments[] = { "prog_random", "visit", NULL };
	int status;
	pid_t pid = vfork();

	if (pid == 0) {
		execv(program, arguments);
		_exit(127);
	}
	MUST(pid > 0 && waitpid(pid, &status, 0) == pid);
	if (status && __atomic_load_n(&common->failed, __ATOMIC_RELAXED))
		_exit(1);
	MUST(status == 0);
}

static void op_mode(void)
{
	static const char *const modes[] = { "eager", "cow", "cow-tables" };
	const char *mode = modes[below(3)];

	if (fcntl(MODE_FD, F_GETFD) < 0)
		return;
	MUST(pwrite(MODE_FD, mode, strlen(mode), 0) == (ssize_t)strlen(mode));
}

/* What there is to do, and how often in 1,000 operations. */
static const struct operation {
	const char *name;
	void (*run)(void);
	int weight;
} operations[] = {
	{ "read", op_read, 270 },
	{ "write", op_write, 302 },
	{ "fill", op_fill, 50 },
	{ "read-file", op_read_file, 30 },
	{ "read-pipe", op_read_pipe, 30 },
	{ "write-pipe", op_write_pipe, 40 },
	{ "map", op_map, 60 },
	{ "unmap", op_unmap, 20 },
	{ "protect", op_protect, 50 },
	{ "dontneed", op_dontneed, 15 },
	{ "advise", op_advise, 15 },
	{ "move-pages", op_move_pages, 20 },
	{ "move-tables", op_move_tables, 10 },
	{ "grow", op_grow, 15 },
	{ "shrink", op_shrink, 5 },
	{ "brk", op_brk, 15 },
	{ "stack", op_stack, 5 },
	{ "truncate", op_truncate, 4 },
	{ "file", op_file, 14 },
	{ "fork", op_fork, 12 },
	{ "bury", op_bury, 8 },
	{ "kill", op_kill, 2 },
	{ "exec", op_exec, 2 },
	{ "visit", op_visit, 1 },
	{ "mode", op_mode, 4 },
	{ "check", check_all, 1 },
};

enum { KINDS = sizeof(operations) / sizeof(operations[0]) };

static const struct operation *random_operation(void)
{
	const struct operation *chosen = operations;
	int dice = below(1000);

	while (dice >= chosen->weight)
		dice -= chosen++->weight;
	return chosen;
}

/* The life of a process, but for its end. */
static void run(void)
{
	while (operations_left-- > 0 &&
	       __atomic_fetch_add(&common->operations, 1, __ATOMIC_RELAXED) < common->target) {
		const struct operation *chosen = random_operation();

		operation++;
		operation_name = chosen->name;
		__atomic_fetch_add(&common->counts[chosen - operations], 1, __ATOMIC_RELAXED);
		chosen->run();
	}
}

/* --- the beginning --- */

static int new_file(int number, size_t size)
{
	char name[64];

	snprintf(name, sizeof(name), "/tmp/random.%d.%d", (int)getpid(), number);
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	MUST(fd >= 0 && unlink(name) == 0 && dup2(fd, number) == number);
	close(fd);
	MUST(ftruncate(number, (off_t)size) == 0);
	return number;
}

/* What every program of the run does first: finds what is shared and sees that its memory is
 * new. */
static void begin(void)
{
	void *at = mmap(NULL, sizeof(*common), RW, MAP_SHARED, COMMON_FD, 0);

	MUST(at != MAP_FAILED);
	common = at;
	MUST(pread(SOURCE_FD, source, SOURCE_SIZE, 0) == SOURCE_SIZE);
	lay_out((char *)(((uintptr_t)sbrk(0) + PAGE - 1) & -PAGE));
	catch_faults();
	check_all();
}

static int main_resume(char **argv)
{
	random_state = strtoull(argv[2], NULL, 10);
	operations_left = strtol(argv[3], NULL, 10);
	depth = atoi(argv[4]);
	snprintf(path, sizeof(path), "%s", argv[5]);
	operation_name = "after execve";
	begin();
	run();
	finish();
}

static int main_visit(void)
{
	random_state = (uint64_t)getpid() << 20 | 1;
	snprintf(path, sizeof(path), "visitor");
	begin();
	for (int i = 0; i < 8; i++)
		op_file();
	return 0;
}

/* Changes a byte of the heap, which begins mapped for it. */
static void spoil(void)
{
	char *heap = place[HEAP_FIRST].start;

	syscall(SYS_brk, heap + PAGE);
	model_reset(HEAP_FIRST, ANON_PRIVATE, RW, 0);
	write_byte(HEAP_FIRST, 0, 1);
	heap[0]++;
}

static int main_first(uint64_t seed, uint64_t target, const char *how)
{
	random_state = seed * 0x9e3779b97f4a7c15 | 1;
	mkdir("/tmp", 01777);
	new_file(COMMON_FD, sizeof(*common));
	for (int f = 0; f < FILES; f++)
		new_file(FILE_FD + f, 0);
	new_file(SOURCE_FD, 0);
	for (int i = 0; i < SOURCE_SIZE; i++)
		source[i] = (uint8_t)(random_next() >> 24);
	MUST(pwrite(SOURCE_FD, source, SOURCE_SIZE, 0) == SOURCE_SIZE);
	if (strcmp(how, "mixed") == 0) {
		int fd = open("/proc/sys/kernel/fork_mode", O_WRONLY);

		MUST(fd >= 0 && dup2(fd, MODE_FD) == MODE_FD);
	}
	MUST(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	begin();
	common->seed = seed;
	common->target = target;
	common->objects = common->alive = 1; /* object 0 is none */
	operations_left = (long)target;
	run();
	if (strcmp(how, "spoiled") == 0)
		spoil();
	check_all();
	bury(0);
	printf("random: seed %llu: %llu operations, none wrong:", (unsigned long long)seed,
	       (unsigned long long)target);
	for (int i = 0; i < KINDS; i++)
		printf(" %s %llu", operations[i].name, (unsigned long long)common->counts[i]);
	printf("\n");
	return 0;
}

int main(int argc, char **argv)
{
	program = argv[0][0] == '/' ? argv[0] : "/tests/prog_random";
	if (argc == 6 && strcmp(argv[1], "resume") == 0)
		return main_resume(argv);
	if (argc == 2 && strcmp(argv[1], "visit") == 0)
		return main_visit();
	if (argc < 3)
		return 2;
	return main_first(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10),
			  argc > 3 ? argv[3] : "");
}
