/*
 * What a process may use, and its names: limits, accounts, prctl; and the machine as a whole:
 * uname, sysinfo, random bytes, reboot.
 */
#include "syscall/process.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/mm.h"
#include "mm/usercopy.h"
#include "proc/cred.h"
#include "proc/limits.h"
#include "proc/thread.h"
#include "syscall/rusage.h"
#include "syscall/uts.h"
#include "x86/acpi.h"
#include "x86/printk.h"
#include "x86/random.h"
#include "x86/smp.h"
#include "x86/version.h"
#include <asm/errno.h>
#include <asm/prctl.h>
#include <linux/prctl.h>
#include <linux/random.h>
#include <linux/reboot.h>

static struct spinlock uts_lock = SPINLOCK_INIT("uts"); /* guards system_name */
static struct new_utsname system_name = {
	.sysname = "Linux",
	.nodename = "mitos",
	.release = MITOS_RELEASE,
	.version = MITOS_VERSION,
	.machine = "x86_64",
	.domainname = "(none)",
};

/* --- limits and accounts --- */

/* prlimit(2): CAP_SYS_RESOURCE, or a process whose ids are all the caller's real ones. */
static bool may_change_limits(const struct task_struct *task)
{
	const struct cred *mine = current->cred, *theirs = task->real_cred;

	return task == current || capable(CAP_SYS_RESOURCE) ||
	       (mine->uid == theirs->uid && mine->uid == theirs->euid &&
		mine->uid == theirs->suid && mine->gid == theirs->gid &&
		mine->gid == theirs->egid && mine->gid == theirs->sgid);
}

s64 sys_prlimit64(pid_t pid, unsigned resource, const struct rlimit64 __user *user_new,
		  struct rlimit64 __user *user_old)
{
	struct rlimit64 new, old;

	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	if (user_new && copy_from_user(&new, user_new, sizeof(new)))
		return -EFAULT;
	spin_lock(&tasklist_lock);
	struct task_struct *task = pid ? task_find(pid) : current;
	int error = -ESRCH;
	if (task && task->signal && !may_change_limits(task))
		error = -EPERM;
	else if (task && task->signal)
		error = limits_change(task, resource, user_new ? &new : NULL, &old);
	spin_unlock(&tasklist_lock);
	if (!error && user_old && copy_to_user(user_old, &old, sizeof(old)))
		return -EFAULT;
	return error;
}

/* On x86-64 struct rlimit and struct rlimit64 are the same two words. */
s64 sys_getrlimit(unsigned resource, struct rlimit __user *limit)
{
	return limit ? sys_prlimit64(0, resource, NULL, (struct rlimit64 __user *)limit) : -EFAULT;
}

s64 sys_setrlimit(unsigned resource, const struct rlimit __user *limit)
{
	return limit ? sys_prlimit64(0, resource, (const struct rlimit64 __user *)limit, NULL)
		     : -EFAULT;
}

int rusage_to_user(struct rusage __user *user, const struct rusage_sum *sum)
{
	struct rusage usage = {
		.ru_utime = { (long)(sum->utime / NSEC_PER_SEC),
			      (long)(sum->utime % NSEC_PER_SEC / 1000) },
		.ru_stime = { (long)(sum->stime / NSEC_PER_SEC),
			      (long)(sum->stime % NSEC_PER_SEC / 1000) },
		.ru_maxrss = (long)(sum->peak_rss * (PAGE_SIZE / 1024)),
		.ru_minflt = (long)sum->min_faults,
		.ru_majflt = (long)sum->maj_faults,
		.ru_nvcsw = (long)sum->voluntary,
		.ru_nivcsw = (long)sum->involuntary,
	};

	return copy_to_user(user, &usage, sizeof(usage));
}

s64 sys_getrusage(int who, struct rusage __user *usage)
{
	struct rusage_sum sum;

	if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD)
		return -EINVAL;
	spin_lock(&tasklist_lock);
	if (who == RUSAGE_CHILDREN)
		sum = current->leader->children_sum;
	else if (who == RUSAGE_SELF)
		rusage_of_process(current->leader, &sum);
	else
		rusage_of_thread(current, &sum);
	spin_unlock(&tasklist_lock);
	return rusage_to_user(usage, &sum);
}

s64 sys_times(struct tms __user *user)
{
	struct rusage_sum self, children;

	spin_lock(&tasklist_lock);
	rusage_of_process(current->leader, &self);
	children = current->leader->children_sum;
	spin_unlock(&tasklist_lock);
	struct tms times = {
		.tms_utime = (long)(self.utime / NSEC_PER_CLOCK_TICK),
		.tms_stime = (long)(self.stime / NSEC_PER_CLOCK_TICK),
		.tms_cutime = (long)(children.utime / NSEC_PER_CLOCK_TICK),
		.tms_cstime = (long)(children.stime / NSEC_PER_CLOCK_TICK),
	};
	if (user && copy_to_user(user, &times, sizeof(times)))
		return -EFAULT;
	return (s64)(clock_monotonic() / NSEC_PER_CLOCK_TICK);
}

/* --- the machine --- */

s64 sys_uname(struct new_utsname __user *name)
{
	struct new_utsname now = uts_now();

	return copy_to_user(name, &now, sizeof(now));
}

struct new_utsname uts_now(void)
{
	spin_lock(&uts_lock);
	struct new_utsname now = system_name;
	spin_unlock(&uts_lock);
	return now;
}

static void set_field(char *field, const char *name, size_t size)
{
	spin_lock(&uts_lock);
	memset(field, 0, __NEW_UTS_LEN + 1);
	memcpy(field, name, size);
	spin_unlock(&uts_lock);
}

void uts_set_host(const char *name, size_t size)
{
	set_field(system_name.nodename, name, size);
}

static s64 set_name(char *field, const char __user *name, int size)
{
	char buf[__NEW_UTS_LEN];

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (size < 0 || size > __NEW_UTS_LEN)
		return -EINVAL;
	if (copy_from_user(buf, name, (size_t)size))
		return -EFAULT;
	set_field(field, buf, (size_t)size);
	return 0;
}

s64 sys_sethostname(const char __user *name, int size)
{
	return set_name(system_name.nodename, name, size);
}

s64 sys_setdomainname(const char __user *name, int size)
{
	return set_name(system_name.domainname, name, size);
}

s64 sys_sysinfo(struct sysinfo __user *user)
{
	struct sysinfo info = {
		.uptime = (long)(clock_monotonic() / NSEC_PER_SEC),
		.totalram = frame_total() * PAGE_SIZE,
		.freeram = frame_free_count() * PAGE_SIZE,
		.procs = (u16)min(task_count, (u64)UINT16_MAX),
		.mem_unit = 1,
	};

	return copy_to_user(user, &info, sizeof(info));
}

s64 sys_prctl(int option, u64 arg2, u64 arg3, u64 arg4, u64 arg5)
{
	char name[sizeof(current->comm)] = { 0 };
	int flag;

	switch (option) {
	case PR_SET_NAME:
		if (strncpy_from_user(name, (const char __user *)arg2, sizeof(name)) == -EFAULT)
			return -EFAULT;
		name[sizeof(name) - 1] = '\0';
		memcpy(current->comm, name, sizeof(name));
		return 0;
	case PR_GET_NAME:
		return copy_to_user((void __user *)arg2, current->comm, sizeof(current->comm));
	case PR_SET_PDEATHSIG:
		if (arg2 > SIGNAL_COUNT)
			return -EINVAL;
		spin_lock(&tasklist_lock);
		current->pdeath_signal = (int)arg2;
		if (current->leader->parent->signal)
			current->leader->parent->signal->children_ask = true;
		spin_unlock(&tasklist_lock);
		return 0;
	case PR_GET_PDEATHSIG:
		return copy_to_user((void __user *)arg2, &current->pdeath_signal, sizeof(int));
	case PR_SET_CHILD_SUBREAPER:
		current->signal->is_subreaper = arg2 != 0;
		return 0;
	case PR_GET_CHILD_SUBREAPER:
		flag = current->signal->is_subreaper;
		return copy_to_user((void __user *)arg2, &flag, sizeof(flag));
	}
	return cred_prctl(option, arg2, arg3, arg4, arg5);
}

s64 sys_arch_prctl(int code, u64 addr)
{
	struct task_struct *task = current;

	switch (code) {
	case ARCH_SET_FS:
	case ARCH_SET_GS:
		if (addr >= USER_END)
			return -EPERM;
		*(code == ARCH_SET_FS ? &task->fs_base : &task->gs_base) = addr;
		irq_push();
		cpu_set_user_bases(task->fs_base, task->gs_base);
		irq_pop();
		return 0;
	case ARCH_GET_FS:
		return copy_to_user((void __user *)addr, &task->fs_base, 8);
	case ARCH_GET_GS:
		return copy_to_user((void __user *)addr, &task->gs_base, 8);
	}
	return -EINVAL;
}

s64 sys_getrandom(void __user *buf, size_t size, unsigned flags)
{
	u8 chunk[128];
	size_t done = 0;

	if (flags & ~(unsigned)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	if ((flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	size = min(size, (size_t)INT32_MAX);
	while (done < size) {
		size_t step = min(size - done, sizeof(chunk));

		random_bytes(chunk, step);
		step -= copy_to_user_partial((u8 __user *)buf + done, chunk, step);
		done += step;
		if (step == 0)
			return done ? (s64)done : -EFAULT;
		if (done < size && signal_is_pending())
			break;
		cond_resched();
	}
	return (s64)done;
}

s64 sys_reboot(int magic1, int magic2, unsigned command, void __user *arg)
{
	(void)arg;
	if (!capable(CAP_SYS_BOOT))
		return -EPERM;
	if (magic1 != (int)LINUX_REBOOT_MAGIC1 ||
	    (magic2 != LINUX_REBOOT_MAGIC2 && magic2 != LINUX_REBOOT_MAGIC2A &&
	     magic2 != LINUX_REBOOT_MAGIC2B && magic2 != LINUX_REBOOT_MAGIC2C))
		return -EINVAL;
	switch (command) {
	case LINUX_REBOOT_CMD_CAD_ON:
	case LINUX_REBOOT_CMD_CAD_OFF:
		return 0;
	case LINUX_REBOOT_CMD_POWER_OFF:
		printk("power off");
		smp_stop_others();
		acpi_power_off();
		cpu_halt();
	case LINUX_REBOOT_CMD_HALT:
		printk("System halted."); /* and the machine stays on: reboot(2) */
		smp_stop_others();
		cpu_halt();
	case LINUX_REBOOT_CMD_RESTART:
		printk("restart");
		smp_stop_others();
		outb(0x64, 0xfe); /* the keyboard controller pulls the reset line */
		cpu_halt();
	}
	return -EINVAL;
}

s64 sys_getcpu(unsigned __user *cpu, unsigned __user *node)
{
	unsigned id = this_cpu()->id, zero = 0;

	if ((cpu && copy_to_user(cpu, &id, sizeof(id))) ||
	    (node && copy_to_user(node, &zero, sizeof(zero))))
		return -EFAULT;
	return 0;
}
