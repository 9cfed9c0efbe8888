/* System calls about processes, memory, signals and time; the Linux man page of each name is its
 * specification. */
#ifndef MITOS_SYSCALL_PROCESS_H
#define MITOS_SYSCALL_PROCESS_H

#include "lib/types.h"
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/capability.h>
#include <linux/resource.h>
#include <linux/sched/types.h>
#include <linux/sysinfo.h>
#include <linux/time_types.h>
#include <linux/time.h>
#include <linux/times.h>
#include <linux/utsname.h>

/* process.c */
s64 sys_fork(void);
s64 sys_vfork(void);
s64 sys_clone(u64 flags, u64 stack, int __user *parent_tid, int __user *child_tid, u64 tls);
struct clone_args;
s64 sys_clone3(const struct clone_args __user *args, size_t size);
s64 sys_execve(const char __user *path, const char __user *const __user *argv,
	       const char __user *const __user *envp);
s64 sys_execveat(int dirfd, const char __user *path, const char __user *const __user *argv,
		 const char __user *const __user *envp, int flags);
s64 sys_exit(int status);
s64 sys_exit_group(int status);
s64 sys_wait4(pid_t pid, int __user *status, int options, struct rusage __user *usage);
s64 sys_waitid(int idtype, pid_t id, struct siginfo __user *info, int options,
	       struct rusage __user *usage);
s64 sys_pidfd_open(pid_t pid, unsigned flags);
s64 sys_getpid(void);
s64 sys_getppid(void);
s64 sys_gettid(void);
s64 sys_set_tid_address(int __user *tid);
s64 sys_setpgid(pid_t pid, pid_t pgid);
s64 sys_getpgid(pid_t pid);
s64 sys_getpgrp(void);
s64 sys_setsid(void);
s64 sys_getsid(pid_t pid);
s64 sys_vhangup(void);
s64 sys_sched_yield(void);

/* cred.c */
s64 sys_getuid(void);
s64 sys_geteuid(void);
s64 sys_getgid(void);
s64 sys_getegid(void);
s64 sys_getresuid(uid_t __user *ruid, uid_t __user *euid, uid_t __user *suid);
s64 sys_getresgid(gid_t __user *rgid, gid_t __user *egid, gid_t __user *sgid);
s64 sys_getgroups(int size, gid_t __user *list);
s64 sys_setuid(uid_t uid);
s64 sys_setgid(gid_t gid);
s64 sys_setresuid(uid_t ruid, uid_t euid, uid_t suid);
s64 sys_setresgid(gid_t rgid, gid_t egid, gid_t sgid);
s64 sys_setgroups(int size, const gid_t __user *list);
s64 sys_setreuid(uid_t ruid, uid_t euid);
s64 sys_setregid(gid_t rgid, gid_t egid);
s64 sys_setfsuid(uid_t uid);
s64 sys_setfsgid(gid_t gid);
s64 sys_capget(struct __user_cap_header_struct __user *header,
	       struct __user_cap_data_struct __user *data);
s64 sys_capset(struct __user_cap_header_struct __user *header,
	       const struct __user_cap_data_struct __user *data);

/* identity.c: limits, names */
s64 sys_getrlimit(unsigned resource, struct rlimit __user *limit);
s64 sys_setrlimit(unsigned resource, const struct rlimit __user *limit);
s64 sys_prlimit64(pid_t pid, unsigned resource, const struct rlimit64 __user *new,
		  struct rlimit64 __user *old);
s64 sys_getrusage(int who, struct rusage __user *usage);
s64 sys_times(struct tms __user *times);
s64 sys_uname(struct new_utsname __user *name);
s64 sys_sethostname(const char __user *name, int size);
s64 sys_setdomainname(const char __user *name, int size);
s64 sys_sysinfo(struct sysinfo __user *info);
s64 sys_prctl(int option, u64 arg2, u64 arg3, u64 arg4, u64 arg5);
s64 sys_arch_prctl(int code, u64 addr);
s64 sys_getrandom(void __user *buf, size_t size, unsigned flags);
s64 sys_reboot(int magic1, int magic2, unsigned command, void __user *arg);
s64 sys_getcpu(unsigned __user *cpu, unsigned __user *node);
s64 sys_sched_getaffinity(pid_t pid, unsigned size, u64 __user *mask);
s64 sys_sched_setaffinity(pid_t pid, unsigned size, const u64 __user *mask);
s64 sys_sched_setparam(pid_t pid, const int __user *priority);
s64 sys_sched_getparam(pid_t pid, int __user *priority);
s64 sys_sched_setscheduler(pid_t pid, int policy, const int __user *priority);
s64 sys_sched_getscheduler(pid_t pid);
s64 sys_sched_get_priority_max(int policy);
s64 sys_sched_get_priority_min(int policy);
s64 sys_sched_rr_get_interval(pid_t pid, struct __kernel_timespec __user *interval);
s64 sys_getpriority(int which, int who);
s64 sys_setpriority(int which, int who, int nice);

/* syslog.c */
extern bool dmesg_restrict; /* /proc/sys/kernel/dmesg_restrict: the log is for root alone */
s64 sys_syslog(int type, char __user *buf, int length);

/* memory.c */
s64 sys_brk(u64 brk);
s64 sys_mmap(u64 addr, size_t size, int prot, int flags, int fd, u64 offset);
s64 sys_munmap(u64 addr, size_t size);
s64 sys_mprotect(u64 addr, size_t size, int prot);
s64 sys_mremap(u64 addr, size_t old_size, size_t new_size, int flags, u64 new_addr);
s64 sys_madvise(u64 addr, size_t size, int advice);
s64 sys_msync(u64 addr, size_t size, int flags);
s64 sys_mlock(u64 addr, size_t size);
s64 sys_mlock2(u64 addr, size_t size, int flags);
s64 sys_munlock(u64 addr, size_t size);
s64 sys_mlockall(int flags);
s64 sys_munlockall(void);
s64 sys_mincore(u64 addr, size_t size, u8 __user *vec);

/* processvm.c */
struct iovec;
s64 sys_process_vm_readv(pid_t pid, const struct iovec __user *local, u64 local_count,
			 const struct iovec __user *remote, u64 remote_count, u64 flags);
s64 sys_process_vm_writev(pid_t pid, const struct iovec __user *local, u64 local_count,
			  const struct iovec __user *remote, u64 remote_count, u64 flags);

/* shm.c */
s64 sys_shmget(int key, size_t size, int flags);
s64 sys_shmat(int id, u64 addr, int flags);
s64 sys_shmdt(u64 addr);
s64 sys_shmctl(int id, int command, void __user *buf);

/* signal.c */
s64 sys_kill(pid_t pid, int sig);
s64 sys_tkill(pid_t tid, int sig);
s64 sys_tgkill(pid_t tgid, pid_t tid, int sig);
s64 sys_rt_sigaction(int sig, const struct sigaction __user *new, struct sigaction __user *old,
		     size_t size);
s64 sys_rt_sigprocmask(int how, const u64 __user *new, u64 __user *old, size_t size);
s64 sys_rt_sigpending(u64 __user *set, size_t size);
s64 sys_rt_sigsuspend(const u64 __user *mask, size_t size);
s64 sys_rt_sigreturn(void);
s64 sys_rt_sigtimedwait(const u64 __user *set, struct siginfo __user *info,
			const struct __kernel_timespec __user *timeout, size_t size);
s64 sys_rt_sigqueueinfo(pid_t tgid, int sig, const struct siginfo __user *info);
s64 sys_rt_tgsigqueueinfo(pid_t tgid, pid_t tid, int sig, const struct siginfo __user *info);
s64 sys_pidfd_send_signal(int fd, int sig, const struct siginfo __user *info, unsigned flags);
s64 sys_sigaltstack(const stack_t __user *new, stack_t __user *old);
s64 sys_pause(void);
s64 sys_restart_syscall(void);

/* futex.c */
struct futex_waitv;
s64 sys_futex(u32 __user *addr, int operation, u32 value,
	      const struct __kernel_timespec __user *timeout, u32 __user *addr2, u32 value3);
s64 sys_futex_waitv(const struct futex_waitv __user *waiters, unsigned count, unsigned flags,
		    const struct __kernel_timespec __user *timeout, int clock);
s64 sys_set_robust_list(void __user *head, size_t size);
s64 sys_get_robust_list(pid_t pid, void __user *__user *head, size_t __user *size);

/* membarrier.c */
s64 sys_membarrier(int command, unsigned flags, int cpu);

/* time.c */
s64 sys_alarm(unsigned seconds);
s64 sys_timer_create(int clock, const struct sigevent __user *event, int __user *id);
s64 sys_timer_settime(int id, int flags, const struct __kernel_itimerspec __user *value,
		      struct __kernel_itimerspec __user *old);
s64 sys_timer_gettime(int id, struct __kernel_itimerspec __user *value);
s64 sys_timer_getoverrun(int id);
s64 sys_timer_delete(int id);
s64 sys_getitimer(int kind, struct itimerval __user *value);
s64 sys_setitimer(int kind, const struct itimerval __user *value, struct itimerval __user *old);
s64 sys_nanosleep(const struct __kernel_timespec __user *request,
		  struct __kernel_timespec __user *remain);
s64 sys_clock_nanosleep(int clock, int flags, const struct __kernel_timespec __user *request,
			struct __kernel_timespec __user *remain);
s64 sys_clock_gettime(int clock, struct __kernel_timespec __user *time);
s64 sys_clock_settime(int clock, const struct __kernel_timespec __user *time);
s64 sys_clock_getres(int clock, struct __kernel_timespec __user *resolution);
s64 sys_gettimeofday(struct timeval __user *time, struct timezone __user *zone);
s64 sys_time(s64 __user *seconds);

#endif
