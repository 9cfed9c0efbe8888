/*
 * Descriptors over execve: those without FD_CLOEXEC stay, with number, offset and flags; those with
 * it are closed, however they got it, also when only the exec'd program's parent notices (a pipe's
 * last writer). A failed execve closes nothing. The program executes itself with arguments that say
 * which descriptors must be open. Sources: execve(2), fcntl(2), POSIX exec.
 */
#include "paths.h"

/*
 * Executes this program again as "expect LIST", where LIST is descriptors: "5" open, "-6" closed.
 */
static pid_t spawn_expecting(const char *list)
{
	pid_t child = FORK();

	if (child == 0) {
		execl(self_path(), "file_cloexec", "expect", list, (char *)NULL);
		_exit(126);
	}
	return child;
}

/* The executed program: 0 if every descriptor of the list is as it says. */
static int expect(char *list)
{
	for (char *item = strtok(list, ","); item; item = strtok(NULL, ",")) {
		int number = atoi(item), open = fcntl(abs(number), F_GETFD) == 0;

		if (open != (number > 0)) {
			DIAG("after execve %d is %s", abs(number), open ? "open" : "closed");
			return 1;
		}
	}
	return 0;
}

SCRATCH_TEST(the_flag_decides)
{
	touch("f");
	CHECK_EQ(dup3(open("f", O_RDONLY), 60, 0), 60);
	CHECK_EQ(dup3(60, 61, O_CLOEXEC), 61);
	CHECK_EQ(dup2(60, 62), 62);
	CHECK_EQ(fcntl(62, F_SETFD, FD_CLOEXEC), 0);
	CHECK_EQ(dup2(61, 63), 63);
	CHECK_EQ(fcntl(60, F_DUPFD_CLOEXEC, 64), 64);
	CHECK_EQ(dup3(60, 65, O_CLOEXEC), 65);
	CHECK_EQ(fcntl(65, F_SETFD, 0), 0);
	CHECK_EXIT(spawn_expecting("60,-61,-62,63,-64,65"), 0);
	CHECK_EQ(fcntl(61, F_GETFD), FD_CLOEXEC);	/* here nothing was closed */
}

SCRATCH_TEST(open_and_pipe_set_it)
{
	int fd[2], file = open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	char list[64];

	CHECK_EQ(pipe2(fd, O_CLOEXEC), 0);
	snprintf(list, sizeof(list), "-%d,-%d,-%d,1", file, fd[0], fd[1]);
	CHECK_EXIT(spawn_expecting(list), 0);
}

TEST(standard_descriptors_too)
{
	pid_t child = FORK();

	if (child == 0) {
		CHECK_EQ(fcntl(0, F_SETFD, FD_CLOEXEC), 0);
		execl(self_path(), "file_cloexec", "expect", "1,-200", (char *)NULL);
		_exit(126);
	}
	CHECK_EXIT(child, 0);
}

TEST(many_with_high_numbers)
{
	static char list[4096];
	size_t used = 0;

	for (int fd = 100; fd < 500; fd += 7) {
		int closes = fd % 2;
		CHECK_EQ(dup3(1, fd, closes ? O_CLOEXEC : 0), fd);
		used += snprintf(list + used, sizeof(list) - used, "%s%d,", closes ? "-" : "", fd);
	}
	CHECK_EXIT(spawn_expecting(list), 0);
}

TEST(a_pipe_ends_at_execve)
{
	int fd[2], hold[2];
	char c;

	CHECK_EQ(pipe2(fd, O_CLOEXEC), 0);
	CHECK_EQ(pipe(hold), 0);
	pid_t child = FORK();
	if (child == 0) {
		char number[16];
		close(hold[1]);
		snprintf(number, sizeof(number), "%d", hold[0]);
		execl(self_path(), "file_cloexec", "wait", number, (char *)NULL);
		_exit(126);
	}
	close(fd[1]);
	CHECK_EQ(read(fd[0], &c, 1), 0);	/* the child lives, but its writer was closed */
	CHECK_EQ(waitpid(child, NULL, WNOHANG), 0);
	close(hold[1]);
	CHECK_EXIT(child, 0);
}

SCRATCH_TEST(a_failed_execve_closes_nothing)
{
	int fd = open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	CHECK_ERRNO(execl("missing", "missing", (char *)NULL), ENOENT);
	CHECK_ERRNO(execl("f", "f", (char *)NULL), EACCES);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(write(fd, "x", 1), 1);
}

SCRATCH_TEST(offset_and_description_are_shared_over_execve)
{
	int fd = make_file("f", "abcdef");
	char number[16], c;

	CHECK_EQ(read(fd, &c, 1), 1);
	snprintf(number, sizeof(number), "%d", fd);
	pid_t child = FORK();
	if (child == 0) {
		execl(self_path(), "file_cloexec", "read", number, (char *)NULL);
		_exit(126);
	}
	CHECK_EXIT(child, 'b');
	CHECK_EQ(read(fd, &c, 1), 1);
	CHECK_EQ(c, 'c');
}

int main(int argc, char **argv)
{
	char c = 0;

	if (argc == 3 && !strcmp(argv[1], "expect"))
		return expect(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "wait"))
		return read(atoi(argv[2]), &c, 1) != 0;
	if (argc == 3 && !strcmp(argv[1], "read"))
		return read(atoi(argv[2]), &c, 1) == 1 ? c : 1;
	return ktap_main(argc, argv);
}
