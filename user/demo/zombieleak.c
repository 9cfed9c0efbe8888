/*
 * zombieleak: a server that forgets to wait, until it cannot fork any more.
 *
 * A zombie costs next to nothing: no memory, no files, one entry in the process table. But entries
 * are counted, against the user's limit and against the number of pids there are, so a program that
 * forks for each request and never waits works well for a long time and then not at all: fork fails
 * with EAGAIN. Killing the zombies does not help, they are dead; killing the server does. Then they
 * are orphans, PID 1 is their parent, and PID 1 waits.
 *
 * The server may have a few processes only, so that this comes soon.
 */
#include "confine.h"
#include "demo.h"
#include "look.h"

#include <signal.h>

enum { REQUESTS = 20, SHOWN = 3, FAR_TOO_MANY = 1000 };

/* What the server says when it is at its end. */
struct report {
	struct confinement confinement;
	int served, error;
	pid_t children[FAR_TOO_MANY];
};

static int reports[2];

static _Noreturn void serve(void)
{
	static struct report report;

	report.confinement = confine(REQUESTS);
	while (report.served < FAR_TOO_MANY) {
		pid_t child = fork();

		if (child == 0)
			_exit(0); /* the answer is given */
		if (child < 0)
			break;
		report.children[report.served++] = child; /* and nobody waits */
	}
	report.error = errno;
	(void)!write(reports[1], &report, sizeof(report));
	for (;;)
		pause();
}

/* Starts a server, and returns when it cannot fork any more. */
static pid_t start_server(struct report *report)
{
	pid_t server = must(fork(), "fork");
	char *bytes = (char *)report;
	size_t length = 0;

	if (server == 0)
		serve();

	while (length < sizeof(*report)) {
		ssize_t count = read(reports[0], bytes + length, sizeof(*report) - length);

		must(count > 0 ? 0 : -1, "read");
		length += count;
	}
	return server;
}

/* Ends it, and returns when its children are buried as well. */
static void end_server(pid_t server, const struct report *report)
{
	kill(server, SIGKILL);
	must(waitpid(server, NULL, 0), "waitpid");
	for (int i = 0; i < report->served; i++)
		look_until_buried(report->children[i]);
}

static void look_at_leak(pid_t server, const struct report *report)
{
	const struct confinement *confinement = &report->confinement;
	pid_t child;

	tell("Its user, %d, may have %d processes, zombies included (RLIMIT_NPROC).",
	     (int)confinement->user, confinement->limit);
	check(report->error == EAGAIN, "after %d requests fork fails with EAGAIN: %s",
	      report->served, strerror(report->error));
	check(report->served <= REQUESTS && (!confinement->alone || report->served == REQUESTS),
	      "that is the limit: the server, and %d of its children", report->served);
	while (look_count(report->children, report->served, 'Z') < report->served)
		sched_yield();
	tell("  All of them have ended:");
	look_until(server, 'S');
	show_heading();
	show_process(server);
	for (int i = 0; i < SHOWN && i < report->served; i++)
		show_process(report->children[i]);
	tell("      ...");
	for (int i = 0; i < report->served; i++)
		kill(report->children[i], SIGKILL);
	check(look_count(report->children, report->served, 'Z') == report->served,
	      "all are zombies, and SIGKILL to each of them changes nothing");
	child = fork();
	if (child == 0)
		_exit(0);
	check(child > 0 && waitpid(child, NULL, 0) == child, "I, who have no such limit, can fork");
}

int main(void)
{
	static struct report first, second;
	pid_t server;

	must(pipe(reports), "pipe");
	tell("I am process %d. I start a server. For each request it forks a child, which answers",
	     getpid());
	server = start_server(&first);
	tell("and ends. It never waits for them. It is process %d.", server);
	look_at_leak(server, &first);

	tell("I kill the server, and wait for it.");
	end_server(server, &first);
	check(look_count(first.children, first.served, 0) == first.served,
	      "PID 1, their parent now, has waited for all %d: not one is in /proc", first.served);
	server = start_server(&second);
	check(second.served == first.served || !first.confinement.alone,
	      "a new server, %d, can fork %d times again", server, second.served);
	end_server(server, &second);
	return demo_end();
}
