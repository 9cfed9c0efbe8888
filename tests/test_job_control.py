"""Job control: the same session by our shell on Linux, by our shell on mitos, and by BusyBox's.

Nothing here waits for time to pass. A job is known to be in the foreground when it answers what is
typed, and to have changed when `jobs` or a notice says so.
"""

import os
import re

import pexpect
import pytest

from support import BUILD
from terminal import CTRL_C, CTRL_D, CTRL_Z, ENTER, NEWLINE, Terminal


ANSWER = "sh -c 'echo started; while read x; do echo got $x; done'"
# BusyBox's cat would do, but sendfile(2) from a terminal to a pipe waits for more than a line.
PIPELINE = f"{ANSWER} | while read y; do echo $y; done"
STARTED = NEWLINE + "started" + NEWLINE


class LinuxTerminal(Terminal):
    """Our shell in a pseudo-terminal of this machine, with the commands that mitos has."""

    def __init__(self):
        environment = dict(os.environ, PATH=str(BUILD / "root/bin"), TERM="linux", HOME="/tmp",
                           PS1="mitos:linux# ")
        self.start([str(BUILD / "user/sh")], environment)


def busybox_terminal():
    terminal = Terminal()
    terminal.type("PS1='mitos:ash# ' exec /bin/busybox ash" + ENTER)
    seen = terminal.wait("mitos:ash# ") + terminal.wait("mitos:ash# ")
    assert "job control" not in seen, seen
    return terminal


@pytest.fixture(scope="module", params=["linux", "mitos", "busybox"])
def session(request):
    """One shell for all that follows; no test leaves a job behind."""
    terminal = {"linux": LinuxTerminal, "mitos": Terminal, "busybox": busybox_terminal}[
        request.param]()
    terminal.which = request.param
    yield terminal
    terminal.close()


@pytest.fixture
def shell(session):
    yield session
    session.run("kill -9 %1; kill -9 %2")
    until(session, "jobs", lambda shown: not shown)


def until(shell, line, condition):
    """Types the line until what it prints is as wanted; returns that."""
    for _ in range(500):
        shown = shell.run(line)
        if condition("\n".join(shown)):
            return "\n".join(shown)
    pytest.fail(f"`{line}` prints {shown}")


def start(shell, command):
    """Starts a job that answers what is typed; before it has begun the terminal is the editor's."""
    shell.type(command + ENTER)
    shell.wait(STARTED)
    answers(shell, "first")


def answers(shell, text):
    shell.type(text + ENTER)
    shell.wait(f"got {text}" + NEWLINE)


def foreground(shell, line="fg"):
    """Brings a job to the foreground: its command is printed, and it answers."""
    shell.type(line + ENTER)
    shell.wait(NEWLINE + r"[^\r\n]*sh -c[^\r\n]*" + NEWLINE)
    answers(shell, "again")


def stop(shell):
    shell.type(CTRL_Z)
    return shell.wait()


def interrupt(shell):
    shell.type(CTRL_C)
    shell.wait()
    assert shell.run("echo status $?") == ["status 130"]


def test_stop_and_go_on(shell):
    start(shell, PIPELINE)
    assert "Stopped" in stop(shell)
    assert re.search(r"\[1\] ?\+ +Stopped.*sh -c.*\|", "\n".join(shell.run("jobs")))
    foreground(shell)
    interrupt(shell)
    assert shell.run("jobs") == []


def test_the_session_of_the_issue(shell):
    shell.type("sleep 100 | sh -c 'echo started; exec cat'" + ENTER)
    shell.wait(STARTED)
    assert "Stopped" in stop(shell)
    assert "Stopped" in until(shell, "jobs", lambda shown: "sleep 100" in shown)
    assert any("sleep 100" in line for line in shell.run("bg"))
    until(shell, "jobs", lambda shown: "Running" in shown)
    shell.run("kill %1")
    until(shell, "jobs", lambda shown: "sleep" not in shown)


def test_the_end_of_a_job_is_told(shell):
    shell.run("sleep 100 &")
    shell.type("kill %1" + ENTER)
    shell.wait()
    seen = shell.child.before
    for _ in range(500):
        if "Terminated" in seen:
            break
        seen += "\n".join(shell.run(""))
    assert "Terminated" in seen
    assert shell.run("jobs") == []


def test_a_finished_job_is_told(shell):
    seen = "\n".join(shell.run("sh -c 'exit 0' &"))
    for _ in range(500):
        if "Done" in seen:
            break
        seen += "\n".join(shell.run(""))
    assert re.search(r"\[1\] ?\+ +Done", seen), seen
    assert shell.run("jobs") == []


def test_two_jobs(shell):
    start(shell, PIPELINE)
    stop(shell)
    start(shell, ANSWER)
    stop(shell)
    shown = sorted(shell.run("jobs"))
    assert re.match(r"\[1\] ?- +Stopped.*sh -c.*\|", shown[0])
    assert re.match(r"\[2\] ?\+ +Stopped.*sh", shown[1])
    foreground(shell, "fg %1")
    stop(shell)
    assert re.search(r"\[1\] ?\+ +Stopped", "\n".join(shell.run("jobs")))
    foreground(shell, "fg %-")
    shell.type(CTRL_D)
    shell.wait()
    assert shell.run("echo status $?") == ["status 0"]


def test_a_background_reader_is_stopped(shell):
    shell.run(f"{ANSWER} &")
    until(shell, "jobs", lambda shown: "Stopped" in shown)
    foreground(shell)
    interrupt(shell)


def test_vi_is_stopped_and_comes_back(shell):
    shell.run("echo 'a line of text' >/tmp/job-control-text")
    shell.type("vi /tmp/job-control-text" + ENTER)
    shell.wait("a line of text")
    assert re.search("Stopped", stop(shell))
    assert "vi" in "".join(shell.run("jobs"))
    assert shell.run("echo still here") == ["still here"]
    shell.type("fg" + ENTER)
    shell.wait("a line of text")
    shell.type(":q!" + ENTER)
    shell.wait()
    assert shell.run("echo status $?; rm /tmp/job-control-text") == ["status 0"]


def test_ctrl_c_ends_waiting(shell):
    shell.run("sleep 100 &")
    shell.type("echo started; wait" + ENTER)
    shell.wait(STARTED)
    shell.type(CTRL_C)
    shell.wait()
    shell.run("kill %1")


def test_ctrl_c_ends_a_loop(shell):
    if shell.which != "busybox":    # which loses the signal now and then, on Linux, too
        shell.type("echo started; while :; do :; done; echo never" + ENTER)
        shell.wait(STARTED)
        interrupt(shell)
    start(shell, f"while true; do {ANSWER}; done")
    interrupt(shell)


def test_a_subshell_is_a_job(shell):
    start(shell, f"({ANSWER}; echo 'all is done')")
    stop(shell)
    foreground(shell)
    shell.type(CTRL_D)
    assert "all is done" in shell.wait()


def test_kill_reaches_a_stopped_job(shell):
    start(shell, PIPELINE)
    stop(shell)
    shell.run("kill %1; kill -CONT %1")
    until(shell, "jobs", lambda shown: "sh" not in shown)


def test_wait_for_a_job(shell):
    shell.run("sh -c 'exit 7' &")
    assert "status 7" in shell.run("wait $!; echo status $?")


def test_leaving_stopped_jobs_needs_insisting(shell):
    start(shell, ANSWER)
    stop(shell)
    assert "stopped jobs" in "\n".join(shell.run("exit"))
    assert shell.run("echo still here") == ["still here"]


def test_disown():
    shell = LinuxTerminal()
    shell.run("sleep 100 &")
    process, = shell.run("echo $!")
    shell.run("disown %1")
    assert shell.run("jobs") == []
    shell.run(f"kill {process}")
    shell.type("exit" + ENTER)
    shell.child.expect(pexpect.EOF)
