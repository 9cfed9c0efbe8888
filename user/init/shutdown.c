/*
 * The end. The signals by which init is asked for it are BusyBox's, so that its poweroff, reboot
 * and halt work:
 *
 *   SIGUSR2  switch off            SIGINT   run ctrlaltdel's processes (Ctrl-Alt-Del)
 *   SIGTERM  restart the machine   SIGHUP   read /etc/inittab again
 *   SIGUSR1  halt                  SIGQUIT  end all, and let restart's process take init's place
 *
 * In that order nobody is started any more, the processes of shutdown run, everybody gets SIGTERM
 * and time to go, whoever is left then gets SIGKILL, and the disks are written. init waits for
 * deaths, not for time to go by: it goes on when the last one is buried. Each wait has its bound.
 */
#include "init.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/reboot.h>
#include <unistd.h>

#define SCRIPT_PATIENCE (10 * SECOND) /* for all processes of shutdown together */
#define GRACE (2 * SECOND)	      /* between SIGTERM and SIGKILL */
#define KILL_PATIENCE (2 * SECOND)    /* after SIGKILL, for what sleeps in the kernel */
#define KILL_AGAIN (SECOND / 10)

static const struct ending {
	int signal, command;
	const char *name;
} endings[] = {
	{ SIGUSR1, RB_HALT_SYSTEM, "halt" },
	{ SIGUSR2, RB_POWER_OFF, "power off" },
	{ SIGTERM, RB_AUTOBOOT, "restart" },
};

static bool is_ending;

static const struct ending *find_ending(int signal)
{
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (endings[i].signal == signal)
			return &endings[i];
	return NULL;
}

bool ends_machine(int signal)
{
	return find_ending(signal) != NULL;
}

/* Buries until the deadline. True if nobody is left. */
static bool bury_all(int64_t deadline)
{
	while (is_anybody_left()) {
		if (now() >= deadline)
			return false;
		await_event(deadline);
	}
	return true;
}

void end_processes(int64_t grace)
{
	int64_t deadline;

	if (!is_anybody_left())
		return;
	kill(-1, SIGTERM);
	kill(-1, SIGCONT); /* one that is stopped would not hear of it */
	if (bury_all(now() + grace))
		return;
	deadline = now() + KILL_PATIENCE;
	do
		kill(-1, SIGKILL);
	while (!bury_all(now() + KILL_AGAIN) && now() < deadline);
}

_Noreturn void end_machine(int signal)
{
	const struct ending *ending = find_ending(signal);

	sync();
	reboot(ending->command);
	announce("cannot %s: %s", ending->name, strerror(errno));
	for (;;)
		await_event(NEVER);
}

static void end_everything(void)
{
	services_run(SHUTDOWN, now() + SCRIPT_PATIENCE);
	services_hang_up();
	end_processes(GRACE);
}

/* Returns if there is nobody to take init's place, or if he cannot; then all services start anew.
 */
static void replace_init(void)
{
	if (!services_have(RESTART))
		return;
	announce("all is ended, and begins again");
	is_ending = true;
	end_everything();
	is_ending = false;
	services_replace_init();
}

void obey(int signal)
{
	if (is_ending)
		return;
	if (ends_machine(signal)) {
		announce("the machine will %s", find_ending(signal)->name);
		is_ending = true;
		end_everything();
		end_machine(signal);
	}
	if (signal == SIGINT)
		services_start(CTRLALTDEL);
	else if (signal == SIGQUIT)
		replace_init();
}
