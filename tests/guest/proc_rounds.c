/*
 * The rounds of life: 10,000 times fork, exec, exit, wait, a quarter of them by vfork, each with a
 * status of its own; and then the machine has as many free frames as it had after the first 100
 * rounds, but for what its caches hold. Sources: fork(2), execve(2), wait(2); nr_free_pages in
 * /proc/vmstat, proc(5).
 *
 * On Linux, whose free frames belong to everybody, fewer rounds are run and no frames counted.
 */
#include "proc.h"

enum {
	FIRST = 100,	/* rounds that fill the kernel's caches */
	ROUNDS = 10000, /* on mitos */
	ROUNDS_ELSEWHERE = 500,
	/*
	 * Frames that the caches may differ by: of each kind of object up to two empty slabs are
	 * kept, of up to eight frames, and the pids, which have gone on by 10,000, may lie on one
	 * page of the table more or fewer. The smallest object lost in each round would be 38.
	 */
	CACHES = 16,
};

static bool is_mitos(void)
{
	return access("/proc/audit", F_OK) == 0;
}

static long free_frames(void)
{
	static char text[16384];
	const char *line;

	CHECK(read_text("/proc/vmstat", text, sizeof(text)) > 0);
	line = strstr(text, "nr_free_pages ");
	CHECK(line != NULL);
	return atol(line + strlen("nr_free_pages "));
}

static pid_t start(bool by_vfork, char **argv)
{
	pid_t pid = by_vfork ? vfork() : fork();

	if (pid == 0) {
		execve(own_path, argv, environ);
		_exit(KTAP_FAILED);
	}
	return pid;
}

static void round_of_life(int number)
{
	int code = number % 100; /* not one of the harness */
	char text[16], *argv[] = { "proc_rounds", "exit", text, NULL };

	snprintf(text, sizeof(text), "%d", code);
	pid_t pid = start(number % 4 == 0, argv);
	CONTEXT("round %d", number);
	CHECK(pid > 0);
	CHECK_EXIT(pid, code);
}

TEST(leave_the_free_frames_where_they_were)
{
	int rounds = is_mitos() ? ROUNDS : ROUNDS_ELSEWHERE;
	long before, after;

	for (int i = 0; i < FIRST; i++)
		round_of_life(i);
	before = is_mitos() ? free_frames() : 0;
	for (int i = FIRST; i < rounds; i++)
		round_of_life(i);
	after = is_mitos() ? free_frames() : 0;
	DIAG("%d rounds: %ld frames free before, %ld after", rounds, before, after);
	CHECK(labs(after - before) <= CACHES);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "exit"))
		return atoi(argv[2]);
	return ktap_main(argc, argv);
}
