/*
 * Scripts: a file that begins with #! is executed by handing it to the interpreter named there,
 * with at most one argument from that line, to any depth up to Linux's limit. Source: execve(2),
 * "Interpreter scripts".
 *
 * The interpreter of most scripts is this program again. When it has the variable REPORT in its
 * environment it writes its arguments, its name and AT_EXECFN to that descriptor.
 */
#include "proc.h"
#include <sys/prctl.h>

enum { REPORT = 50 };

static char *const environment[] = { "REPORT=50", NULL };

static int write_report(int argc, char **argv)
{
	char text[8192], name[16];
	size_t length = 0;

	CHECK_EQ(prctl(PR_GET_NAME, name), 0);
	for (int i = 0; i < argc; i++)
		length += (size_t)sprintf(text + length, "[%s]", argv[i]);
	length += (size_t)sprintf(text + length, " %s %s", name, (char *)getauxval(AT_EXECFN));
	CHECK_EQ(write(REPORT, text, length), length);
	return 0;
}

/* Executes the file and returns what the interpreter at the end reports. */
static const char *run(const char *path, char *const argv[])
{
	static char text[8192];
	struct gate channel = gate_new();
	size_t length = 0;
	ssize_t n;

	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(dup2(channel.in, REPORT), REPORT);
		gate_free(channel);
		execve(path, argv, environment);
		FAIL("execve fails with errno %d: %s", errno, strerror(errno));
	}
	CHECK_EQ(close(channel.in), 0);
	while ((n = read(channel.out, text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)n;
	text[length] = '\0';
	CHECK_EQ(close(channel.out), 0);
	CHECK_EXIT(pid, 0);
	return text;
}

static char *const no_more[] = { "replaced", NULL };

/* Writes a script with this first line, given as for printf, and no newline of its own. */
__attribute__((format(printf, 1, 2))) static const char *script(const char *format, ...)
{
	const char *path = temporary_path("script");
	char line[8192];
	va_list args;

	va_start(args, format);
	int length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	write_file(path, line, (size_t)length, 0755);
	return path;
}

/*
 * What the report must be: the arguments in brackets, the program's name, the path given to execve.
 */
__attribute__((format(printf, 2, 3))) static void check_report(const char *path, const char *format,
							       ...)
{
	char wanted[8192];
	va_list args;

	va_start(args, format);
	int length = vsnprintf(wanted, sizeof(wanted), format, args);
	va_end(args);
	snprintf(wanted + length, sizeof(wanted) - (size_t)length, " %.15s %s",
		 strrchr(path, '/') + 1, path);
	CHECK_STR(run(path, no_more), wanted);
	CHECK_EQ(unlink(path), 0);
}

TEST(without_argument)
{
	const char *me = own_path, *path = script("#!%s\nrest\n", me);

	check_report(path, "[%s][%s]", me, path);
}

TEST(with_one_argument)
{
	const char *me = own_path, *path = script("#!%s -x\nrest\n", me);

	check_report(path, "[%s][-x][%s]", me, path);
}

TEST(the_rest_of_the_line_is_one_argument)
{
	const char *me = own_path, *path = script("#! \t %s \t a  b\t\"c d\" \t \nrest\n", me);

	check_report(path, "[%s][a  b\t\"c d\"][%s]", me, path);
}

TEST(without_newline)
{
	const char *me = own_path, *path = script("#!%s", me);

	check_report(path, "[%s][%s]", me, path);
	path = script("#!%s -x", me);
	check_report(path, "[%s][-x][%s]", me, path);
}

TEST(arguments_follow)
{
	const char *me = own_path, *path = script("#!%s -x\n", me);
	char *argv[] = { "replaced", "one", "", "two words", NULL };
	char wanted[1024];

	snprintf(wanted, sizeof(wanted), "[%s][-x][%s][one][][two words] %.15s %s", me, path,
		 strrchr(path, '/') + 1, path);
	CHECK_STR(run(path, argv), wanted);
	CHECK_EQ(unlink(path), 0);
}

TEST(no_arguments_at_all)
{
	const char *me = own_path, *path = script("#!%s\n", me);
	char *argv[] = { NULL };
	char wanted[1024];

	snprintf(wanted, sizeof(wanted), "[%s][%s] %.15s %s", me, path, strrchr(path, '/') + 1,
		 path);
	CHECK_STR(run(path, argv), wanted);
	CHECK_EQ(unlink(path), 0);
}

TEST(relative_path_stays_relative)
{
	const char *me = own_path, *path = script("#!%s\n", me);
	char relative[64], wanted[1024];

	CHECK_EQ(chdir(start_directory), 0);
	snprintf(relative, sizeof(relative), "./%s", strrchr(path, '/') + 1);
	snprintf(wanted, sizeof(wanted), "[%s][%s] %.15s %s", me, relative, relative + 2, relative);
	CHECK_STR(run(relative, no_more), wanted);
	CHECK_EQ(unlink(path), 0);
}

TEST(relative_interpreter)
{
	char directory[PATH_MAX];

	snprintf(directory, sizeof(directory), "%s", own_path);
	char *name = strrchr(directory, '/');
	*name++ = '\0';
	CHECK_EQ(chdir(directory[0] ? directory : "/"), 0);
	const char *path = script("#!%s\n", name);
	check_report(path, "[%s][%s]", name, path);
}

/*
 * Only 256 bytes are looked at: a longer argument is cut, a longer interpreter's name is an error.
 */
TEST(long_first_line)
{
	static char letters[5000];
	const char *me = own_path;
	size_t fits = 255 - 2 - strlen(me) - 1;

	memset(letters, 'x', sizeof(letters) - 1);
	const char *path = script("#!%s %.*s\n", me, (int)fits, letters);
	check_report(path, "[%s][%.*s][%s]", me, (int)fits, letters, path);
	path = script("#!%s %s\n", me, letters);
	check_report(path, "[%s][%.*s][%s]", me, (int)fits, letters, path);
	path = script("#!/%s\n", letters);
	CHECK_ERRNO(execve(path, no_more, environment), ENOEXEC);
	path = script("#!/%.*s\n", 252, letters); /* the longest name: it does not exist */
	CHECK_ERRNO(execve(path, no_more, environment), ENOENT);
	path = script("#!/%.*s\n", 254, letters);
	CHECK_ERRNO(execve(path, no_more, environment), ENOEXEC);
	CHECK_EQ(unlink(path), 0);
}

TEST(errors)
{
	const char *text = temporary_path("text");
	char blanks[300];

	memset(blanks, ' ', sizeof(blanks));
	write_file(text, "text", 4, 0644);
	const struct {
		const char *line;
		int error;
	} cases[] = {
		{ "#!\n/bin/sh\n", ENOEXEC },	 { "#! \t \n", ENOEXEC },
		{ " #!/bin/sh\n", ENOEXEC },	 { "#!/does/not/exist\n", ENOENT },
		{ "#!/does/not/exist", ENOENT }, { "#!/tmp\n", EACCES },
		{ "#!/dev/null\n", EACCES },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CONTEXT("line %zu", i);
		CHECK_ERRNO(execve(script("%s", cases[i].line), no_more, environment),
			    cases[i].error);
	}
	CONTEXT("own interpreters");
	CHECK_ERRNO(execve(script("#!%.*s\n", 290, blanks), no_more, environment), ENOEXEC);
	CHECK_ERRNO(execve(script("#!%s\n", text), no_more, environment), EACCES);
	CHECK_ERRNO(execve(script("#!%s\r\n", own_path), no_more, environment), ENOENT);
	CHECK_ERRNO(execve(script("#!%s/x\n", text), no_more, environment), ENOTDIR);
	const char *path = script("#!%s\n", own_path);
	CHECK_EQ(unlink(path), 0);
	write_file(path, "#!/bin/sh\n", 10, 0644);
	CHECK_ERRNO(execve(path, no_more, environment), EACCES);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(unlink(text), 0);
}

TEST(interpreter_with_wrong_contents)
{
	const char *interpreter = temporary_path("interpreter");

	write_file(interpreter, "no program\n", 11, 0755);
	const char *path = script("#!%s\n", interpreter);
	CHECK_ERRNO(execve(path, no_more, environment), ENOEXEC);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(unlink(interpreter), 0);
}

/*
 * A tower of scripts, each with the one below as its interpreter; path[0] is run by this program.
 */
static void build_tower(char path[][200], int height)
{
	for (int i = 0; i < height; i++) {
		char line[512], name[16];
		snprintf(name, sizeof(name), "tower%d", i);
		snprintf(path[i], sizeof(path[i]), "%s", temporary_path(name));
		int length =
			snprintf(line, sizeof(line), "#!%s -%d\n", i ? path[i - 1] : own_path, i);
		write_file(path[i], line, (size_t)length, 0755);
	}
}

TEST(nested_interpreters)
{
	char path[6][200], wanted[2048];
	size_t length;

	build_tower(path, 6);
	for (int top = 0; top < 5; top++) {
		CONTEXT("%d scripts", top + 1);
		length = (size_t)sprintf(wanted, "[%s]", own_path);
		for (int i = 0; i <= top; i++)
			length += (size_t)sprintf(wanted + length, "[-%d][%s]", i, path[i]);
		sprintf(wanted + length, " %.15s %s", strrchr(path[top], '/') + 1, path[top]);
		CHECK_STR(run(path[top], no_more), wanted);
	}
	CHECK_ERRNO(execve(path[5], no_more, environment), ELOOP);
	for (int i = 0; i < 6; i++)
		CHECK_EQ(unlink(path[i]), 0);
}

TEST(interpreter_of_itself)
{
	const char *path = temporary_path("self");
	char line[128];
	int length = snprintf(line, sizeof(line), "#!%s\n", path);

	write_file(path, line, (size_t)length, 0755);
	CHECK_ERRNO(execve(path, no_more, environment), ELOOP);
	CHECK_EQ(unlink(path), 0);
}

TEST(command_line_shows_the_interpreter)
{
	const char *me = own_path, *path = script("#!%s hold\n", me);
	char text[1024], wanted[1024];
	char out[16], *hold[] = { "replaced", out, NULL };
	struct gate ready = gate_new(), go = gate_new();

	snprintf(out, sizeof(out), "%d,%d", ready.in, go.out);
	pid_t pid = FORK();
	if (pid == 0) {
		execve(path, hold, environment);
		_exit(1);
	}
	gate_pass(ready);
	snprintf(text, sizeof(text), "/proc/%d/cmdline", (int)pid);
	ssize_t length = read_text(text, text, sizeof(text));
	int expected =
		snprintf(wanted, sizeof(wanted), "%s%chold%c%s%c%s", me, 0, 0, path, 0, out) + 1;
	CHECK_EQ(length, expected);
	CHECK(!memcmp(text, wanted, (size_t)length));
	gate_open(go, 1);
	CHECK_EXIT(pid, 0);
	CHECK_EQ(unlink(path), 0);
}

/* As the interpreter of the test above: tells that it runs, and waits. */
static int hold(const char *gates)
{
	struct gate ready = { .in = atoi(gates) }, go = { .out = atoi(strchr(gates, ',') + 1) };

	gate_open(ready, 1);
	gate_pass(go);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "hold"))
		return hold(argv[3]);
	if (getenv("REPORT"))
		return write_report(argc, argv);
	return ktap_main(argc, argv);
}
