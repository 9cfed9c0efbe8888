/*
 * What the demonstrations measure of memory: what copy-on-write has done, by the kernel's counters;
 * how fork divides memory, and on mitos choosing it; and how long something took.
 *
 * Measuring writes to memory too, to pages that fork has shared as well: whoever wants exact
 * numbers measures nothing first, so that those are settled.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include "demo.h"
#include "look.h"

#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

enum {
	PAGE = 4096,
	MIB = 1 << 20,
	TABLE_PAGES = 512, /* that one last-level page table leads to */
};

#define FORK_MODE "/proc/sys/kernel/fork_mode"

struct counters {
	long copied; /* of the whole machine, from the boot on; Linux does not count these three */
	long reused;
	long tables;
	long free;   /* frames, now */
	long faults; /* of this process */
};

static inline long find_counter(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtol(line + strlen(name), NULL, 10) : 0;
}

static inline struct counters read_counters(void)
{
	static char text[16384];
	struct rusage usage;

	proc_read_file("/proc/vmstat", text, sizeof(text));
	getrusage(RUSAGE_SELF, &usage);
	return (struct counters){ find_counter(text, "cow_page_copied "),
				  find_counter(text, "cow_page_reused "),
				  find_counter(text, "cow_table_copied "),
				  find_counter(text, "nr_free_pages "), usage.ru_minflt };
}

/* What has come in between; free is what has gone. */
static inline struct counters count_since(struct counters before)
{
	struct counters now = read_counters();

	return (struct counters){ now.copied - before.copied, now.reused - before.reused,
				  now.tables - before.tables, before.free - now.free,
				  now.faults - before.faults };
}

/* eager, cow or cow-tables; empty on Linux, which does as cow does. */
static inline const char *fork_mode(void)
{
	static char mode[32];

	if (proc_read_file(FORK_MODE, mode, sizeof(mode)) < 0)
		mode[0] = '\0';
	mode[strcspn(mode, "\n")] = '\0';
	return mode;
}

static inline bool fork_mode_is(const char *mode)
{
	return strcmp(fork_mode(), mode) == 0;
}

/* For later forks of all processes. Root may do that, on mitos. */
static inline bool set_fork_mode(const char *mode)
{
	int fd = open(FORK_MODE, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, mode, strlen(mode)) > 0;

	if (fd >= 0)
		close(fd);
	return done;
}

/* Private memory, not touched yet. Linux may use huge pages, and copy those; mitos has none. */
static inline void *map_memory(size_t bytes)
{
	void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(start == MAP_FAILED ? -1 : 0, "mmap");
	madvise(start, bytes, MADV_NOHUGEPAGE);
	return start;
}

static inline long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000L + now.tv_nsec;
}

/* Ticks of the processor's clock for a loop of so many rounds of two instructions. */
static inline uint64_t ticks_of_loop(uint64_t rounds)
{
	uint64_t start = __builtin_ia32_rdtsc();

	asm volatile("1: dec %0; jnz 1b" : "+r"(rounds) : : "cc");
	return __builtin_ia32_rdtsc() - start;
}

/*
 * Whether the machine's clock counts instructions, one for each nanosecond, as QEMU's does with
 * `tools/mitos run --icount`: then 1,000 rounds more of two instructions take 2,000 ticks more.
 * That is so three times out of eight at least, since an interrupt may come between.
 */
static inline bool clock_counts_instructions(void)
{
	int exact = 0;

	for (int i = 0; i < 8; i++)
		exact += ticks_of_loop(2000) - ticks_of_loop(1000) == 2000;
	return exact >= 3;
}

#endif
