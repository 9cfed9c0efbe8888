/*
 * Services: what /etc/inittab names. At boot those of sysinit and wait run one after the other,
 * then those of once are started, and then those of respawn and askfirst live for ever: one that
 * ends is started again. One that ends soon after its start has something wrong with it, and each
 * time waits twice as long, so that it cannot eat the machine; one that has lived a while starts
 * at once and with a clean record. Whether a service does not start or ends, init goes on.
 *
 * Without /etc/inittab, /etc/rc is run if there is one, then a shell on the console.
 */
#include "init.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUICK (5 * SECOND) /* a service that lived no longer is restarted with a delay */

enum { LONGEST_DELAY = 30 }; /* in seconds */

struct service {
	struct service *next;
	enum action action;
	char terminal[TERMINAL_NAME];
	char *process;
	struct child child;
	bool has_run;
	int64_t started, due; /* when it was; when it may be again */
	unsigned delay;	      /* before it was started last, in seconds */
};

static const char INITTAB[] = "/etc/inittab", RC[] = "/etc/rc";
static const char WITH_RC[] = "::sysinit:/bin/sh /etc/rc\n";
static const char WITHOUT_INITTAB[] = "::respawn:-/bin/sh\n"
				      "::ctrlaltdel:/bin/reboot\n"
				      "::restart:/sbin/init\n";
static const char SHELL_CHARACTERS[] = "~`!$^&*()=|\\{}[];\"'<>?";

static struct service *services;

static bool is_login(const struct service *service)
{
	return service->process[0] == '-';
}

/* What is shown of it. */
static const char *name_of(const struct service *service)
{
	return service->process + is_login(service);
}

/* ---- what there is to start ---- */

static struct service *service_new(const struct inittab_line *line)
{
	struct service *service = calloc(1, sizeof(*service));
	char *process = strdup(line->process);

	if (!service || !process) {
		free(service);
		free(process);
		return NULL;
	}
	service->action = line->action;
	strcpy(service->terminal, line->terminal);
	service->process = process;
	return service;
}

static void service_free(struct service *service)
{
	free(service->process);
	free(service);
}

/* Makes services of the lines of the text, which is cut up, and appends them to the list. */
static void append_lines(char *text, const char *path, struct service **list)
{
	int number = 0;

	while (*list)
		list = &(*list)->next;
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		struct inittab_line parsed;
		const char *wrong = inittab_parse(line, &parsed);

		number++;
		if (!wrong && !parsed.process)
			continue;
		if (!wrong && !(*list = service_new(&parsed)))
			wrong = "there is no memory for it";
		if (wrong)
			announce("%s:%d: %s; the line is skipped", path, number, wrong);
		else
			list = &(*list)->next;
	}
}

static void append_defaults(const char *lines, struct service **list)
{
	char *text = strdup(lines);

	if (text)
		append_lines(text, "init", list);
	free(text);
}

static struct service *read_inittab(void)
{
	struct service *list = NULL;
	size_t length;
	char *text = read_file(INITTAB, &length);

	if (text)
		append_lines(text, INITTAB, &list);
	free(text);
	if (list)
		return list;
	if (text)
		announce("%s: there is nothing in it; init does without", INITTAB);
	if (access(RC, R_OK) == 0)
		append_defaults(WITH_RC, &list);
	append_defaults(WITHOUT_INITTAB, &list);
	return list;
}

/* ---- starting one, in the child ---- */

static void ask_first(void)
{
	static const char QUESTION[] = "\nPress Enter to use this terminal. ";
	char key = '\n';

	(void)!write(STDOUT_FILENO, QUESTION, sizeof(QUESTION) - 1);
	while (read(STDIN_FILENO, &key, 1) == 1 && key != '\n')
		;
}

/* Executes an inittab line's process, which is cut up. Returns if it cannot. */
static void execute_process(char *process)
{
	bool dash = process[0] == '-'; /* which its name, too, will begin with */
	char *argv[strlen(process) / 2 + 2], name[strlen(process) + 2], *path;
	size_t count = 0;

	process += dash;
	if (strpbrk(process, SHELL_CHARACTERS)) {
		execute("/bin/sh", (char *[]){ dash ? "-sh" : "sh", "-c", process, NULL });
		return;
	}
	for (char *word = strtok(process, " \t"); word; word = strtok(NULL, " \t"))
		argv[count++] = word;
	argv[count] = NULL;
	path = argv[0];
	if (dash) {
		char *slash = strrchr(path, '/');

		sprintf(name, "-%s", slash ? slash + 1 : path);
		argv[0] = name;
	}
	execute(path, argv);
}

static _Noreturn void run_in_child(struct service *service)
{
	enum terminal_use use = is_login(service) ? FOR_PERSON : FOR_OUTPUT;
	char path[sizeof("/dev/") + TERMINAL_NAME];

	snprintf(path, sizeof(path), "/dev/%s",
		 service->terminal[0] ? service->terminal : "console");
	if (!open_terminal(path, use))
		_exit(STATUS_NOT_EXECUTABLE);
	if (service->action == ASKFIRST)
		ask_first();
	execute_process(service->process);
	end_unexecuted(name_of(service));
}

static void service_start(struct service *service)
{
	pid_t pid = child_fork(&service->child, name_of(service));

	if (pid == 0)
		run_in_child(service);
	service->has_run = true;
	service->started = now();
	if (pid < 0)
		say("cannot fork for %s: %s", name_of(service), strerror(errno));
}

/* ---- starting it again ---- */

static bool lives_for_ever(const struct service *service)
{
	return service->action == RESPAWN || service->action == ASKFIRST;
}

/* When one that has ended, or could not be started, may be started again. */
static void choose_due(struct service *service)
{
	int64_t lived = now() - service->started;
	unsigned delay = service->delay ? 2 * service->delay : 1;

	if (delay > LONGEST_DELAY)
		delay = LONGEST_DELAY;
	service->has_run = false;
	service->delay = lived < QUICK ? delay : 0;
	service->due = now() + service->delay * SECOND;
	if (service->delay)
		announce("%s has ended soon after its start; again in %u s", name_of(service),
			 service->delay);
	else
		say("%s has ended, and is started again", name_of(service));
}

int64_t services_step(void)
{
	int64_t next = NEVER;

	for (struct service *service = services; service; service = service->next) {
		if (!lives_for_ever(service) || service->child.pid)
			continue;
		if (service->has_run)
			choose_due(service);
		if (service->due <= now())
			service_start(service);
		if (!service->child.pid && service->has_run)
			choose_due(service); /* there was no process for it */
		if (!service->child.pid && service->due < next)
			next = service->due;
	}
	return next;
}

/* ---- by action ---- */

void services_start(enum action action)
{
	for (struct service *service = services; service; service = service->next)
		if (service->action == action && !service->child.pid)
			service_start(service);
}

void services_run(enum action action, int64_t deadline)
{
	for (struct service *service = services; service; service = service->next) {
		if (service->action != action)
			continue;
		service_start(service);
		while (service->child.pid && now() < deadline)
			obey(await_event(deadline));
	}
}

void services_boot(void)
{
	services = read_inittab();
	services_run(SYSINIT, NEVER);
	services_run(WAIT, NEVER);
	services_start(ONCE);
}

void services_hang_up(void)
{
	for (struct service *service = services; service; service = service->next)
		if (service->child.pid && is_login(service))
			kill(service->child.pid, SIGHUP);
}

bool services_have(enum action action)
{
	for (struct service *service = services; service; service = service->next)
		if (service->action == action)
			return true;
	return false;
}

void services_replace_init(void)
{
	for (struct service *service = services; service; service = service->next) {
		char *process;

		if (service->action != RESTART || !(process = strdup(service->process)))
			continue;
		say("%s takes the place of init", name_of(service));
		unblock_signals();
		execute_process(process);
		announce("%s: %s", service->process, strerror(errno));
		block_signals();
		free(process);
		return;
	}
}

/* ---- reading the table again ---- */

/* Takes the service that is the same as this one out of the list; NULL: there is none. */
static struct service *take_same(struct service **list, const struct service *wanted)
{
	for (struct service *service; (service = *list); list = &service->next) {
		if (service->action != wanted->action ||
		    strcmp(service->terminal, wanted->terminal) != 0 ||
		    strcmp(service->process, wanted->process) != 0)
			continue;
		*list = service->next;
		return service;
	}
	return NULL;
}

static void drop_service(struct service *service)
{
	if (service->child.pid && lives_for_ever(service))
		kill(service->child.pid, SIGTERM);
	child_forget(&service->child);
	service_free(service);
}

void services_reload(void)
{
	struct service *old = services;

	services = read_inittab();
	for (struct service **at = &services; *at; at = &(*at)->next) {
		struct service *same = take_same(&old, *at);

		if (!same)
			continue;
		same->next = (*at)->next;
		service_free(*at);
		*at = same;
	}
	while (old) {
		struct service *next = old->next;

		drop_service(old);
		old = next;
	}
}
