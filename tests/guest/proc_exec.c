/*
 * execve: the new program gets exactly the argument and environment strings that were given, up to
 * Linux's limits; it keeps what belongs to the process (pid, files, signal mask, working directory,
 * limits, children) and loses what belonged to the old program (memory, heap, name, close-on-exec
 * descriptors). Every error leaves the old program running as if nothing had happened. Sources:
 * POSIX exec(), execve(2).
 *
 * The programs executed are this one again, which then takes another role: by its name in argv[0]
 * or by the variable ROLE in its environment. It reports on descriptor 50.
 */
#include "proc.h"
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { REPORT = 50 };

static char *const no_environment[] = { NULL };

/* ---- the roles ------------------------------------------------------------------------------- */

static void report(const void *bytes, size_t size)
{
	const char *from = bytes;

	for (ssize_t n; size > 0; from += n, size -= (size_t)n) {
		n = write(REPORT, from, size);
		CHECK(n > 0);
	}
}

/* Writes the number of arguments and then all arguments and variables, each with its final NUL. */
static int role_dump(int argc, char **argv)
{
	report(&argc, sizeof(argc));
	for (int i = 0; i < argc; i++)
		report(argv[i], strlen(argv[i]) + 1);
	CHECK(argv[argc] == NULL);
	for (char **variable = environ; *variable; variable++)
		report(*variable, strlen(*variable) + 1);
	return 0;
}

/* Writes the number of arguments, the number of variables and the length of all strings. */
static int role_count(int argc, char **argv)
{
	int64_t counts[3] = { argc, 0, 0 };

	for (int i = 0; i < argc; i++)
		counts[2] += (int64_t)strlen(argv[i]);
	for (char **variable = environ; *variable; variable++, counts[1]++)
		counts[2] += (int64_t)strlen(*variable);
	report(counts, sizeof(counts));
	return 0;
}

static int expected(const char *name)
{
	const char *value = getenv(name);

	CHECK(value != NULL);
	return atoi(value);
}

/* Checks that everything which belongs to the process came through. */
static int role_identity(int argc, char **argv)
{
	sigset_t mask, pending;
	struct sigaction action;
	struct rlimit limit;
	char cwd[PATH_MAX];

	(void)argc, (void)argv;
	CHECK_EQ(getpid(), expected("PID"));
	CHECK_EQ(gettid(), expected("PID"));
	CHECK_EQ(getppid(), expected("PPID"));
	CHECK_EQ(getpgid(0), expected("PGID"));
	CHECK_EQ(getsid(0), expected("SID"));
	CHECK_EQ(umask(0), 031);
	CHECK(getcwd(cwd, sizeof(cwd)) != NULL);
	CHECK_STR(cwd, "/tmp");
	CHECK_EQ(sigprocmask(SIG_SETMASK, NULL, &mask), 0);
	CHECK(sigismember(&mask, SIGUSR1) && sigismember(&mask, SIGUSR2));
	CHECK(!sigismember(&mask, SIGTERM));
	CHECK_EQ(sigpending(&pending), 0);
	CHECK(sigismember(&pending, SIGUSR2) && !sigismember(&pending, SIGUSR1));
	CHECK_EQ(sigaction(SIGHUP, NULL, &action), 0);
	CHECK(action.sa_handler == SIG_IGN);
	CHECK_EQ(sigaction(SIGINT, NULL, &action), 0);
	CHECK(action.sa_handler == SIG_DFL);
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK_EQ(limit.rlim_cur, 77);
	CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) >= 20000000);
	return 0;
}

static int role_reap(int argc, char **argv)
{
	int status;

	(void)argc, (void)argv;
	CHECK_EQ(waitpid(-1, &status, 0), expected("CHILD"));
	CHECK_EQ(status, 5 << 8);
	CHECK_ERRNO(waitpid(-1, &status, 0), ECHILD);
	return 0;
}

/* Checks that the old program's memory is gone: the kernel must refuse to read it. */
static int role_memory(int argc, char **argv)
{
	extern char __executable_start[], end[];
	char *mapping = (char *)strtoul(getenv("MAPPING"), NULL, 16);
	struct gate gate = gate_new();

	(void)argc, (void)argv;
	CHECK_ERRNO(write(gate.in, mapping, 1), EFAULT);
	char *in_old_heap = (char *)sbrk(0) - (40 << 20);
	if (in_old_heap < __executable_start || in_old_heap >= end)
		CHECK_ERRNO(write(gate.in, in_old_heap, 1), EFAULT);
	return 0;
}

/* Writes its name from /proc/self/stat and its command line. */
static int role_name(int argc, char **argv)
{
	char text[4096], name[64];

	(void)argc, (void)argv;
	CHECK(read_text("/proc/self/stat", text, sizeof(text)) > 0);
	char *open = strchr(text, '('), *close = strrchr(text, ')');
	CHECK(open != NULL && close != NULL);
	*close = '\0';
	status_line(getpid(), "Name", name, sizeof(name));
	CHECK_STR(name, open + 1);
	CHECK_EQ(prctl(PR_GET_NAME, name), 0);
	CHECK_STR(name, open + 1);
	report(name, strlen(name) + 1);
	ssize_t length = read_text("/proc/self/cmdline", text, sizeof(text));
	CHECK(length > 0);
	report(text, (size_t)length);
	return 0;
}

/* Checks which of the descriptors 10 to 13 are open. */
static int role_files(int argc, char **argv)
{
	(void)argc, (void)argv;
	CHECK_EQ(fcntl(10, F_GETFD), 0);
	CHECK_ERRNO(fcntl(11, F_GETFD), EBADF);
	CHECK_EQ(fcntl(12, F_GETFD), 0);
	CHECK_ERRNO(fcntl(13, F_GETFD), EBADF);
	return 0;
}

/* Executes itself as often as argv[1] says. */
static int role_chain(int argc, char **argv)
{
	char next[16], *arguments[] = { "chain", next, NULL };

	CHECK_EQ(argc, 2);
	CHECK_EQ(getpid(), expected("PID"));
	snprintf(next, sizeof(next), "%d", atoi(argv[1]) - 1);
	if (atoi(argv[1]) > 0)
		execve(own_path, arguments, environ);
	return atoi(argv[1]) == 0 ? 41 : KTAP_FAILED;
}

static const struct role {
	const char *name;
	int (*play)(int argc, char **argv);
} roles[] = {
	{ "dump", role_dump },	 { "count", role_count },   { "identity", role_identity },
	{ "reap", role_reap },	 { "memory", role_memory }, { "name", role_name },
	{ "files", role_files }, { "chain", role_chain },
};

/* ---- running a role -------------------------------------------------------------------------- */

/* Starts a child that executes the file with descriptor 50 leading to what is returned. */
static int start(const char *path, char *const argv[], char *const envp[], pid_t *pid)
{
	struct gate channel = gate_new();

	*pid = FORK();
	if (*pid == 0) {
		CHECK_EQ(dup2(channel.in, REPORT), REPORT);
		gate_free(channel);
		execve(path, argv, envp);
		FAIL("execve fails with errno %d: %s", errno, strerror(errno));
	}
	CHECK_EQ(close(channel.in), 0);
	return channel.out;
}

/* Reads to the end of file. */
static size_t drain(int fd, char *buffer, size_t size)
{
	size_t length = 0;
	ssize_t n;

	while ((n = read(fd, buffer + length, size - length)) > 0)
		length += (size_t)n;
	CHECK_EQ(n, 0);
	CHECK_EQ(close(fd), 0);
	return length;
}

/* Runs this program with these strings; the length of its report. */
static size_t run(char *const argv[], char *const envp[], char *buffer, size_t size)
{
	pid_t pid;
	size_t length = drain(start(own_path, argv, envp, &pid), buffer, size);

	CHECK_EXIT(pid, 0);
	return length;
}

/* ---- strings --------------------------------------------------------------------------------- */

static void check_strings(char *const argv[], char *const envp[])
{
	static char wanted[65536], got[65536];
	int argc = 0;
	size_t length = sizeof(argc);

	for (; argv[argc]; argc++)
		length += (size_t)sprintf(wanted + length, "%s", argv[argc]) + 1;
	memcpy(wanted, &argc, sizeof(argc));
	for (int i = 0; envp[i]; i++)
		length += (size_t)sprintf(wanted + length, "%s", envp[i]) + 1;
	CHECK_EQ(run(argv, envp, got, sizeof(got)), length);
	CHECK(!memcmp(got, wanted, length));
}

TEST(strings_arrive_exactly)
{
	char *none[] = { "dump", NULL };
	char *some[] = { "dump", "", "a", "", "", "two words", "-x", "\xff\x01\n", "", NULL };
	char *environment[] = { "A=1", "", "no equals sign", "B=", "=", "A=2", NULL };
	char *empty[] = { "dump", "", NULL };

	check_strings(none, no_environment);
	check_strings(some, no_environment);
	check_strings(none, environment);
	check_strings(some, environment);
	check_strings(empty, no_environment);
}

/* Strings of every length around a page, so that every alignment at a page's end occurs. */
TEST(strings_across_pages)
{
	static char letters[4200];
	char *argv[] = { "dump", letters, "end", NULL };

	for (int length = 4060; length < 4110; length++) {
		memset(letters, 'a' + length % 26, (size_t)length);
		letters[length] = '\0';
		check_strings(argv, no_environment);
	}
}

TEST(one_string_many_times)
{
	static char *argv[1001], text[] = "the same";

	argv[0] = "dump";
	for (int i = 1; i < 1000; i++)
		argv[i] = text;
	check_strings(argv, argv + 500);
}

/*
 * Linux gives a program without arguments an empty one (since 5.18), so that argv[0] always exists.
 */
TEST(no_arguments)
{
	char *environment[] = { "ROLE=dump", NULL }, *argv[] = { NULL }, got[64];
	int argc;

	CHECK_EQ(run(argv, environment, got, sizeof(got)), sizeof(argc) + 1 + 10);
	memcpy(&argc, got, sizeof(argc));
	CHECK_EQ(argc, 1);
	CHECK(!memcmp(got + sizeof(argc), "\0ROLE=dump", 11));
	CHECK_EQ(run(NULL, environment, got, sizeof(got)), sizeof(argc) + 1 + 10);
	memcpy(&argc, got, sizeof(argc));
	CHECK_EQ(argc, 1);
}

TEST(null_environment)
{
	char *argv[] = { "dump", NULL }, got[64];

	CHECK_EQ(run(argv, NULL, got, sizeof(got)), sizeof(int) + 5);
}

/* ---- limits ---------------------------------------------------------------------------------- */

/*
 * The strings may fill a quarter of the stack's limit, which therefore is set first: a megabyte,
 * two.
 */
static void limit_stack(rlim_t megabytes)
{
	struct rlimit limit = { megabytes << 20, RLIM_INFINITY };

	CHECK_EQ(setrlimit(RLIMIT_STACK, &limit), 0);
}

static char *long_string(size_t length)
{
	char *string = malloc(length + 1);

	CHECK(string != NULL);
	memset(string, 'x', length);
	string[length] = '\0';
	return string;
}

/* The new program counts as many arguments, variables and letters as it was given. */
static void check_counts(char *const argv[], char *const envp[])
{
	int64_t wanted[3] = { 0, 0, 0 }, got[3];

	for (; argv[wanted[0]]; wanted[0]++)
		wanted[2] += (int64_t)strlen(argv[wanted[0]]);
	for (; envp[wanted[1]]; wanted[1]++)
		wanted[2] += (int64_t)strlen(envp[wanted[1]]);
	CHECK_EQ(run(argv, envp, (char *)got, sizeof(got)), sizeof(got));
	for (int i = 0; i < 3; i++)
		CHECK_EQ(got[i], wanted[i]);
}

TEST(longest_string)
{
	char *longest = long_string(32 * 4096 - 1), *longer = long_string(32 * 4096);
	char *argv[] = { "count", longest, longest, NULL };
	char *too_long[] = { "count", longer, NULL };

	limit_stack(8);
	check_counts(argv, no_environment);
	check_counts(argv, argv);
	CHECK_ERRNO(execve(own_path, too_long, no_environment), E2BIG);
	CHECK_ERRNO(execve(own_path, argv, too_long), E2BIG);
}

TEST(longest_list)
{
	char *longest = long_string(32 * 4096 - 1), *argv[33] = { "count" };

	limit_stack(8);
	for (int i = 1; i < 32; i++)
		argv[i] = longest;
	CHECK_ERRNO(execve(own_path, argv, no_environment), E2BIG); /* 31 * 128 KiB */
	CHECK_ERRNO(execve(own_path, argv + 31, argv), E2BIG);
	argv[16] = NULL; /* 15 * 128 KiB */
	check_counts(argv, no_environment);
	argv[8] = NULL;
	limit_stack(4); /* 7 * 128 KiB in 1 MiB */
	check_counts(argv, no_environment);
	CHECK_ERRNO(execve(own_path, argv, argv), E2BIG);
}

TEST(many_strings)
{
	enum { MOST = 300000 };
	static char *argv[MOST + 1];

	limit_stack(8);
	argv[0] = "count";
	for (int i = 1; i < MOST; i++)
		argv[i] = "x";
	CHECK_ERRNO(execve(own_path, argv, no_environment), E2BIG); /* 10 bytes for each string */
	CHECK_ERRNO(execve(own_path, argv + MOST, argv), E2BIG);
	argv[100000] = NULL;
	check_counts(argv, no_environment);
	check_counts(argv, argv + 1);
}

/* The pointers count as well: empty strings need one byte each, and eight more. */
TEST(pointers_count)
{
	enum { MOST = 240000 };
	static char *argv[MOST + 1];

	limit_stack(8);
	for (int i = 0; i < MOST; i++)
		argv[i] = "";
	CHECK_ERRNO(execve(own_path, argv, no_environment), E2BIG);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static char *const plain_argv[] = { "never", NULL };
static volatile int old_data = 42, old_bss;

/* What must still be as it was after a failed execve. */
struct image {
	struct gate files;
	char name[16];
	void *heap_end;
	volatile int on_stack;
};

static void image_note(struct image *image)
{
	image->files = gate_new();
	CHECK_EQ(fcntl(image->files.in, F_SETFD, FD_CLOEXEC), 0);
	CHECK_EQ(prctl(PR_SET_NAME, "survivor"), 0);
	image->heap_end = sbrk(0);
	image->on_stack = 4711;
	old_bss = 43;
}

static void image_check(struct image *image)
{
	char name[16];

	CHECK_EQ(fcntl(image->files.in, F_GETFD), FD_CLOEXEC);
	gate_open(image->files, 1);
	gate_pass(image->files);
	CHECK_EQ(prctl(PR_GET_NAME, name), 0);
	CHECK_STR(name, "survivor");
	CHECK(sbrk(0) == image->heap_end);
	CHECK_EQ(image->on_stack, 4711);
	CHECK_EQ(old_data, 42);
	CHECK_EQ(old_bss, 43);
}

TEST(errors_of_the_path)
{
	static char component[300], path[PATH_MAX + 1], below[PATH_MAX + 8];
	const char *text = temporary_path("text");
	struct image image;

	image_note(&image);
	memset(component, 'n', sizeof(component) - 1);
	component[0] = '/';
	memset(path, '/', sizeof(path) - 1);
	path[PATH_MAX - 1] = 'x';
	write_file(text, "plain text\n", 11, 0644);
	snprintf(below, sizeof(below), "%s/x", text);
	char with_slash[PATH_MAX + 1];
	snprintf(with_slash, sizeof(with_slash), "%s/", own_path);
	const struct {
		const char *path;
		int error;
	} cases[] = {
		{ "", ENOENT },
		{ "/no/such/directory/x", ENOENT },
		{ "no-such-file", ENOENT },
		{ "/tmp", EACCES },
		{ "/", EACCES },
		{ "/dev/null", EACCES },
		{ text, EACCES },
		{ below, ENOTDIR },
		{ with_slash, ENOTDIR },
		{ component, ENAMETOOLONG },
		{ path, ENAMETOOLONG },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CONTEXT("case %zu, path %.60s", i, cases[i].path);
		CHECK_ERRNO(execve(cases[i].path, plain_argv, no_environment), cases[i].error);
		image_check(&image);
	}
	CHECK_EQ(unlink(text), 0);
}

TEST(errors_of_the_contents)
{
	static const struct {
		const char *bytes;
		size_t size;
	} contents[] = {
		{ "", 0 },
		{ "\n", 1 },
		{ "echo hello\n", 11 },
		{ "#", 1 },
		{ "#x", 2 },
		{ "\x7f"
		  "ELF",
		  4 },
		{ "\x7f"
		  "ELX",
		  4 },
		{ "\0\0\0\0", 4 },
		{ "MZ", 2 },
	};
	const char *path = temporary_path("contents");
	struct image image;

	image_note(&image);
	for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
		CONTEXT("contents %zu", i);
		write_file(path, contents[i].bytes, contents[i].size, 0755);
		CHECK_ERRNO(execve(path, plain_argv, no_environment), ENOEXEC);
		image_check(&image);
	}
	CHECK_EQ(unlink(path), 0);
}

/* The superuser may execute what anybody may execute, and nothing else. */
TEST(execute_permission)
{
	const char *path = temporary_path("mode");

	for (int mode = 0; mode < 0777; mode += 0111 / 3) {
		write_file(path, "text", 4, 0600);
		CHECK_EQ(chmod(path, (mode_t)mode), 0);
		CONTEXT("mode %03o", mode);
		CHECK_ERRNO(execve(path, plain_argv, no_environment),
			    mode & 0111 ? ENOEXEC : EACCES);
		CHECK_EQ(unlink(path), 0);
	}
}

TEST(symbolic_link_loop)
{
	const char *one = temporary_path("one"), *two = temporary_path("two");
	struct image image;

	image_note(&image);
	if (symlink(one, two) < 0 && errno == ENOSYS)
		SKIP("no symbolic links yet");
	CHECK_EQ(symlink(two, one), 0);
	CHECK_ERRNO(execve(one, plain_argv, no_environment), ELOOP);
	image_check(&image);
	CHECK_EQ(unlink(one), 0);
	CHECK_EQ(unlink(two), 0);
}

/* The last bytes before a page that is not there. */
static char *before_the_edge(size_t size)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(pages != MAP_FAILED);
	CHECK_EQ(munmap(pages + 4096, 4096), 0);
	return pages + 4096 - size;
}

TEST(bad_pointers)
{
	char *open_ended = before_the_edge(5);
	char **open_list = (char **)before_the_edge(2 * sizeof(char *));
	const char *path = own_path;
	struct image image;

	image_note(&image);
	memcpy(open_ended, "/tmp/", 5);
	open_list[0] = open_list[1] = "x";
	void *const bad[] = { BAD_POINTER,	   KERNEL_ADDRESS, NON_CANONICAL,
			      (void *)UINTPTR_MAX, open_ended,	   open_list };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CONTEXT("pointer %p", bad[i]);
		char *strings[] = { "a", bad[i], NULL };
		if (bad[i] != open_list) {
			CHECK_ERRNO(syscall(SYS_execve, bad[i], plain_argv, no_environment),
				    EFAULT);
			CHECK_ERRNO(syscall(SYS_execve, path, strings, no_environment), EFAULT);
			CHECK_ERRNO(syscall(SYS_execve, path, plain_argv, strings), EFAULT);
		}
		if (bad[i] != open_ended) {
			CHECK_ERRNO(syscall(SYS_execve, path, bad[i], no_environment), EFAULT);
			CHECK_ERRNO(syscall(SYS_execve, path, plain_argv, bad[i]), EFAULT);
		}
		image_check(&image);
	}
	CHECK_ERRNO(syscall(SYS_execve, NULL, plain_argv, no_environment), EFAULT);
	image_check(&image);
}

/* ---- what stays and what goes ---------------------------------------------------------------- */

TEST(the_process_stays)
{
	char pid_text[32], ppid_text[32], pgid_text[32], sid_text[32];
	char *environment[] = { "ROLE=identity", pid_text, ppid_text, pgid_text, sid_text, NULL };
	struct rlimit limit;
	sigset_t mask;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 77;
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
		sigemptyset(&mask);
		sigaddset(&mask, SIGUSR1);
		sigaddset(&mask, SIGUSR2);
		CHECK_EQ(sigprocmask(SIG_SETMASK, &mask, NULL), 0);
		CHECK_EQ(kill(getpid(), SIGUSR2), 0);
		CHECK(signal(SIGHUP, SIG_IGN) != SIG_ERR);
		CHECK_EQ(chdir("/tmp"), 0);
		umask(031);
		burn_cpu_ms(20);
		snprintf(pid_text, sizeof(pid_text), "PID=%d", (int)getpid());
		snprintf(ppid_text, sizeof(ppid_text), "PPID=%d", (int)getppid());
		snprintf(pgid_text, sizeof(pgid_text), "PGID=%d", (int)getpgid(0));
		snprintf(sid_text, sizeof(sid_text), "SID=%d", (int)getsid(0));
		execve(own_path, plain_argv, environment);
		_exit(1);
	}
	CHECK_EXIT(pid, 0);
}

TEST(children_stay)
{
	char child_text[32], *environment[] = { "ROLE=reap", child_text, NULL };
	pid_t pid = FORK();

	if (pid == 0) {
		pid_t child = FORK();
		if (child == 0)
			_exit(5);
		snprintf(child_text, sizeof(child_text), "CHILD=%d", (int)child);
		execve(own_path, plain_argv, environment);
		_exit(1);
	}
	CHECK_EXIT(pid, 0);
}

TEST(memory_goes)
{
	char text[64], *environment[] = { "ROLE=memory", text, NULL };
	void *at = (void *)0x500000000000;
	pid_t pid = FORK();

	if (pid == 0) {
		void *mapping = mmap(at, 1 << 20, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		CHECK(mapping == at);
		memset(mapping, 1, 1 << 20);
		char *heap = sbrk(0);
		CHECK_EQ(syscall(SYS_brk, heap + (80 << 20)), (long)heap + (80 << 20));
		snprintf(text, sizeof(text), "MAPPING=%lx", (unsigned long)at);
		execve(own_path, plain_argv, environment);
		_exit(1);
	}
	CHECK_EXIT(pid, 0);
}

TEST(close_on_exec)
{
	char *environment[] = { "ROLE=files", NULL };
	pid_t pid = FORK();

	if (pid == 0) {
		struct gate gate = gate_new();
		CHECK_EQ(dup2(gate.in, 10), 10);
		CHECK_EQ(dup3(gate.in, 11, O_CLOEXEC), 11);
		CHECK_EQ(dup2(11, 12), 12); /* the flag belongs to a descriptor, not to the file */
		CHECK_EQ(dup2(gate.out, 13), 13);
		CHECK_EQ(fcntl(13, F_SETFD, FD_CLOEXEC), 0);
		execve(own_path, plain_argv, environment);
		_exit(1);
	}
	CHECK_EXIT(pid, 0);
}

TEST(name_and_command_line_change)
{
	static char program[1 << 20], got[256];
	const char *path = temporary_path("a_program_with_a_long_name");
	char *argv[] = { "any", "name", "", "at all", NULL },
	     *environment[] = { "ROLE=name", NULL };
	pid_t pid;

	int fd = open(own_path, O_RDONLY);
	CHECK(fd >= 0);
	size_t size = drain(fd, program, sizeof(program));
	CHECK(size > 0 && size < sizeof(program));
	write_file(path, program, size, 0755);
	size = drain(start(path, argv, environment, &pid), got, sizeof(got));
	CHECK_EXIT(pid, 0);
	CHECK_EQ(size, 16 + 17);
	CHECK_EQ(strlen(got), 15);
	CHECK(!strncmp(got, strrchr(path, '/') + 1, 15));
	CHECK(!memcmp(got + 16, "any\0name\0\0at all", 17));
	CHECK_EQ(unlink(path), 0);
}

TEST(own_program_in_proc)
{
	char *argv[] = { "count", NULL };
	int64_t got[3];
	pid_t pid;

	if (access("/proc/self/exe", X_OK) < 0)
		SKIP("no /proc/self/exe");
	CHECK_EQ(drain(start("/proc/self/exe", argv, no_environment, &pid), (char *)got,
		       sizeof(got)),
		 sizeof(got));
	CHECK_EXIT(pid, 0);
}

TEST(relative_path)
{
	char directory[PATH_MAX], *argv[] = { "count", NULL };
	int64_t got[3];
	pid_t pid;

	snprintf(directory, sizeof(directory), "%s", own_path);
	char *name = strrchr(directory, '/');
	*name = '\0';
	CHECK_EQ(chdir(directory[0] ? directory : "/"), 0);
	CHECK_EQ(drain(start(name + 1, argv, no_environment, &pid), (char *)got, sizeof(got)),
		 sizeof(got));
	CHECK_EXIT(pid, 0);
	*name = '/';
	memmove(name + 2, name, strlen(name) + 1);
	memcpy(name, "/.", 2);
	CHECK_EQ(drain(start(directory, argv, no_environment, &pid), (char *)got, sizeof(got)),
		 sizeof(got));
	CHECK_EXIT(pid, 0);
}

TEST(chain_of_100_programs)
{
	char pid_text[32], *argv[] = { "chain", "100", NULL }, *environment[] = { pid_text, NULL };
	pid_t pid = FORK();

	if (pid == 0) {
		snprintf(pid_text, sizeof(pid_text), "PID=%d", (int)getpid());
		execve(own_path, argv, environment);
		_exit(1);
	}
	CHECK_EXIT(pid, 41);
}

TEST(many_at_once)
{
	char *argv[] = { "dump", "x", NULL };
	char got[64];
	pid_t pids[20];
	int fds[20];

	for (int i = 0; i < 20; i++)
		fds[i] = start(own_path, argv, no_environment, &pids[i]);
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(drain(fds[i], got, sizeof(got)), sizeof(int) + 5 + 2);
		CHECK(!memcmp(got + sizeof(int), "dump\0x", 7));
		CHECK_EXIT(pids[i], 0);
	}
}

int main(int argc, char **argv)
{
	const char *name = getenv("ROLE");

	if (!name && argc > 0)
		name = argv[0];
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		if (name && !strcmp(name, roles[i].name))
			return roles[i].play(argc, argv);
	return ktap_main(argc, argv);
}
