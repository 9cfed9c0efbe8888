"""A person at the terminal: the prompt, what is typed, and the life of processes as seen there."""

import re

import pexpect
import pytest

from terminal import CTRL_C, CTRL_D, ENTER, LEFT, NEWLINE, UP, Terminal


@pytest.fixture(scope="module")
def stage_options(guest_overlay):
    return ["--overlay", str(guest_overlay)]


@pytest.fixture(scope="module")
def shared(stage_options):
    """One machine for the tests that leave nothing behind."""
    terminal = Terminal(*stage_options)
    yield terminal
    terminal.close()


@pytest.fixture
def terminal(shared):
    """The shared machine, at a fresh prompt whatever the test before did."""
    shared.type(CTRL_C)
    shared.wait()
    return shared


@pytest.fixture
def own_terminal():
    terminal = Terminal()
    yield terminal
    terminal.close()


def test_a_command_answers(terminal):
    assert terminal.run("echo hello") == ["hello"]


def test_pipeline(terminal):
    assert terminal.run("echo one two | cat | cat") == ["one two"]


def test_redirection(terminal):
    assert terminal.run("echo first >/tmp/redirected; echo second >>/tmp/redirected") == []
    assert terminal.run("cat </tmp/redirected") == ["first", "second"]
    assert terminal.run("cat /nonexistent 2>/tmp/error; echo $?") == ["1"]
    assert "nonexistent" in terminal.run("cat /tmp/error")[0]


def test_status_and_conditions(terminal):
    assert terminal.run("sh -c 'exit 3'; echo $?") == ["3"]
    assert terminal.run("sh -c 'exit 1' && echo no || echo yes") == ["yes"]
    assert terminal.run("no-such-command; echo $?")[-1] == "127"


def test_family_through_a_file(terminal):
    assert terminal.run("family | cat > /tmp/f") == []
    assert len(terminal.run("cat /tmp/f")) > 5
    assert terminal.run("family > /tmp/f; echo $?") == ["0"]


def test_zombie_is_shown_and_reaped(terminal):
    shown = terminal.run("zombie; echo status $?")
    assert shown[-1] == "status 0"
    assert any(re.search(r"\bZ\b", line) and "<defunct>" in line for line in shown), shown
    assert not [line for line in terminal.run("ps") if "defunct" in line]


def test_orphan_is_adopted(terminal):
    shown = terminal.run("orphan; echo status $?")
    assert shown[-1] == "status 0", shown
    assert not [line for line in terminal.run("ps") if "orphan" in line]


def test_null_pointer_kills_the_program_alone(terminal):
    assert terminal.run("/tests/prog_nullwrite; echo status $?")[-1] == "status 139"
    assert terminal.run("echo alive") == ["alive"]


def test_the_audit_is_clean(terminal):
    assert terminal.run("cat /proc/audit")[-1] == "audit: clean"


@pytest.mark.parametrize("program", ["sleep 100", "cat", "sleep 100 | cat"])
def test_ctrl_c_ends_the_foreground(terminal, program):
    terminal.type(f"sh -c 'echo started; {program}'{ENTER}")
    terminal.wait(NEWLINE + "started" + NEWLINE)
    terminal.type(CTRL_C)
    terminal.wait()
    assert terminal.run("echo $?") == ["130"]


def test_ctrl_c_forgets_the_line(terminal):
    terminal.type("echo never" + CTRL_C)
    assert not re.search("never" + NEWLINE + "never", terminal.wait())
    assert terminal.run("echo next") == ["next"]


def test_ctrl_d_ends_the_input_of_a_program(terminal):
    terminal.type("cat" + ENTER)
    terminal.wait("cat" + NEWLINE)
    terminal.type("line" + ENTER + CTRL_D)
    terminal.wait("line" + NEWLINE + "line" + NEWLINE)
    terminal.wait()
    assert terminal.run("echo $?") == ["0"]


def test_background_and_wait(terminal):
    def listed():
        return any(line.split()[0] == pid for line in terminal.run("ps")[1:])

    terminal.run("sleep 1 &")
    pid, = terminal.run("echo $!")
    assert listed()
    terminal.run("wait")
    assert not listed()


def test_history_and_editing(terminal):
    assert terminal.run("echo one") == ["one"]
    assert terminal.run("echo two") == ["two"]
    assert terminal.run(UP + UP) == ["one"]
    assert terminal.run("echo ac" + LEFT + "b") == ["abc"]
    assert terminal.run("echo wrong\x15echo right") == ["right"]
    assert terminal.run("echo " + "long" * 40)[-1] == "long" * 40


def test_the_window_size_arrives(terminal):
    columns = 80 - len("mitos:/root# ")
    terminal.type("x" * columns + "y")
    terminal.wait(f"x{{{columns}}} ?\r?y")


def test_ctrl_d_ends_the_shell_and_init_starts_another(own_terminal):
    first = own_terminal.run("echo $$")
    own_terminal.type(CTRL_D)
    own_terminal.wait()
    second = own_terminal.run("echo $$")
    assert int(second[0]) > int(first[0])


def test_killing_init_is_refused_or_panics_never_silent(own_terminal):
    """Linux protects PID 1 from signals it does not handle; so do we."""
    own_terminal.run("kill -9 1")
    assert own_terminal.run("echo alive") == ["alive"]


def test_ctrl_a_x_leaves_the_machine(own_terminal):
    own_terminal.type("\x01x")
    own_terminal.child.expect(pexpect.EOF)
    own_terminal.child.wait()
    assert own_terminal.child.exitstatus == 0
