/*
 * kmain: the boot order, top to bottom. boot/boot.asm calls it on the boot stack with interrupts
 * off; it ends as the idle task. Each stage needs only what stands above it.
 */
#include "entry/entry.h"
#include "fs/fs.h"
#include "lib/string.h"
#include "mm/fail.h"
#include "mm/frame.h"
#include "mm/kmap.h"
#include "mm/mm.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "proc/exec.h"
#include "proc/fork.h"
#include "proc/futex.h"
#include "proc/limits.h"
#include "proc/pid.h"
#include "proc/signal.h"
#include "procfs/procfs.h"
#include "sched/task.h"
#include "tty/tty.h"
#include "x86/acpi.h"
#include "x86/apic.h"
#include "x86/printk.h"
#include "x86/random.h"
#include "x86/serial.h"
#include "x86/smp.h"
#include "x86/version.h"
#include <linux/fcntl.h>

#define INIT_DEFAULT "/sbin/init"

/* The compiler's names: its canary, and what it calls when one has changed. */
extern u64 __stack_chk_guard;
u64 __stack_chk_guard = 0x595e9fbd94fda766;
void __stack_chk_fail(void);
void kmain(u32 magic, u32 info) __attribute__((no_stack_protector, noreturn));

void __stack_chk_fail(void)
{
	panic("kernel stack corrupted, return address %p", __builtin_return_address(0));
}

static void read_options(void)
{
	char mode[16];

	if (bootinfo_option("quiet", NULL))
		console_level = 0;
	if (bootinfo_value("fork", mode, sizeof(mode)) && !fork_mode_parse(mode, &fork_mode))
		printk("fork=%s: there is no such mode", mode);
}

static void devices(void)
{
	acpi_init();
	volatile u64 *hpet = acpi.hpet ? kmap_device(acpi.hpet, PAGE_SIZE) : NULL;
	apic_init(kmap_device(acpi.lapic, PAGE_SIZE), kmap_device(acpi.ioapic, PAGE_SIZE));
	clock_init(hpet);
	random_init();
	ioapic_enable(SERIAL_IRQ);
}

static void memory(void)
{
	frame_init(&boot_info);
	slab_init();
	mm_module_init();
	usercopy_init();
	printk("memory: %llu KiB in frames, %llu KiB free",
	       (unsigned long long)(frame_total() * PAGE_SIZE >> 10),
	       (unsigned long long)(frame_free_count() * PAGE_SIZE >> 10));
}

/* What another processor does first and for ever. */
static void other_processor(void)
{
	entry_init();
	lapic_enable();
	sched_init();
	smp_online();
	irq_enable();
	sched_idle();
}

static void processors(void)
{
	for (u32 i = 0; i < acpi.cpu_total && cpu_count < smp_limit(); i++) {
		u8 *stack = acpi.cpu_apic_ids[i] == this_cpu()->apic_id ? NULL : kstack_alloc();

		if (stack &&
		    !smp_start_cpu(acpi.cpu_apic_ids[i], stack + KSTACK_SIZE, other_processor))
			kstack_free(stack);
	}
	printk("smp: %u processors", cpu_count);
}

static void unpack_initramfs(void)
{
	size_t size = boot_info.initrd_end - boot_info.initrd_start;

	if (size == 0)
		panic("no initramfs: nothing to run");
	int error = initramfs_unpack(phys_to_virt(boot_info.initrd_start), size);
	if (error)
		panic("initramfs: error %d", error);
	frame_release_range(boot_info.initrd_start, boot_info.initrd_end);
	printk("initramfs: %llu KiB unpacked", (unsigned long long)size >> 10);
}

/* The first process, still a kernel task: opens the console as 0, 1 and 2 and becomes init. */
static void start_init(void *arg)
{
	char path[64] = INIT_DEFAULT;

	(void)arg;
	unpack_initramfs();
	bootinfo_value("init", path, sizeof(path));
	struct file *console = file_open_kernel("/dev/console", O_RDWR);
	for (int fd = 0; fd < 3 && !IS_ERR(console); fd++)
		fd_install(current->files, fd, file_get(console));
	if (!IS_ERR(console))
		file_put(console);
	printk("start %s, %llu KiB free", path,
	       (unsigned long long)(frame_free_count() * PAGE_SIZE >> 10));
	fail_init();
	console_level = min(console_level, CONSOLE_LEVEL_MIN); /* it is the user's from now on */

	const char *const argv[] = { path, NULL }, *const envp[] = { "HOME=/", "TERM=linux", NULL };
	struct exec_strings arguments = { .kernel = argv }, environment = { .kernel = envp };
	int error = task_execve(current->tf, AT_FDCWD, path, 0, &arguments, &environment);
	if (error)
		panic("cannot run %s: error %d", path, error);
}

void kmain(u32 magic, u32 info)
{
	cpu_init(0);
	bootinfo_parse(magic, info);
	serial_init();
	read_options();
	printk("mitos %s, by %s", MITOS_RELEASE, boot_info.loader);
	entry_init();
	kmap_init();
	sched_init();
	devices();
	u64 canary;
	random_bytes(&canary, sizeof(canary));
	/* here, where no caller has one; the zero byte stops string copies */
	__stack_chk_guard = canary & ~0xffull;
	memory();
	pid_module_init();
	signal_module_init();
	futex_module_init();
	limits_module_init();
	cred_module_init();
	fork_module_init();
	fs_init();
	tty_init();
	procfs_init();
	processors();
	sched_load_start();
	task_spawn_init(start_init, NULL);
	irq_enable();
	sched_idle();
}
