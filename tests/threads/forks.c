/* fork in a program with threads: atfork, who lives in the child, and a child that goes on. */
#include "say.h"

enum { THREADS = 4, FORKS = 25 };

static char order[4096];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int over;

#define NOTE(name)                                                                                 \
	static void name(void)                                                                     \
	{                                                                                          \
		strcat(order, " " #name);                                                          \
	}
NOTE(prepare1)
NOTE(parent1)
NOTE(child1)
NOTE(prepare2)
NOTE(parent2)
NOTE(child2)

static void lock(void)
{
	must(pthread_mutex_lock(&mutex), "lock");
}

static void unlock(void)
{
	must(pthread_mutex_unlock(&mutex), "unlock");
}

static void order_of_handlers(void)
{
	must(pthread_atfork(prepare1, parent1, child1), "atfork");
	must(pthread_atfork(prepare2, parent2, child2), "atfork");
	pid_t pid = done(fork(), "fork");
	if (pid == 0) {
		say("child:%s", order);
		_exit(0);
	}
	say_end("child", pid);
	say("parent:%s", order);
}

static void *busy(void *unused)
{
	while (!__atomic_load_n(&over, __ATOMIC_SEQ_CST)) {
		lock();
		free(malloc(100));
		unlock();
		free(malloc(200000));
	}
	return unused;
}

static void *counts(void *unused)
{
	(void)unused;
	return (void *)(intptr_t)thread_count();
}

/* The child's: it has one thread, and may have others again. */
static void child(void)
{
	int alone = thread_count();

	lock();
	unlock();
	free(malloc(1000));
	_exit(alone == 1 && (intptr_t)join(start(counts, NULL)) == 2 ? 7 : 8);
}

static void *forks(void *unused)
{
	int status;

	(void)unused;
	intptr_t right = 0;
	for (int i = 0; i < FORKS; i++) {
		pid_t pid = done(fork(), "fork");
		if (pid == 0)
			child();
		done(waitpid(pid, &status, 0), "waitpid");
		right += WIFEXITED(status) && WEXITSTATUS(status) == 7;
	}
	return (void *)right;
}

static void *self_id(void *unused)
{
	pid_t pid = done(fork(), "fork"), status;

	if (pid == 0)
		_exit(syscall(SYS_gettid) == getpid() && getppid() != 1);
	done(waitpid(pid, &status, 0), "waitpid");
	say("the thread that forked leads the child: %d", WEXITSTATUS(status));
	return unused;
}

int main(void)
{
	pthread_t threads[THREADS], forking[2];

	order_of_handlers();
	join(start(self_id, NULL));
	must(pthread_atfork(lock, unlock, unlock), "atfork");
	for (int i = 0; i < THREADS; i++)
		threads[i] = start(busy, NULL);
	for (size_t i = 0; i < COUNT(forking); i++)
		forking[i] = start(forks, NULL);
	for (size_t i = 0; i < COUNT(forking); i++)
		say("%ld of %d children were alone and well", (long)join(forking[i]), FORKS);
	set(&over, 1);
	for (int i = 0; i < THREADS; i++)
		join(threads[i]);
	return 0;
}
