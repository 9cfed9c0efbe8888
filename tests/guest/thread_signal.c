/*
 * Signals and threads: which thread takes what was sent to the process, what only one may take,
 * what ends or stops all of them, and that nothing is lost when the chosen thread blocks the signal
 * or ends. Sources: signal(7), sigaction(2), sigprocmask(2), sigpending(2), tgkill(2),
 * sigwaitinfo(2), sigaltstack(2), timer_create(2), POSIX 2.4.1 Signal Generation and Delivery.
 */
#include "thread.h"
#include <sys/mman.h>
#include <sys/time.h>

/* ---- handlers that note who ran them --------------------------------------------------------- */

enum { NOTES = 1024 };

struct note {
	volatile int sig, code, value;
	volatile pid_t taker, sender;
};

static struct note notes[NOTES];
static volatile int begun, noted; /* notes whose writing has begun, and has ended */

static void note_signal(int sig, siginfo_t *info, void *context)
{
	int saved = errno, n = __atomic_fetch_add(&begun, 1, __ATOMIC_SEQ_CST);

	(void)context;
	if (n < NOTES) {
		notes[n].sig = sig;
		notes[n].code = info->si_code;
		notes[n].value = info->si_value.sival_int;
		notes[n].sender = info->si_pid;
		notes[n].taker = gettid_raw();
	}
	word_add(&noted, 1);
	errno = saved;
}

static void await_notes(int count)
{
	int now;

	while ((now = word_of(&noted)) < count)
		syscall(SYS_futex, &noted, FUTEX_WAIT, now, NULL, NULL, 0);
}

/* ---- threads that wait with a mask of their own ---------------------------------------------- */

enum how { PAUSES, READS, RUNS, WAITS_FOR_SIGNAL, WAITS_FOR_WORD };

struct worker {
	uint64_t mask;
	enum how how;
	uint64_t wanted; /* of WAITS_FOR_SIGNAL */
	volatile int ready, leave, returns, error, result;
	struct gate gate;
	struct thread *thread;
};

static int works(void *argument)
{
	struct worker *worker = argument;

	set_mask(worker->mask);
	word_set(&worker->ready, 1);
	while (!word_of(&worker->leave)) {
		long result = 0;
		char byte;

		if (worker->how == PAUSES)
			result = syscall(SYS_pause);
		else if (worker->how == READS)
			result = read(worker->gate.out, &byte, 1);
		else if (worker->how == WAITS_FOR_SIGNAL)
			result = wait_for_signal(worker->wanted, NULL, NULL);
		else if (worker->how == WAITS_FOR_WORD)
			word_await(&worker->leave, 1);
		if (worker->how == RUNS)
			continue;
		worker->error = result < 0 ? errno : 0;
		worker->result = (int)result;
		word_add(&worker->returns, 1);
	}
	return 0;
}

/* Starts it, and returns when it sleeps or runs. */
static void start(struct worker *worker)
{
	worker->ready = worker->leave = worker->returns = 0;
	if (worker->how == READS)
		worker->gate = gate_new();
	worker->thread = THREAD(works, worker);
	word_await(&worker->ready, 1);
	if (worker->how != RUNS)
		await_thread_state(getpid(), worker->thread->tid, 'S');
}

/* A signal that is nobody's business makes it look whether it should leave. */
static void finish(struct worker *worker)
{
	pid_t tid = worker->thread->tid;

	word_set(&worker->leave, 1);
	if (worker->how == READS)
		gate_open(worker->gate, 1);
	install(SIGIO, log_signal, SA_SIGINFO);
	while (worker->how != READS && word_of(&worker->thread->ends) &&
	       tgkill_raw(getpid(), tid, SIGIO) == 0)
		pause_briefly();
	thread_join(worker->thread);
	await_thread_gone(getpid(), tid);
	if (worker->how == READS)
		gate_free(worker->gate);
}

static bool pending_in(pid_t tid, const char *name, int sig)
{
	char value[64];

	thread_line(getpid(), tid, name, value, sizeof(value));
	return strtoull(value, NULL, 16) & bit(sig);
}

/* ---- which thread takes it ------------------------------------------------------------------- */

TIMED_TEST(the_process_has_one_taker)
{
	struct worker blocks = { .mask = bit(SIGUSR1), .how = PAUSES };
	struct worker takes = { .mask = 0, .how = PAUSES };

	install(SIGUSR1, note_signal, SA_SIGINFO);
	block(bit(SIGUSR1));
	start(&blocks);
	start(&takes);
	for (int i = 1; i <= 50; i++) {
		send(SIGUSR1);
		word_await(&takes.returns, i);
		await_thread_state(getpid(), takes.thread->tid, 'S');
		CHECK_EQ(noted, i);
		CHECK_EQ(notes[i - 1].taker, takes.thread->tid);
		CHECK_EQ(notes[i - 1].sender, getpid());
		CHECK_EQ(notes[i - 1].code, SI_USER);
	}
	CHECK_EQ(blocks.returns, 0);
	CHECK_EQ(pending_now(), 0);
	finish(&blocks);
	finish(&takes);
}

TIMED_TEST(a_thread_is_meant)
{
	struct worker workers[3] = { { .how = PAUSES }, { .how = PAUSES }, { .how = PAUSES } };
	int count = 0;

	install(SIGUSR1, note_signal, SA_SIGINFO);
	for (int i = 0; i < 3; i++)
		start(&workers[i]);
	for (int round = 1; round <= 20; round++)
		for (int i = 0; i < 3; i++) {
			CHECK_EQ(tgkill_raw(getpid(), workers[i].thread->tid, SIGUSR1), 0);
			word_await(&workers[i].returns, round);
			await_thread_state(getpid(), workers[i].thread->tid, 'S');
			CHECK_EQ(workers[i].error, EINTR);
			CHECK_EQ(notes[count].taker, workers[i].thread->tid);
			CHECK_EQ(notes[count].code, SI_TKILL);
			CHECK_EQ(notes[count].sender, getpid());
			CHECK_EQ(++count, noted);
			for (int j = i + 1; j < 3; j++)
				CHECK_EQ(workers[j].returns, round - 1);
		}
	for (int i = 0; i < 3; i++)
		finish(&workers[i]);
}

/* What is pending for one thread is shown as its own, and nobody else may have it. */
TIMED_TEST(pending_for_a_thread)
{
	struct worker worker = { .mask = bit(SIGUSR1), .how = WAITS_FOR_WORD };
	struct timespec at_once = { 0, 0 };

	block(bit(SIGUSR1));
	install(SIGUSR1, note_signal, SA_SIGINFO);
	start(&worker);
	pid_t tid = worker.thread->tid;
	CHECK_EQ(tgkill_raw(getpid(), tid, SIGUSR1), 0);
	CHECK(pending_in(tid, "SigPnd", SIGUSR1));
	CHECK(!pending_in(tid, "ShdPnd", SIGUSR1));
	CHECK(!pending_in(getpid(), "SigPnd", SIGUSR1));
	CHECK(!pending_in(getpid(), "ShdPnd", SIGUSR1));
	CHECK_EQ(pending_now(), 0);
	unblock(bit(SIGUSR1));
	CHECK_ERRNO(wait_for_signal(bit(SIGUSR1), NULL, &at_once), EAGAIN);
	CHECK_EQ(noted, 0);
	finish(&worker); /* with which the signal is gone */
	CHECK_EQ(noted, 0);
	CHECK_EQ(pending_now(), 0);
}

static int unblocks(void *argument)
{
	uint64_t set = *(uint64_t *)argument;

	CHECK_EQ(pending_now(), set);
	unblock(set);
	return 0;
}

static int sigwaits(void *argument)
{
	uint64_t set = *(uint64_t *)argument;
	siginfo_t info;

	CHECK_EQ(pending_now(), set);
	CHECK_EQ(wait_for_signal(set, &info, NULL), SIGUSR1);
	CHECK_EQ(info.si_pid, getpid());
	CHECK_EQ(pending_now(), 0);
	return 0;
}

/* What all threads block is pending in the process: every one of them sees it and can have it. */
TIMED_TEST(pending_for_the_process)
{
	struct worker worker = { .mask = bit(SIGUSR1), .how = PAUSES };
	uint64_t set = bit(SIGUSR1);

	block(set);
	install(SIGUSR1, note_signal, SA_SIGINFO);
	start(&worker);
	for (int way = 0; way < 3; way++) {
		CONTEXT("way %d", way);
		send(SIGUSR1);
		CHECK(pending_in(worker.thread->tid, "ShdPnd", SIGUSR1));
		CHECK(!pending_in(worker.thread->tid, "SigPnd", SIGUSR1));
		CHECK(pending_in(getpid(), "ShdPnd", SIGUSR1));
		CHECK_EQ(pending_now(), set);
		if (way == 0) {
			thread_join(THREAD(unblocks, &set));
			CHECK_EQ(noted, 1);
		} else if (way == 1) {
			thread_join(THREAD(sigwaits, &set));
			CHECK_EQ(noted, 1);
		} else {
			unblock(set);
			CHECK_EQ(noted, 2);
			CHECK_EQ(notes[1].taker, getpid());
		}
		CHECK_EQ(pending_now(), 0);
	}
	CHECK_EQ(worker.returns, 0);
	finish(&worker);
}

static int has_mask(void *expected)
{
	CHECK_EQ(mask_now(), *(uint64_t *)expected);
	CHECK_EQ(pending_now(), 0);
	set_mask(~0ULL);
	return 0;
}

/* A new thread has its maker's mask, and none of the signals pending for its maker alone. */
TIMED_TEST(masks_are_inherited)
{
	uint64_t set = BITS(SIGUSR1, SIGTERM, 64);

	set_mask(set);
	CHECK_EQ(tgkill_raw(getpid(), getpid(), SIGUSR1), 0);
	thread_join(THREAD(has_mask, &set));
	CHECK_EQ(mask_now(), set);
	CHECK_EQ(pending_now(), bit(SIGUSR1));
}

/* ---- nothing is lost ------------------------------------------------------------------------- */

enum { ROUNDS = 300 };

struct fickle {
	volatile int round, blocked, stop;
};

/* In each round blocks the signal when it is on its way, until another has taken it. */
static int blocks_at_the_last_moment(void *argument)
{
	struct fickle *fickle = argument;

	for (int round = 1; round <= ROUNDS; round++) {
		unblock(bit(SIGUSR1));
		word_set(&fickle->blocked, round);
		while (word_of(&fickle->round) < round)
			;
		block(bit(SIGUSR1));
		await_notes(round);
	}
	return 0;
}

TIMED_TEST(a_thread_that_blocks_after_all)
{
	struct worker other = { .how = PAUSES };
	struct fickle fickle = { 0 };
	int by_other = 0;

	install(SIGUSR1, note_signal, SA_SIGINFO | SA_RESTART);
	block(bit(SIGUSR1));
	start(&other);
	struct thread *thread = THREAD(blocks_at_the_last_moment, &fickle);
	for (int round = 1; round <= ROUNDS; round++) {
		word_await(&fickle.blocked, round);
		word_set(&fickle.round, round);
		send(SIGUSR1);
		await_notes(round);
		by_other += notes[round - 1].taker == other.thread->tid;
	}
	thread_join(thread);
	CHECK_EQ(noted, ROUNDS);
	DIAG("%d of %d were taken by the other thread", by_other, ROUNDS);
	finish(&other);
}

static int ends_when_told(void *argument)
{
	struct fickle *fickle = argument;

	word_add(&fickle->blocked, 1);
	while (!word_of(&fickle->stop))
		;
	return 0;
}

/* A signal that was aimed at a thread which ends is for the others. */
TIMED_TEST(a_thread_that_ends_after_all)
{
	struct worker other = { .how = PAUSES };
	int by_other = 0;

	install(SIGUSR1, note_signal, SA_SIGINFO | SA_RESTART);
	start(&other);
	for (int round = 1; round <= ROUNDS; round++) {
		struct fickle fickle = { 0 };
		struct thread *thread = THREAD(ends_when_told, &fickle);

		word_await(&fickle.blocked, 1);
		block(bit(SIGUSR1));
		word_set(&fickle.stop, 1);
		send(SIGUSR1);
		await_notes(round);
		by_other += notes[round - 1].taker == other.thread->tid;
		thread_join(thread);
		unblock(bit(SIGUSR1));
	}
	CHECK_EQ(noted, ROUNDS);
	DIAG("%d of %d were taken by the other thread", by_other, ROUNDS);
	finish(&other);
}

enum { TAKERS = 4, QUEUED = 400 };

static volatile int taken[QUEUED], taken_count;

static int takes_queued(void *unused)
{
	siginfo_t info;

	(void)unused;
	for (;;) {
		long sig = wait_for_signal(bit(FIRST_FREE), &info, NULL);
		if (sig < 0 && errno == EINTR)
			continue; /* it was woken for a signal that another took */
		CHECK_EQ(sig, FIRST_FREE);
		if (info.si_value.sival_int < 0)
			return 0;
		CHECK_EQ(__atomic_fetch_add(&taken[info.si_value.sival_int], 1, __ATOMIC_SEQ_CST),
			 0);
		word_add(&taken_count, 1);
	}
}

static void queue_signal(int sig, int value)
{
	/* a user's queue of signals has a limit, which the takers make room in */
	while (sigqueue(getpid(), sig, (union sigval){ .sival_int = value }) < 0) {
		CHECK_EQ(errno, EAGAIN);
		pause_briefly();
	}
}

/* Of several who wait for queued signals, each signal is taken by one. */
TIMED_TEST(queued_signals_are_taken_once)
{
	struct thread *threads[TAKERS];

	block(bit(FIRST_FREE));
	for (int i = 0; i < TAKERS; i++)
		threads[i] = THREAD(takes_queued, NULL);
	for (int i = 0; i < QUEUED; i++)
		queue_signal(FIRST_FREE, i);
	word_await(&taken_count, QUEUED);
	for (int i = 0; i < QUEUED; i++)
		CHECK_EQ(taken[i], 1);
	for (int i = 0; i < TAKERS; i++)
		queue_signal(FIRST_FREE, -1);
	for (int i = 0; i < TAKERS; i++)
		thread_join(threads[i]);
	CHECK_EQ(pending_now(), 0);
}

/* The same with handlers in threads that do not block it. */
TIMED_TEST(queued_signals_are_handled_once)
{
	struct worker workers[TAKERS];

	install(FIRST_FREE, note_signal, SA_SIGINFO);
	block(bit(FIRST_FREE));
	for (int i = 0; i < TAKERS; i++) {
		workers[i] = (struct worker){ .how = i % 2 ? RUNS : PAUSES };
		start(&workers[i]);
	}
	for (int i = 0; i < QUEUED; i++)
		queue_signal(FIRST_FREE, i);
	await_notes(QUEUED);
	for (int i = 0; i < QUEUED; i++) {
		CHECK(notes[i].taker != getpid());
		CHECK_EQ(notes[i].code, SI_QUEUE);
		CHECK_EQ(taken[notes[i].value]++, 0);
	}
	for (int i = 0; i < TAKERS; i++)
		finish(&workers[i]);
	CHECK_EQ(noted, QUEUED);
}

/* ---- what ends all of them ------------------------------------------------------------------- */

TIMED_TEST(a_fatal_signal_ends_all)
{
	static const int signals[] = { SIGTERM, SIGKILL, SIGUSR1, SIGQUIT, SIGABRT, SIGALRM, 50 };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		for (int directed = 0; directed < 3; directed++) {
			struct gate gate = gate_new();
			volatile pid_t *tid = shared_memory(4096);
			CONTEXT("signal %d, sent in way %d", signals[i], directed);
			pid_t pid = FORK();
			if (pid == 0) {
				THREAD(thread_runs, NULL);
				*tid = THREAD(thread_sleeps, NULL)->tid;
				gate_open(gate, 1);
				if (directed == 2) /* the leader need not be there */
					exit_thread(0);
				thread_sleeps(NULL);
			}
			gate_pass(gate);
			if (directed)
				CHECK_EQ(tgkill_raw(pid, *tid, signals[i]), 0);
			else
				CHECK_EQ(kill(pid, signals[i]), 0);
			CHECK_SIGNAL(pid, signals[i]);
			gate_free(gate);
			CHECK_EQ(munmap((void *)tid, 4096), 0);
		}
}

/* A fault is its thread's own: others that could take the signal do not. */
static char *fault_page;

static void repairs(int sig, siginfo_t *info, void *context)
{
	note_signal(sig, info, context);
	CHECK_EQ(mprotect((void *)((uintptr_t)info->si_addr & ~4095ul), 4096,
			  PROT_READ | PROT_WRITE),
		 0);
}

static int faults(void *argument)
{
	char *page = argument;

	page[77] = 1;
	return 0;
}

TIMED_TEST(a_fault_is_its_threads)
{
	enum { FAULTERS = 8 };
	struct worker other = { .how = PAUSES };
	struct thread *threads[FAULTERS];

	install(SIGSEGV, repairs, SA_SIGINFO);
	start(&other);
	fault_page = mmap(NULL, FAULTERS * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < FAULTERS; i++)
		threads[i] = THREAD(faults, fault_page + i * 4096);
	await_notes(FAULTERS);
	for (int i = 0; i < FAULTERS; i++) {
		int found = 0;
		for (int n = 0; n < FAULTERS; n++)
			found += notes[n].taker == threads[i]->tid;
		CHECK_EQ(found, 1);
		CHECK_EQ(notes[i].code, SEGV_ACCERR);
	}
	for (int i = 0; i < FAULTERS; i++)
		thread_join(threads[i]);
	CHECK_EQ(other.returns, 0);
	finish(&other);
}

static int faults_blocked(void *unused)
{
	(void)unused;
	block(bit(SIGSEGV));
	int *volatile nowhere = BAD_POINTER;
	*nowhere = 1;
	return 0;
}

TIMED_TEST(a_blocked_fault_ends_all)
{
	pid_t pid = FORK();

	if (pid == 0) {
		install(SIGSEGV, note_signal, SA_SIGINFO);
		THREAD(thread_runs, NULL);
		THREAD(faults_blocked, NULL);
		thread_sleeps(NULL);
	}
	CHECK_SIGNAL(pid, SIGSEGV);
}

static int writes_into_the_void(void *gate)
{
	CHECK_ERRNO(write(((struct gate *)gate)->in, "x", 1), EPIPE);
	return 0;
}

TIMED_TEST(a_broken_pipe_is_its_writers)
{
	struct worker other = { .how = PAUSES };
	struct gate gate = gate_new();

	install(SIGPIPE, note_signal, SA_SIGINFO);
	start(&other);
	CHECK_EQ(close(gate.out), 0);
	struct thread *thread = THREAD(writes_into_the_void, &gate);
	pid_t tid = thread->tid;
	thread_join(thread);
	CHECK_EQ(noted, 1);
	CHECK_EQ(notes[0].taker, tid);
	CHECK_EQ(close(gate.in), 0);
	finish(&other);
}

/* ---- what interrupts one of them ------------------------------------------------------------- */

TIMED_TEST(only_the_taker_is_interrupted)
{
	struct worker workers[4];

	install(SIGUSR1, note_signal, SA_SIGINFO);
	install(SIGUSR2, note_signal, SA_SIGINFO | SA_RESTART);
	block(BITS(SIGUSR1, SIGUSR2));
	for (int i = 0; i < 4; i++) {
		workers[i] = (struct worker){ .how = i % 2 ? READS : PAUSES };
		start(&workers[i]);
	}
	for (int i = 1; i <= 40; i++) {
		int returns = 0;
		send(SIGUSR1);
		await_notes(i);
		for (int w = 0; w < 4; w++)
			if (workers[w].thread->tid == notes[i - 1].taker)
				while (word_of(&workers[w].returns) == 0)
					pause_briefly();
		for (int w = 0; w < 4; w++) {
			if (workers[w].returns)
				CHECK_EQ(workers[w].error, EINTR);
			returns += workers[w].returns;
			workers[w].returns = 0;
			await_thread_state(getpid(), workers[w].thread->tid, 'S');
		}
		CHECK_EQ(returns, 1);
	}
	/* a restarted read does not return at all */
	CHECK_EQ(tgkill_raw(getpid(), workers[1].thread->tid, SIGUSR2), 0);
	await_notes(41);
	await_thread_state(getpid(), workers[1].thread->tid, 'S');
	CHECK_EQ(workers[1].returns, 0);
	for (int i = 0; i < 4; i++)
		finish(&workers[i]);
}

static int suspends(void *argument)
{
	struct worker *worker = argument;

	block(BITS(SIGUSR1, SIGUSR2));
	word_set(&worker->ready, 1);
	CHECK_EQ(suspend(worker->mask), -1);
	worker->error = errno;
	CHECK_EQ(mask_now(), BITS(SIGUSR1, SIGUSR2));
	word_set(&worker->returns, 1);
	return 0;
}

/* Two wait for different signals, each with a mask for the time: each gets its own. */
TIMED_TEST(sigsuspend_in_two_threads)
{
	struct worker one = { .mask = bit(SIGUSR2) }, two = { .mask = bit(SIGUSR1) };

	install(SIGUSR1, note_signal, SA_SIGINFO);
	install(SIGUSR2, note_signal, SA_SIGINFO);
	block(BITS(SIGUSR1, SIGUSR2));
	one.thread = THREAD(suspends, &one);
	two.thread = THREAD(suspends, &two);
	await_thread_state(getpid(), one.thread->tid, 'S');
	await_thread_state(getpid(), two.thread->tid, 'S');
	word_await(&one.ready, 1);
	word_await(&two.ready, 1);
	send(SIGUSR2);
	word_await(&two.returns, 1);
	CHECK_EQ(notes[0].taker, two.thread->tid);
	CHECK_EQ(one.returns, 0);
	send(SIGUSR1);
	word_await(&one.returns, 1);
	CHECK_EQ(notes[1].taker, one.thread->tid);
	CHECK_EQ(one.error, EINTR);
	CHECK_EQ(two.error, EINTR);
	thread_join(one.thread);
	thread_join(two.thread);
}

/* SIGCHLD is a signal to the process like others. */
TIMED_TEST(sigchld_finds_its_thread)
{
	struct worker worker = { .how = PAUSES };

	install(SIGCHLD, note_signal, SA_SIGINFO);
	block(bit(SIGCHLD));
	start(&worker);
	for (int i = 0; i < 20; i++) {
		pid_t pid = FORK();
		if (pid == 0)
			_exit(i);
		await_notes(i + 1);
		CHECK_EQ(notes[i].taker, worker.thread->tid);
		CHECK_EQ(notes[i].code, CLD_EXITED);
		CHECK_EQ(notes[i].sender, pid);
		CHECK_EXIT(pid, i);
	}
	finish(&worker);
}

/* ---- actions concern all --------------------------------------------------------------------- */

/* Ignoring a signal takes it away from every thread it is pending for. */
TIMED_TEST(ignoring_discards_everywhere)
{
	struct worker worker = { .mask = BITS(SIGUSR1, SIGUSR2), .how = WAITS_FOR_WORD };

	block(BITS(SIGUSR1, SIGUSR2));
	start(&worker);
	pid_t tid = worker.thread->tid;
	CHECK_EQ(tgkill_raw(getpid(), tid, SIGUSR1), 0);
	CHECK_EQ(tgkill_raw(getpid(), tid, SIGUSR2), 0);
	CHECK_EQ(tgkill_raw(getpid(), getpid(), SIGUSR1), 0);
	send(SIGUSR1);
	install(SIGUSR1, SIG_IGN, 0);
	CHECK(!pending_in(tid, "SigPnd", SIGUSR1));
	CHECK(!pending_in(tid, "ShdPnd", SIGUSR1));
	CHECK(pending_in(tid, "SigPnd", SIGUSR2));
	CHECK_EQ(pending_now(), 0);
	finish(&worker);
}

/* SIGCONT takes pending stop signals away, and they take it, wherever they are pending. */
TIMED_TEST(stop_and_continue_discard_each_other)
{
	uint64_t set = BITS(SIGTSTP, SIGCONT);
	struct worker worker = { .mask = set, .how = WAITS_FOR_WORD };

	block(set);
	start(&worker);
	pid_t tid = worker.thread->tid;
	CHECK_EQ(tgkill_raw(getpid(), tid, SIGTSTP), 0);
	CHECK_EQ(tgkill_raw(getpid(), getpid(), SIGTSTP), 0);
	send(SIGTSTP);
	CHECK(pending_in(tid, "SigPnd", SIGTSTP));
	install(SIGCONT, note_signal, SA_SIGINFO);
	CHECK_EQ(tgkill_raw(getpid(), tid, SIGCONT), 0);
	CHECK(!pending_in(tid, "SigPnd", SIGTSTP));
	CHECK(pending_in(tid, "SigPnd", SIGCONT));
	CHECK_EQ(pending_now(), 0);
	CHECK_EQ(tgkill_raw(getpid(), getpid(), SIGTSTP), 0);
	CHECK(!pending_in(tid, "SigPnd", SIGCONT));
	CHECK_EQ(pending_now(), bit(SIGTSTP));
	install(SIGTSTP, SIG_IGN, 0);
	finish(&worker);
}

/* ---- stopping and continuing ----------------------------------------------------------------- */

static volatile int *beats; /* of each thread, in memory that the test shares with its child */

static int beats_on(void *beat)
{
	for (;;)
		++*(volatile int *)beat;
	return 0;
}

/* Are all threads in the state? Counts them. */
static bool all_in_state(pid_t pid, char state, int *count)
{
	char path[64];
	bool all = true;

	*count = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *task = opendir(path);
	CHECK(task != NULL);
	for (struct dirent *entry; (entry = readdir(task));)
		if (entry->d_name[0] != '.') {
			all &= thread_state(pid, atoi(entry->d_name)) == state;
			++*count;
		}
	closedir(task);
	return all;
}

static void check_one_event(pid_t pid, int options, int code, int status)
{
	siginfo_t info = { 0 };

	CHECK_EQ(wait_for_signal(bit(SIGCHLD), &info, NULL), SIGCHLD);
	CHECK_EQ(info.si_code, code);
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_status, status);
	memset(&info, 0, sizeof(info));
	CHECK_EQ(waitid(P_PID, (id_t)pid, &info, options), 0);
	CHECK_EQ(info.si_code, code);
	info.si_pid = 0;
	CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WCONTINUED | WEXITED | WNOHANG), 0);
	CHECK_EQ(info.si_pid, 0);
	CHECK_EQ(pending_now() & bit(SIGCHLD), 0);
}

TIMED_TEST(stopping_and_continuing_all)
{
	enum { RUNNERS = 3, SLEEPERS_AND_LEADER = 12 };
	volatile pid_t *tid = shared_memory(4096);
	struct gate gate = gate_new();
	int count;

	beats = shared_memory(4096);
	block(bit(SIGCHLD));
	pid_t pid = FORK();
	if (pid == 0) {
		unblock(bit(SIGCHLD));
		for (int i = 0; i < RUNNERS; i++)
			*tid = THREAD(beats_on, (void *)&beats[i])->tid;
		for (int i = 1; i < SLEEPERS_AND_LEADER; i++)
			THREAD(i % 2 ? thread_sleeps : thread_awaits_word, NULL);
		gate_open(gate, 1);
		thread_sleeps(NULL);
	}
	gate_pass(gate);
	for (int round = 0; round < 12; round++) {
		int sig = round % 3 ? SIGSTOP : SIGTSTP;
		CONTEXT("round %d", round);
		if (round % 2)
			CHECK_EQ(tgkill_raw(pid, *tid, sig), 0);
		else
			CHECK_EQ(kill(pid, sig), 0);
		check_one_event(pid, WSTOPPED, CLD_STOPPED, sig);
		CHECK(all_in_state(pid, 'T', &count));
		CHECK_EQ(count, RUNNERS + SLEEPERS_AND_LEADER);
		int before[RUNNERS];
		for (int i = 0; i < RUNNERS; i++)
			before[i] = beats[i];
		for (int i = 0; i < 5; i++)
			pause_briefly();
		for (int i = 0; i < RUNNERS; i++)
			CHECK_EQ(beats[i], before[i]);
		CHECK_EQ(kill(pid, SIGSTOP), 0); /* once more changes nothing */
		if (round % 2)
			CHECK_EQ(kill(pid, SIGCONT), 0);
		else
			CHECK_EQ(tgkill_raw(pid, *tid, SIGCONT), 0);
		check_one_event(pid, WCONTINUED, CLD_CONTINUED, SIGCONT);
		for (int i = 0; i < RUNNERS; i++)
			while (beats[i] == before[i])
				pause_briefly();
		await_state(pid, 'S');
	}
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	check_one_event(pid, WSTOPPED, CLD_STOPPED, SIGSTOP);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
	gate_free(gate);
}

/* A thread in vfork(2) does not stop, so neither does its process; but the others do, and when they
 * are continued, it is as if it had. The signal to the parent tells of both, the wait of the
 * later. */
TIMED_TEST(continued_before_it_has_stopped)
{
	struct gate gate = gate_new();
	siginfo_t info = { 0 };
	int status;

	block(bit(SIGCHLD));
	pid_t pid = FORK();
	if (pid == 0) {
		pid_t tid = THREAD(thread_vforks, NULL)->tid;
		while (thread_state(getpid(), tid) != 'D')
			pause_briefly();
		gate_open(gate, 1);
		thread_sleeps(NULL);
	}
	gate_pass(gate);
	for (int round = 0; round < 5; round++) {
		await_state(pid, 'S');
		CHECK_EQ(kill(pid, SIGSTOP), 0);
		await_state(pid, 'T');
		CHECK_EQ(waitpid(pid, &status, WUNTRACED | WCONTINUED | WNOHANG), 0);
		CHECK_EQ(pending_now() & bit(SIGCHLD), 0);
		CHECK_EQ(kill(pid, SIGCONT), 0);
		CHECK_EQ(wait_for_signal(bit(SIGCHLD), &info, NULL), SIGCHLD);
		CHECK_EQ(info.si_code, CLD_STOPPED);
		CHECK_EQ(info.si_pid, pid);
		CHECK_EQ(info.si_status, 0);
		CHECK_EQ(waitpid(pid, &status, WUNTRACED | WCONTINUED), pid);
		CHECK(WIFCONTINUED(status));
	}
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
	gate_free(gate);
}

static int breeds(void *unused)
{
	(void)unused;
	for (;;) {
		struct thread *thread = thread_try(THREAD_FLAGS, has_mask, &(uint64_t){ 0 });
		if (thread)
			thread_join(thread);
		word_add(beats, 1);
	}
	return 0;
}

/* Threads that come and go while the process stops are stopped with it, or were never made. */
TIMED_TEST(stopping_while_threads_come_and_go)
{
	int status, count;

	beats = shared_memory(4096);
	pid_t pid = FORK();
	if (pid == 0) {
		THREAD(breeds, NULL);
		THREAD(breeds, NULL);
		breeds(NULL);
	}
	for (int round = 0; round < 40; round++) {
		int seen = word_of(beats);
		while (word_of(beats) == seen)
			pause_briefly();
		CHECK_EQ(kill(pid, SIGSTOP), 0);
		CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
		CHECK(WIFSTOPPED(status));
		int before = word_of(beats);
		pause_briefly();
		CHECK_EQ(word_of(beats), before);
		while (!all_in_state(pid, 'T', &count)) /* no stop waits for one that is ending */
			pause_briefly();
		CHECK_EQ(kill(pid, SIGCONT), 0);
		CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
	}
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
}

/* ---- signal stacks --------------------------------------------------------------------------- */

struct on_stack {
	char stack[32768];
	volatile uintptr_t at;
	bool has_one;
};

static volatile uintptr_t handler_at[2];

static void notes_its_stack(int sig, siginfo_t *info, void *context)
{
	volatile char here = 0;

	(void)sig;
	(void)context;
	handler_at[info->si_value.sival_int] = (uintptr_t)&here;
}

static void check_stack(int which, const struct on_stack *its)
{
	uintptr_t low = (uintptr_t)its->stack;

	CHECK(handler_at[which] != 0);
	CHECK_EQ(handler_at[which] >= low && handler_at[which] < low + sizeof(its->stack),
		 its->has_one);
}

static void signal_itself(int value)
{
	siginfo_t info = { .si_signo = SIGUSR1, .si_code = SI_QUEUE };

	info.si_pid = getpid();
	info.si_value.sival_int = value;
	CHECK_EQ(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid_raw(), SIGUSR1, &info), 0);
}

static int runs_on_its_stack(void *argument)
{
	struct on_stack *its = argument;
	stack_t now, mine = { .ss_sp = its->stack, .ss_size = sizeof(its->stack) };

	CHECK_EQ(sigaltstack(NULL, &now), 0);
	CHECK_EQ(now.ss_flags, SS_DISABLE);
	if (its->has_one)
		CHECK_EQ(sigaltstack(&mine, NULL), 0);
	signal_itself(1);
	check_stack(1, its);
	return 0;
}

TIMED_TEST(each_has_its_signal_stack)
{
	static struct on_stack main_stack = { .has_one = true }, with = { .has_one = true },
			       without;
	stack_t mine = { .ss_sp = main_stack.stack, .ss_size = sizeof(main_stack.stack) };

	install(SIGUSR1, notes_its_stack, SA_SIGINFO | SA_ONSTACK);
	CHECK_EQ(sigaltstack(&mine, NULL), 0);
	thread_join(THREAD(runs_on_its_stack, &with));
	thread_join(THREAD(runs_on_its_stack, &without));
	signal_itself(0);
	check_stack(0, &main_stack);
}

/* ---- timers ---------------------------------------------------------------------------------- */

static int sets_alarm(void *unused)
{
	(void)unused;
	CHECK_EQ(alarm(1000), 0);
	return 0;
}

/* In a child, because the alarm of this process is taken. */
TIMED_TEST(alarms_are_the_processes)
{
	pid_t pid = FORK();

	if (pid == 0) {
		struct worker worker = { .how = PAUSES };
		struct itimerval soon = { .it_value = { .tv_usec = 20000 } }, left;

		thread_join(THREAD(sets_alarm, NULL));
		CHECK_EQ(getitimer(ITIMER_REAL, &left), 0);
		CHECK(left.it_value.tv_sec > 900);
		install(SIGALRM, note_signal, SA_SIGINFO);
		block(bit(SIGALRM));
		start(&worker);
		CHECK_EQ(setitimer(ITIMER_REAL, &soon, NULL), 0);
		await_notes(1);
		CHECK_EQ(notes[0].taker, worker.thread->tid);
		finish(&worker);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
}

/* ITIMER_VIRTUAL counts what all threads compute. */
TIMED_TEST(a_timer_of_the_processes_cpu_time)
{
	struct worker worker = { .mask = bit(SIGVTALRM), .how = RUNS };
	struct itimerval soon = { .it_value = { .tv_usec = 30000 } };

	install(SIGVTALRM, note_signal, SA_SIGINFO);
	start(&worker);
	CHECK_EQ(setitimer(ITIMER_VIRTUAL, &soon, NULL), 0);
	while (word_of(&noted) == 0)
		syscall(SYS_pause);
	CHECK_EQ(notes[0].taker, getpid());
	finish(&worker);
}

#ifndef SIGEV_THREAD_ID
#define SIGEV_THREAD_ID 4
#endif

/* The kernel's struct sigevent: the C library's has no name for the thread. */
struct kernel_sigevent {
	union sigval value;
	int signo, notify, tid, unused[11];
};

static long timer_new(int clock, int notify, pid_t tid, int *timer)
{
	struct kernel_sigevent event = {
		.value.sival_int = 99, .signo = SIGUSR1, .notify = notify, .tid = tid
	};

	return syscall(SYS_timer_create, clock, &event, timer);
}

TIMED_TEST(a_timer_for_a_thread)
{
	struct worker workers[2] = { { .how = PAUSES }, { .how = PAUSES } };
	struct itimerspec soon = { .it_value = { 0, 1000000 } };
	int timer, count = 0;

	install(SIGUSR1, note_signal, SA_SIGINFO);
	for (int i = 0; i < 2; i++)
		start(&workers[i]);
	for (int round = 0; round < 10; round++) {
		pid_t tid = workers[round % 2].thread->tid;
		CHECK_EQ(timer_new(CLOCK_MONOTONIC, SIGEV_THREAD_ID, tid, &timer), 0);
		CHECK_EQ(syscall(SYS_timer_settime, timer, 0, &soon, NULL), 0);
		await_notes(++count);
		CHECK_EQ(notes[count - 1].taker, tid);
		CHECK_EQ(notes[count - 1].code, SI_TIMER);
		CHECK_EQ(notes[count - 1].value, 99);
		CHECK_EQ(syscall(SYS_timer_delete, timer), 0);
	}
	CHECK_ERRNO(timer_new(CLOCK_MONOTONIC, SIGEV_THREAD_ID, getppid(), &timer), EINVAL);
	CHECK_ERRNO(timer_new(CLOCK_MONOTONIC, SIGEV_THREAD_ID, 0, &timer), EINVAL);
	CHECK_ERRNO(timer_new(CLOCK_MONOTONIC, SIGEV_THREAD_ID, -1, &timer), EINVAL);
	for (int i = 0; i < 2; i++)
		finish(&workers[i]);
}

static int makes_timer(void *timer)
{
	CHECK_EQ(timer_new(CLOCK_MONOTONIC, SIGEV_SIGNAL, 0, timer), 0);
	return 0;
}

/* Timers outlive the thread that made them, and serve every thread. */
TIMED_TEST(timers_are_the_processes)
{
	struct itimerspec soon = { .it_value = { 0, 1000000 } };
	int timer;

	install(SIGUSR1, note_signal, SA_SIGINFO);
	thread_join(THREAD(makes_timer, &timer));
	CHECK_EQ(syscall(SYS_timer_settime, timer, 0, &soon, NULL), 0);
	while (word_of(&noted) == 0)
		pause_briefly();
	CHECK_EQ(notes[0].taker, getpid());
	CHECK_EQ(syscall(SYS_timer_delete, timer), 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
