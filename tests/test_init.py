"""Process 1: what it starts and starts again, whom it buries, what it survives, how it ends.

The tests look at the terminal, and at the kernel's log, in which init tells what it does.
"""

import re
import time

import pexpect
import pytest

import support
from support import PATIENCE
from terminal import CTRL_C, CTRL_D, ENTER, NEWLINE, Terminal

ASH = r"/ # "       # the prompt of BusyBox's shell in /
CTRL_S = "\x13"

# Orphans in thousands, while a child sends process 1 every signal that it should not heed.
STORM = r"""
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void be_hostile(void)
{
	/* user/init/shutdown.c says what these ask for */
	static const char asking[] = { SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM };

	for (;;)
		for (int sig = 1; sig <= 64; sig++)
			if (!memchr(asking, sig, sizeof(asking)))
				kill(1, sig);
}

/* The children of process 1 that are zombies. */
static int zombies(void)
{
	DIR *proc = opendir("/proc");
	int count = 0;

	for (struct dirent *entry; (entry = readdir(proc));) {
		char path[300], state;
		int parent;
		snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
		FILE *stat = atoi(entry->d_name) ? fopen(path, "r") : NULL;
		if (stat && fscanf(stat, "%*d (%*[^)]) %c %d", &state, &parent) == 2)
			count += state == 'Z' && parent == 1;
		if (stat)
			fclose(stat);
	}
	closedir(proc);
	return count;
}

int main(void)
{
	const struct timespec step = { .tv_nsec = 20000000 };
	int left, hostile = fork();

	if (hostile == 0)
		be_hostile();
	for (int batch = 0; batch < 100; batch++) {
		int middle = fork();
		for (int i = 0; middle == 0 && i < 50; i++)
			if (fork() == 0)
				_exit(0);
		if (middle == 0)
			_exit(0);
		if (waitpid(middle, NULL, 0) != middle)
			return 1;
	}
	/* No more signals now: process 1 has to do with the dead alone. */
	kill(hostile, SIGKILL);
	waitpid(hostile, NULL, 0);
	for (int tries = 0; (left = zombies()) && tries < 500; tries++)
		nanosleep(&step, NULL);
	printf("zombies left: %d\n", left);
	return 0;
}
"""


class Machine(Terminal):
    """mitos at a terminal, and its kernel log."""

    def __init__(self, directory, *options, **others):
        self.path = directory / "kernel.log"
        super().__init__("--log", str(self.path), *options, **others)

    def log(self):
        return self.path.read_text(errors="replace")

    def await_log(self, pattern):
        """Waits until the pattern is in the log; returns the match."""
        deadline = time.monotonic() + PATIENCE
        while not (match := re.search(pattern, self.log(), re.M)):
            if time.monotonic() > deadline:
                pytest.fail(f"no {pattern!r} in the log:\n{self.log()}")
            time.sleep(0.05)
        return match

    def await_off(self):
        """Waits until the machine is off; returns the status of tools/mitos."""
        self.child.expect(pexpect.EOF, timeout=PATIENCE)
        self.child.wait()
        return self.child.exitstatus


@pytest.fixture
def boot(tmp_path, overlay):
    """Boots with an overlay in which these files are, and an init that runs them if asked."""
    machines = []

    def start(*options, files=None, **others):
        for name, text in (files or {}).items():
            path = overlay.path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            path.chmod(0o755)
        machines.append(Machine(tmp_path, *overlay.options, *options, **others))
        return machines[-1]

    start.overlay = overlay
    yield start
    for machine in machines:
        machine.close()


def stamps(log, pattern):
    """The seconds at which the lines that match were logged."""
    return [float(stamp) for stamp in re.findall(rf"^\[ *([\d.]+)\] {pattern}$", log, re.M)]


# ---- starting ----------------------------------------------------------------------------------

def test_a_killed_shell_is_started_again_with_job_control(boot):
    machine = boot()
    first, = machine.run("echo $$")
    machine.type("kill -9 $$" + ENTER)
    machine.wait()
    second, = machine.run("echo $$")
    assert int(second) > int(first)
    machine.type("sh -c 'echo started; exec cat'" + ENTER)
    machine.wait(NEWLINE + "started" + NEWLINE)
    machine.type(CTRL_C)
    machine.wait()
    assert machine.run("echo $?") == ["130"]


INITTAB = """# a comment, and a line of blanks
\t
::sysinit:/bin/sh -c 'echo sysinit 1 >/dev/kmsg; usleep 300000; echo sysinit 1 ends >/dev/kmsg'
::respawn:-/bin/sh
::sysinit:/bin/sh -c 'echo sysinit 2 >/dev/kmsg'
::wait:/bin/sh -c 'usleep 300000; echo wait >/dev/kmsg'
:12345:once:/bin/sh -c 'echo once >/dev/kmsg; exec sleep 1000'
ttyS0::respawn:/bin/sh -c 'echo respawn >/dev/kmsg; readlink /proc/self/fd/0 >/dev/kmsg'
::ctrlaltdel:/bin/sh -c 'echo ctrlaltdel >/dev/kmsg'
::shutdown:/bin/sh -c 'usleep 300000; echo shutdown 1 >/dev/kmsg'
::shutdown:/bin/sh -c 'echo shutdown 2 >/dev/kmsg'
::respawned:/bin/sh
not a line
::once:
"""


def test_each_action_of_inittab(boot):
    machine = boot(files={"etc/inittab": INITTAB})
    machine.await_log("respawn$")
    machine.run("kill -INT 1")
    machine.await_log("ctrlaltdel$")
    machine.type("poweroff" + ENTER)
    assert machine.await_off() == 0
    said = re.findall(r"\] (sysinit.*|wait|once|ctrlaltdel|shutdown.*|power off)$", machine.log(),
                      re.M)
    assert said == ["sysinit 1", "sysinit 1 ends", "sysinit 2", "wait", "once", "ctrlaltdel",
                    "shutdown 1", "shutdown 2", "power off"]
    assert "/dev/ttyS0" in machine.log()
    wrong = re.findall(r"init: /etc/inittab:(\d+): (.*); the line is skipped", machine.log())
    assert wrong == [("12", "there is no such action"),
                     ("13", "it is not id:runlevels:action:process"),
                     ("14", "it names no process")]


def test_askfirst_waits_for_enter(boot):
    machine = boot(files={"etc/inittab": "::askfirst:-/bin/sh\n"}, prompt="Press Enter .*[.] ")
    assert "running" not in machine.log() and "mitos:" not in machine.child.before
    machine.type(ENTER)
    machine.wait(support.PROMPT)
    machine.type("exit" + ENTER)
    machine.wait()


def test_what_ends_at_once_is_restarted_ever_later(boot):
    """And what has lived a while is restarted at once, and sets out with a clean record."""
    services = "::respawn:-/bin/sh\n::respawn:/bin/false x\n::respawn:/bin/sleep 6\n"
    machine = boot(*support.ICOUNT, files={"etc/inittab": services})
    machine.type(CTRL_S)    # a console on which nothing can be shown must not hold init up
    machine.await_log("/bin/false x has .* again in 8 s")
    machine.await_log("(?s)/bin/sleep 6 has ended, and is started.*/bin/sleep 6 has ended, and")
    assert "/bin/sleep 6 has ended soon" not in machine.log()
    ends = [stamps(machine.log(), rf"init: /bin/false x has .* again in {seconds} s")
            for seconds in (1, 2, 4, 8)]
    assert all(len(found) == 1 for found in ends)
    gaps = [later[0] - sooner[0] for sooner, later in zip(ends, ends[1:])]
    assert all(gap >= least for gap, least in zip(gaps, (1, 2, 4))), gaps


def test_without_a_program_the_machine_goes_on(boot):
    machine = boot(files={"etc/inittab": "::sysinit:/no/such/thing\nno/tty::respawn:/bin/cat\n"
                                         "::respawn:/no/such/shell\n::respawn:-/bin/sh\n"})
    machine.await_log("/no/such/shell has ended soon")
    machine.await_log("cannot open /dev/no/tty")
    machine.type("echo alive" + ENTER)
    machine.wait("echo alive" + NEWLINE + "alive" + NEWLINE)


@pytest.mark.parametrize("inittab", ["shipped", "empty"])
def test_rc_runs_first(boot, inittab):
    files = {"etc/rc": "echo rc runs >/dev/kmsg\n"}
    if inittab == "empty":
        files["etc/inittab"] = "# nothing\nwrong\n"
    machine = boot(files=files)
    assert len(stamps(machine.log(), "rc runs")) == 1
    assert ("init does without" in machine.log()) == (inittab == "empty")


OLD = "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep 'sleep 100[1]'"


def test_sighup_reads_inittab_again(boot):
    machine = boot(files={"etc/inittab": "::respawn:-/bin/sh\n::respawn:/bin/sleep 1001\n"})
    shell, = machine.run("echo $$")
    machine.run("echo '::respawn:-/bin/sh' >/etc/inittab")
    machine.run("echo '::respawn:/bin/sh -c \"echo new >/dev/kmsg; sleep 1002\"' >>/etc/inittab")
    machine.run("kill -HUP 1")
    machine.await_log(r"\] new$")
    deadline = time.monotonic() + PATIENCE
    while machine.run(OLD) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not machine.run(OLD)
    assert machine.run("echo $$") == [shell]


def test_sigquit_lets_another_take_its_place(boot):
    machine = boot(files={"etc/inittab": "::respawn:-/bin/sh\n::restart:/bin/next one\n",
                          "bin/next": "#!/bin/sh\necho next is $$, $1 >/dev/kmsg\n"
                                      "exec /sbin/init\n"})
    machine.run("sleep 1003 &")
    machine.type("kill -QUIT 1" + ENTER)
    machine.await_log("next is 1, one")
    machine.wait()
    assert not machine.run("pidof sleep")


# ---- surviving ---------------------------------------------------------------------------------

def test_orphans_by_the_thousand_under_fire(boot):
    boot.overlay.add("bin/storm", STORM)
    machine = boot()
    machine.type("storm" + ENTER)
    machine.wait(r"storm\r")
    assert "zombies left: 0" in machine.wait()
    assert machine.run("cat /proc/audit")[-1] == "audit: clean"
    assert "init: " not in machine.log(), "a signal did something"


def test_nobody_but_root_can_ask(boot):
    boot.overlay.add("bin/ask", """
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
int main(void)
{
	int refused = 0;
	if (setuid(65534) == 0)
		for (int sig = 1; sig <= 64; sig++)
			refused += kill(1, sig) < 0 && errno == EPERM;
	printf("refused: %d\\n", refused);
}
""")
    machine = boot()
    assert machine.run("ask") == ["refused: 64"]
    assert machine.run("echo alive") == ["alive"]
    assert "init: " not in machine.log()


# ---- ending ------------------------------------------------------------------------------------

STATES = "cat /proc/[0-9]*/stat | cut -d ' ' -f 3"

# Each in a session of its own: the end of this script is no hang-up for them.
MANY = r"""#!/bin/sh
setsid busybox ash -c 'trap "echo got TERM >/dev/kmsg; exit" TERM; echo willing >/dev/kmsg
	while :; do sleep 1000 & wait; done' &
setsid busybox ash -c 'trap "" TERM; echo deaf >/dev/kmsg; while :; do sleep 1000; done' &
setsid busybox ash -c 'kill -STOP $$' &
"""


@pytest.mark.parametrize("command, last", [("poweroff", "power off"), ("reboot", "restart"),
                                           ("kill -INT 1", "restart")])
def test_the_end(boot, command, last):
    """The willing, the deaf and the stopped are ended, in this order, and nobody is left."""
    machine = boot(*support.ICOUNT, "--append", "init.verbose", files={"bin/many": MANY})
    machine.run("many")
    machine.await_log("deaf$")
    machine.await_log("willing$")
    deadline = time.monotonic() + PATIENCE
    while "T" not in " ".join(machine.run(STATES)) and time.monotonic() < deadline:
        time.sleep(0.1)
    machine.type(command + ENTER)
    assert machine.await_off() == 0
    log = machine.log()
    assert log.rstrip().endswith(f"] {last}"), log
    assert f"the machine will {last}" in log and "got TERM" in log
    assert re.search(r"got TERM(?s:.*)reaped \d+ \(orphan\), signal 9(?s:.*)" + last, log), log
    assert re.search(r"reaped \d+ \(orphan\), signal 15", log)
    assert log.count("has ended") == 0, "something was started again"


def test_an_idle_machine_ends_at_once(boot):
    """Nobody has to be killed, so nothing waits for a bound to pass."""
    machine = boot(*support.ICOUNT)
    machine.type("poweroff" + ENTER)
    assert machine.await_off() == 0
    asked, off = stamps(machine.log(), "(?:init: the machine will power off|power off)")
    assert off - asked < 1.5, "less than the time between SIGTERM and SIGKILL"


def test_halt_leaves_the_machine_on(boot):
    machine = boot()
    machine.type("halt" + ENTER)
    machine.await_log(r"System halted[.]$")
    assert machine.child.isalive()


@pytest.mark.parametrize("command, status", [
    ("poweroff; exec sleep 1000", 143), ("trap '' TERM; reboot; while :; do sleep 1; done", 137)])
def test_the_end_under_a_command(command, status):
    run = support.mitos("/bin/busybox", "ash", "-c", command)
    assert run.status == status, run


# ---- BusyBox's init in its place ---------------------------------------------------------------

JOB = "sh -c 'trap \"echo continued\" CONT; echo started; while :; do sleep 0.1; done'"


def test_busybox_init(boot):
    with open(support.ROOT / "user/etc/inittab") as shipped:
        inittab = shipped.read() + "::once:/bin/sh -c 'echo once >/dev/kmsg'\n"
    machine = boot("--append", "init=/bin/busybox-init", files={"etc/inittab": inittab}, prompt=ASH)
    assert "Welcome to mitos" in machine.child.before
    machine.await_log("once$")
    assert machine.run("readlink /proc/1/exe; readlink /proc/$$/exe") == ["/bin/busybox"] * 2
    machine.type(f"{JOB} | cat{ENTER}")
    machine.wait(NEWLINE + "started" + NEWLINE)
    machine.type("\x1a")
    machine.wait()
    assert [line.split()[:2] for line in machine.run("jobs")] == [["[1]+", "Stopped"]]
    machine.type("fg" + ENTER)
    machine.wait("continued" + NEWLINE)     # by then the terminal has been handed over
    machine.type(CTRL_C)
    machine.wait()
    machine.run("kill -9 1; kill -SEGV 1")
    first, = machine.run("echo $$")
    machine.type(CTRL_D)
    machine.wait()
    second, = machine.run("echo $$")
    assert int(second) > int(first)
    machine.type("poweroff" + ENTER)
    assert machine.await_off() == 0
    assert machine.log().rstrip().endswith("power off")
