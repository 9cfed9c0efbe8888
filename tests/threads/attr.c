/* Attributes of threads: stacks, guards, detached ones, their clocks, their processors. */
#include "say.h"
#include <limits.h>
#include <setjmp.h>

static int flag;

static void *where(void *unused)
{
	(void)unused;
	return __builtin_frame_address(0);
}

static void stacks(void)
{
	size_t size = 1 << 20, got;
	char *memory = shared(size), *top;
	pthread_attr_t attr;
	pthread_t thread;

	must(pthread_attr_init(&attr), "attr_init");
	must(pthread_attr_setstack(&attr, memory, size), "setstack");
	must(pthread_create(&thread, &attr, where, NULL), "create");
	top = join(thread);
	say("on the stack that I gave: %d", top > memory && top < memory + size);
	must(pthread_attr_destroy(&attr), "attr_destroy");
	must(pthread_attr_init(&attr), "attr_init");
	say("a stack too small: %s", named(pthread_attr_setstacksize(&attr, 1000)));
	must(pthread_attr_setstacksize(&attr, 3 << 20), "setstacksize");
	must(pthread_attr_getstacksize(&attr, &got), "getstacksize");
	say("a stack of %zu", got);
	must(pthread_attr_setguardsize(&attr, 8192), "setguardsize");
	must(pthread_attr_getguardsize(&attr, &got), "getguardsize");
	say("a guard of %zu", got);
}

static char *bottom;
static size_t guard_size;
static __thread sigjmp_buf back;
static char *hit;

static void on_fault(int signum, siginfo_t *info, void *context)
{
	(void)signum;
	(void)context;
	hit = info->si_addr;
	siglongjmp(back, 1);
}

static __attribute__((noinline)) int deeper(int depth)
{
	volatile char page[2048];

	page[0] = (char)depth;
	return depth < 0 ? 0 : deeper(depth + 1) + page[0];
}

static void *overflow(void *unused)
{
	static char alternate[65536];
	stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
	pthread_attr_t attr;
	size_t size;
	void *start_of_stack;

	must(pthread_getattr_np(pthread_self(), &attr), "getattr_np");
	must(pthread_attr_getstack(&attr, &start_of_stack, &size), "getstack");
	must(pthread_attr_getguardsize(&attr, &guard_size), "getguardsize");
	bottom = start_of_stack;
	say("I run on the stack that getattr_np tells: %d",
	    (char *)&attr > bottom && (char *)&attr < bottom + size);
	must(pthread_attr_destroy(&attr), "attr_destroy");
	done(sigaltstack(&stack, NULL), "sigaltstack");
	if (sigsetjmp(back, 1) == 0)
		deeper(0);
	return unused;
}

static void guards(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	pthread_attr_t attr;
	pthread_t thread;

	sigaction(SIGSEGV, &action, NULL);
	must(pthread_attr_init(&attr), "attr_init");
	must(pthread_attr_setstacksize(&attr, 256 << 10), "setstacksize");
	must(pthread_create(&thread, &attr, overflow, NULL), "create");
	join(thread);
	say("an overflow hits the guard below: %d, of at least a page: %d",
	    hit < bottom + guard_size && hit >= bottom - guard_size, guard_size >= 4096);
	action = (struct sigaction){ .sa_handler = SIG_DFL };
	sigaction(SIGSEGV, &action, NULL);
}

static void *overflow_unhandled(void *unused)
{
	deeper(0);
	return unused;
}

static void overflows(void)
{
	join(start(overflow_unhandled, NULL));
}

static void *tell_and_end(void *unused)
{
	set(&flag, 1);
	return unused;
}

/* A detached thread is gone some time after its end. */
static void detached(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	int state;

	must(pthread_attr_init(&attr), "attr_init");
	must(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED), "setdetachstate");
	for (int i = 0; i < 200; i++) {
		set(&flag, 0);
		must(pthread_create(&thread, &attr, tell_and_end, NULL), "create");
		await(&flag, 1);
	}
	while (thread_count() != 1)
		sched_yield();
	say("200 detached threads have gone");
	must(pthread_attr_getdetachstate(&attr, &state), "getdetachstate");
	say("detached: %d", state == PTHREAD_CREATE_DETACHED);
	set(&flag, 0);
	must(pthread_detach(start(tell_and_end, NULL)), "detach");
	while (!__atomic_load_n(&flag, __ATOMIC_SEQ_CST) || thread_count() != 1)
		sched_yield();
	say("and one that was detached later");
}

static void *stay(void *unused)
{
	await(&flag, 2);
	return unused;
}

static void *work(void *clock)
{
	struct timespec begin, now;

	clock_gettime(*(clockid_t *)clock, &begin);
	do {
		clock_gettime(*(clockid_t *)clock, &now);
	} while (now.tv_sec == begin.tv_sec && now.tv_nsec - begin.tv_nsec < 20000000);
	return (void *)(intptr_t)(now.tv_nsec - begin.tv_nsec);
}

static void *work_by_my_clock(void *unused)
{
	clockid_t clock = CLOCK_THREAD_CPUTIME_ID;

	work(&clock);
	return unused;
}

static long ns_of(clockid_t clock)
{
	struct timespec time;

	done(clock_gettime(clock, &time), "clock_gettime");
	return time.tv_sec * 1000000000 + time.tv_nsec;
}

static void clocks(void)
{
	clockid_t its, mine;
	pthread_t idle, worker;

	set(&flag, 0);
	long before = ns_of(CLOCK_PROCESS_CPUTIME_ID);
	worker = start(work_by_my_clock, NULL);
	join(worker);
	say("the process's clock counts a thread that has ended: %d",
	    ns_of(CLOCK_PROCESS_CPUTIME_ID) - before >= 20000000);
	idle = start(stay, NULL);
	must(pthread_getcpuclockid(idle, &its), "getcpuclockid");
	must(pthread_getcpuclockid(pthread_self(), &mine), "getcpuclockid");
	say("a thread's clock is not mine: %d", its != mine);
	long first = ns_of(mine);
	work_by_my_clock(NULL);
	say("my clock has gone on: %d", ns_of(mine) - first >= 20000000);
	say("another's clock can be read: %d", ns_of(its) >= 0);
	set(&flag, 2);
	join(idle);
}

static void processors(void)
{
	cpu_set_t all, one;

	must(pthread_getaffinity_np(pthread_self(), sizeof(all), &all), "getaffinity");
	say("there is a processor: %d", CPU_COUNT(&all) >= 1);
	int first = 0;
	while (!CPU_ISSET(first, &all))
		first++;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	set(&flag, 0);
	pthread_t thread = start(stay, NULL);
	must(pthread_setaffinity_np(thread, sizeof(one), &one), "setaffinity");
	must(pthread_getaffinity_np(thread, sizeof(one), &one), "getaffinity");
	say("it is on one: %d, that one: %d", CPU_COUNT(&one), !!CPU_ISSET(first, &one));
	must(pthread_getaffinity_np(pthread_self(), sizeof(one), &one), "getaffinity");
	say("I am where I was: %d", CPU_EQUAL(&one, &all));
	CPU_ZERO(&one);
	say("on none: %s", named(pthread_setaffinity_np(thread, sizeof(one), &one)));
	set(&flag, 2);
	join(thread);
}

static void *deadlock(void *unused)
{
	say("joining myself: %s", named(pthread_join(pthread_self(), NULL)));
	return unused;
}

static void main_thread(void)
{
	pthread_attr_t attr;
	size_t size;
	void *lowest;
	char here;

	must(pthread_getattr_np(pthread_self(), &attr), "getattr_np");
	must(pthread_attr_getstack(&attr, &lowest, &size), "getstack");
	say("the first thread's stack, too: %d",
	    &here > (char *)lowest && &here < (char *)lowest + size);
	must(pthread_attr_destroy(&attr), "attr_destroy");
}

int main(void)
{
	main_thread();
	stacks();
	guards();
	in_child("overflow", overflows);
	detached();
	clocks();
	processors();
#ifdef __GLIBC__
	join(start(deadlock, NULL));
#else
	(void)deadlock;
#endif
	return 0;
}
