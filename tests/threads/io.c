/* stdio, malloc and files from many threads; asynchronous input and output; timers' threads. */
#include "say.h"
#include <aio.h>
#include <fcntl.h>
#include <stddef.h>

enum { THREADS = 8, LINES = 400 };

static FILE *file;

static void *prints(void *number)
{
	for (int i = 0; i < LINES; i++)
		fprintf(file, "thread %d has line %d of %d, and it is whole.\n",
			(int)(intptr_t)number, i, LINES);
	return NULL;
}

static void whole_lines(const char *what)
{
	int next[THREADS] = { 0 }, thread, line, all, end, right = 0;
	pthread_t threads[THREADS];
	char text[200];

	rewind(file);
	for (intptr_t i = 0; i < THREADS; i++)
		threads[i] = start(prints, (void *)i);
	for (int i = 0; i < THREADS; i++)
		join(threads[i]);
	fflush(file);
	rewind(file);
	while (fgets(text, sizeof(text), file)) {
		end = 0;
		sscanf(text, "thread %d has line %d of %d, and it is whole.\n%n", &thread, &line,
		       &all, &end);
		right += end && thread < THREADS && line == next[thread]++;
	}
	say("%s: %d lines, each whole and in its thread's order", what, right);
}

static void *allocates(void *seed)
{
	unsigned state = (unsigned)(uintptr_t)seed;
	struct block {
		size_t size;
		unsigned char bytes[];
	} * blocks[64] = { NULL };
	intptr_t wrong = 0;

	for (int i = 0; i < 4000; i++) {
		int at = rand_r(&state) % 64;
		struct block *block = blocks[at];

		for (size_t k = 0; block && k < block->size; k += 97)
			wrong += block->bytes[k] != (unsigned char)(at + (uintptr_t)seed);
		free(block);
		size_t size = rand_r(&state) % (i % 100 ? 3000 : 300000);
		block = malloc(sizeof(*block) + size);
		must(block ? 0 : errno, "malloc");
		block->size = size;
		memset(block->bytes, (int)(at + (uintptr_t)seed), size);
		blocks[at] = block;
	}
	for (int i = 0; i < 64; i++)
		free(blocks[i]);
	return (void *)wrong;
}

static void allocations(void)
{
	pthread_t threads[THREADS];
	intptr_t wrong = 0;

	for (uintptr_t i = 0; i < THREADS; i++)
		threads[i] = start(allocates, (void *)(i + 1));
	for (int i = 0; i < THREADS; i++)
		wrong += (intptr_t)join(threads[i]);
	say("malloc in %d threads: %ld bytes wrong", THREADS, (long)wrong);
}

static int notified;

static void on_completion(union sigval value)
{
	__atomic_add_fetch(&notified, value.sival_int, __ATOMIC_SEQ_CST);
}

static int settled(struct aiocb *request)
{
	const struct aiocb *list[] = { request };

	while (aio_error(request) == EINPROGRESS)
		aio_suspend(list, 1, NULL);
	return (int)aio_return(request);
}

static void asynchronous(void)
{
	char path[] = "/tmp/aioXXXXXX", text[4][16] = { "first", "second", "third", "fourth" };
	char back[4][16] = { "" };
	struct aiocb requests[4], *list[4];
	int fd = (int)done(mkstemp(path), "mkstemp"), ends[2];

	memset(requests, 0, sizeof(requests));
	for (int i = 0; i < 4; i++) {
		requests[i].aio_fildes = fd;
		requests[i].aio_buf = text[i];
		requests[i].aio_nbytes = 16;
		requests[i].aio_offset = i * 16;
		requests[i].aio_sigevent.sigev_notify = SIGEV_THREAD;
		requests[i].aio_sigevent.sigev_notify_function = on_completion;
		requests[i].aio_sigevent.sigev_value.sival_int = 1 << i;
		done(aio_write(&requests[i]), "aio_write");
	}
	for (int i = 0; i < 4; i++)
		say("aio_write: %d", settled(&requests[i]));
	await(&notified, 15);
	memset(requests, 0, sizeof(requests));
	for (int i = 0; i < 4; i++) {
		requests[i].aio_fildes = fd;
		requests[i].aio_buf = back[i];
		requests[i].aio_nbytes = 16;
		requests[i].aio_offset = i * 16;
		requests[i].aio_lio_opcode = LIO_READ;
		list[i] = &requests[i];
	}
	done(lio_listio(LIO_WAIT, list, 4, NULL), "lio_listio");
	say("lio_listio: %s %s %s %s", back[0], back[1], back[2], back[3]);
	done(unlink(path), "unlink");

	done(pipe(ends), "pipe");
	memset(&requests[0], 0, sizeof(requests[0]));
	requests[0].aio_fildes = ends[0];
	requests[0].aio_buf = back[0];
	requests[0].aio_nbytes = 16;
	done(aio_read(&requests[0]), "aio_read");
	say("aio_read of an empty pipe: %s", named(aio_error(&requests[0])));
	must(write(ends[1], "late", 5) == 5 ? 0 : errno, "write");
	say("then: %d, %s", settled(&requests[0]), back[0]);
}

static int expired;

static void on_expiry(union sigval value)
{
	__atomic_add_fetch(&expired, value.sival_int, __ATOMIC_SEQ_CST);
}

static void timers(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD,
				  .sigev_notify_function = on_expiry,
				  .sigev_value.sival_int = 3 };
	struct itimerspec soon = { .it_value.tv_nsec = 10000000 };
	timer_t timer;

	done(timer_create(CLOCK_MONOTONIC, &event, &timer), "timer_create");
	done(timer_settime(timer, 0, &soon, NULL), "timer_settime");
	await(&expired, 3);
	say("a timer has run a thread");
	soon.it_interval.tv_nsec = 5000000;
	done(timer_settime(timer, 0, &soon, NULL), "timer_settime");
	while (__atomic_load_n(&expired, __ATOMIC_SEQ_CST) < 12)
		sched_yield();
	done(timer_delete(timer), "timer_delete");
	say("and again and again");
}

int main(void)
{
	char buffer[100];

	file = tmpfile();
	must(file ? 0 : errno, "tmpfile");
	whole_lines("a full buffer");
	setvbuf(file, buffer, _IOLBF, sizeof(buffer));
	whole_lines("a small one");
	allocations();
	asynchronous();
	timers();
	return 0;
}
