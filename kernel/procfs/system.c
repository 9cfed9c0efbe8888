/* The files of /proc that are about the whole machine, and the sysctls. Formats: proc(5). */
#include "fs/file.h"
#include "fs/mount.h"
#include "lib/string.h"
#include "mm/commit.h"
#include "mm/mm.h"
#include "mm/slab.h"
#include "mm/sysvshm.h"
#include "proc/oom.h"
#include "proc/pid.h"
#include "procfs/text.h"
#include "sched/watchdog.h"
#include "syscall/process.h"
#include "syscall/uts.h"
#include "x86/bootinfo.h"
#include "x86/clock.h"
#include "x86/printk.h"
#include "x86/version.h"
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/limits.h>

#define KIB_PER_PAGE (PAGE_SIZE / 1024)

typedef unsigned long long ull;

static void show_meminfo(struct text *text, struct task_struct *task)
{
	ull free = frame_free_count() * KIB_PER_PAGE;
	const struct {
		const char *name;
		ull kib;
	} lines[] = {
		{ "MemTotal", frame_total() * KIB_PER_PAGE },
		{ "MemFree", free },
		{ "MemAvailable", free },
		{ "Buffers", 0 },
		{ "Cached", frame_kind_count(FRAME_CACHE) * KIB_PER_PAGE },
		{ "SwapCached", 0 },
		{ "SwapTotal", 0 },
		{ "SwapFree", 0 },
		{ "AnonPages", frame_kind_count(FRAME_ANON) * KIB_PER_PAGE },
		{ "Shmem", 0 },
		{ "Slab", frame_kind_count(FRAME_SLAB) * KIB_PER_PAGE },
		{ "SReclaimable", 0 },
		{ "KernelStack", frame_kind_count(FRAME_STACK) * KIB_PER_PAGE },
		{ "PageTables", frame_kind_count(FRAME_TABLE) * KIB_PER_PAGE },
		{ "CommitLimit", commit_limit() * KIB_PER_PAGE },
		{ "Committed_AS", commit_count() * KIB_PER_PAGE },
	};

	(void)task;
	for (u32 i = 0; i < ARRAY_SIZE(lines); i++)
		text_print(text, "%s:%*s%llu kB\n", lines[i].name,
			   (int)(15 - strlen(lines[i].name)), "", lines[i].kib);
}

static void show_uptime(struct text *text, struct task_struct *task)
{
	u64 up = clock_monotonic() / NSEC_PER_CLOCK_TICK,
	    idle = sched_idle_time() / NSEC_PER_CLOCK_TICK;

	(void)task;
	text_print(text, "%llu.%02llu %llu.%02llu\n", (ull)up / 100, (ull)up % 100, (ull)idle / 100,
		   (ull)idle % 100);
}

static void show_loadavg(struct text *text, struct task_struct *task)
{
	u32 load[3];

	(void)task;
	sched_load(load);
	for (int i = 0; i < 3; i++)
		text_print(text, "%u.%02u ", load[i] / 100, load[i] % 100);
	text_print(text, "%llu/%llu %d\n", (ull)sched_running(), (ull)task_count, current->pid);
}

static void print_times(struct text *text, u64 user, u64 system, u64 idle)
{
	text_print(text, " %llu 0 %llu %llu 0 0 0 0 0 0\n", (ull)user / NSEC_PER_CLOCK_TICK,
		   (ull)system / NSEC_PER_CLOCK_TICK, (ull)idle / NSEC_PER_CLOCK_TICK);
}

static void show_stat(struct text *text, struct task_struct *task)
{
	u64 user = 0, system = 0, idle = 0, times[CPUS_MAX][3];
	u32 count = cpu_count;

	(void)task;
	for (u32 i = 0; i < count; i++) {
		sched_cpu_times(i, &times[i][0], &times[i][1], &times[i][2]);
		user += times[i][0];
		system += times[i][1];
		idle += times[i][2];
	}
	text_print(text, "cpu ");
	print_times(text, user, system, idle);
	for (u32 i = 0; i < count; i++) {
		text_print(text, "cpu%u", i);
		print_times(text, times[i][0], times[i][1], times[i][2]);
	}
	text_print(text,
		   "intr 0\nctxt %llu\nbtime %llu\nprocesses %llu\n"
		   "procs_running %llu\nprocs_blocked 0\n",
		   (ull)sched_switches(),
		   (ull)((clock_realtime() - clock_monotonic()) / NSEC_PER_SEC), (ull)task_forks,
		   (ull)sched_running());
}

static void show_version(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "Linux version %s (mitos) %s\n", MITOS_RELEASE, MITOS_VERSION);
}

static void show_cmdline(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%s\n", boot_info.cmdline);
}

/* Linux's names where it has one for it. */
static void show_vmstat(struct text *text, struct task_struct *task)
{
	const struct {
		const char *name;
		u64 value;
	} lines[] = {
		{ "nr_free_pages", frame_free_count() },
		{ "nr_anon_pages", frame_kind_count(FRAME_ANON) - 1 }, /* less the page of zeroes */
		{ "nr_file_pages", frame_kind_count(FRAME_CACHE) },
		{ "nr_slab_reclaimable", 0 },
		{ "nr_slab_unreclaimable", frame_kind_count(FRAME_SLAB) },
		{ "nr_kernel_stack", frame_kind_count(FRAME_STACK) * KIB_PER_PAGE },
		{ "nr_page_table_pages", frame_kind_count(FRAME_TABLE) },
		{ "pgfault", vm_counters.pgfault },
		{ "pgmajfault", 0 },
		{ "oom_kill", oom_kills },
		{ "zero_filled", vm_counters.zero_filled },
		{ "cow_page_copied", vm_counters.cow_page_copied },
		{ "cow_page_reused", vm_counters.cow_page_reused },
		{ "cow_table_copied", vm_counters.cow_table_copied },
	};

	(void)task;
	for (u32 i = 0; i < ARRAY_SIZE(lines); i++)
		text_print(text, "%s %llu\n", lines[i].name, (ull)lines[i].value);
}

static void print_cache(const struct kmem_cache *cache, void *arg)
{
	text_print(arg, "%-17s %6llu %6llu %6u %4u %4llu\n", cache->name, (ull)cache->live,
		   (ull)(cache->slabs * cache->per_slab), cache->size, cache->per_slab,
		   (ull)cache->slabs);
}

static void show_slabinfo(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "# name            active  total   size  per slabs\n");
	slab_for_each(print_cache, text);
}

static void print_type(const struct fs_type *type, void *arg)
{
	text_print(arg, "nodev\t%s\n", type->name);
}

static void show_filesystems(struct text *text, struct task_struct *task)
{
	(void)task;
	fs_for_each_type(print_type, text);
}

static void show_audit(struct text *text, struct task_struct *task)
{
	(void)task;
	u64 errors = audit_run(text);

	if (errors)
		text_print(text, "audit: %llu errors\n", (ull)errors);
	else
		text_print(text, "audit: clean\n");
}

static void show_cpuinfo(struct text *text, struct task_struct *task)
{
	u32 regs[4], brand[13] = { 0 };

	(void)task;
	for (u32 i = 0; i < 3; i++) {
		cpuid(0x80000002 + i, 0, regs);
		memcpy(&brand[4 * i], regs, sizeof(regs));
	}
	for (u32 i = 0; i < cpu_count; i++)
		text_print(text, "processor\t: %u\nmodel name\t: %s\ncpu MHz\t\t: %u.000\n\n", i,
			   (char *)brand, clock_mhz());
}

const struct proc_file root_files[] = {
	{ .name = "audit", .mode = 0444, .show = show_audit },
	{ .name = "cmdline", .mode = 0444, .show = show_cmdline },
	{ .name = "cpuinfo", .mode = 0444, .show = show_cpuinfo },
	{ .name = "filesystems", .mode = 0444, .show = show_filesystems },
	{ .name = "loadavg", .mode = 0444, .show = show_loadavg },
	{ .name = "meminfo", .mode = 0444, .show = show_meminfo },
	{ .name = "slabinfo", .mode = 0400, .show = show_slabinfo },
	{ .name = "stat", .mode = 0444, .show = show_stat },
	{ .name = "uptime", .mode = 0444, .show = show_uptime },
	{ .name = "version", .mode = 0444, .show = show_version },
	{ .name = "vmstat", .mode = 0444, .show = show_vmstat },
#if LOCKCHECK
	{ .name = "lockcheck", .mode = 0600, .show = show_lockcheck, .store = store_lockcheck },
#endif
	{ .name = NULL },
};

/* --- sysctls --- */

bool parse_value(const char *text, u64 *value)
{
	const char *end;

	*value = str_to_u64(text, &end);
	return end != text && *end == '\0';
}

int store_number(const char *text, u64 *number, u64 max)
{
	u64 value;

	if (!parse_value(text, &value) || value > max)
		return -EINVAL;
	__atomic_store_n(number, value, __ATOMIC_RELAXED);
	return 0;
}

static void show_fork_mode(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%s\n", fork_mode_name(fork_mode));
}

static int store_fork_mode(char *value, struct task_struct *task)
{
	enum fork_mode mode;

	(void)task;
	if (!fork_mode_parse(value, &mode))
		return -EINVAL;
	*(volatile enum fork_mode *)&fork_mode = mode;
	return 0;
}

static void show_pid_max(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%u\n", pid_max);
}

static int store_pid_max(char *value, struct task_struct *task)
{
	u64 number;

	(void)task;
	if (!parse_value(value, &number) || number < PID_MAX_MINIMUM || number > PID_MAX_LIMIT)
		return -EINVAL;
	__atomic_store_n(&pid_max, (u32)number, __ATOMIC_RELAXED);
	return 0;
}

static void show_ostype(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "Linux\n");
}

static void show_osrelease(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%s\n", MITOS_RELEASE);
}

static void show_hostname(struct text *text, struct task_struct *task)
{
	struct new_utsname now = uts_now();

	(void)task;
	text_print(text, "%s\n", now.nodename);
}

static int store_hostname(char *value, struct task_struct *task)
{
	(void)task;
	if (strlen(value) > __NEW_UTS_LEN)
		return -EINVAL;
	uts_set_host(value, strlen(value));
	return 0;
}

static void show_cap_last_cap(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%d\n", CAP_LAST_CAP);
}

static void show_ngroups_max(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%d\n", NGROUPS_MAX);
}

static void show_dmesg_restrict(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%u\n", dmesg_restrict);
}

static int store_dmesg_restrict(char *value, struct task_struct *task)
{
	u64 number;

	(void)task;
	if (!parse_value(value, &number) || number > 1)
		return -EINVAL;
	dmesg_restrict = number;
	return 0;
}

/* The console's level, that of a line without one, the console's lowest, and its first. */
static void show_printk(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%d\t%d\t%d\t%d\n", console_level, LEVEL_INFO, CONSOLE_LEVEL_MIN,
		   LEVEL_INFO + 1);
}

const struct proc_file sys_kernel_files[] = {
	{ .name = "cap_last_cap", .mode = 0444, .show = show_cap_last_cap },
	{ .name = "dmesg_restrict",
	  .mode = 0644,
	  .show = show_dmesg_restrict,
	  .store = store_dmesg_restrict },
	{ .name = "fork_mode", .mode = 0644, .show = show_fork_mode, .store = store_fork_mode },
	{ .name = "hostname", .mode = 0644, .show = show_hostname, .store = store_hostname },
	{ .name = "ngroups_max", .mode = 0444, .show = show_ngroups_max },
	{ .name = "osrelease", .mode = 0444, .show = show_osrelease },
	{ .name = "ostype", .mode = 0444, .show = show_ostype },
	{ .name = "pid_max", .mode = 0644, .show = show_pid_max, .store = store_pid_max },
	{ .name = "printk", .mode = 0444, .show = show_printk },
	{ .name = "shmall", .mode = 0644, .number = &shm_limits.all, .max = UINT64_MAX },
	{ .name = "shmmax", .mode = 0644, .number = &shm_limits.max, .max = UINT64_MAX },
	{ .name = "shmmni", .mode = 0644, .number = &shm_limits.segments, .max = SHM_SEGMENTS_MAX },
	{ .name = "watchdog_thresh",
	  .mode = 0644,
	  .number = &watchdog_thresh,
	  .max = WATCHDOG_THRESH_MAX },
	{ .name = NULL },
};

static void show_file_max(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%llu\n", (ull)file_count_max());
}

static void show_pipe_max_size(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "1048576\n");
}

const struct proc_file sys_fs_files[] = {
	{ .name = "file-max", .mode = 0444, .show = show_file_max },
	{ .name = "pipe-max-size", .mode = 0444, .show = show_pipe_max_size },
	{ .name = NULL },
};
