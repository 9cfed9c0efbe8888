"""Credentials as a user meets them: su and id; and what a change of them does without memory."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import BUILD, ONE_CPU, mitos

CALLS = {"setgroups", "setresgid", "capset", "ambient", "keepcaps", "setresuid", "access", "back",
         "regain", "nogroups", "execve"}
ROUNDS = 100    # of prog_cred: the failing allocation lies far behind its start, and before its end
FIRST = 3000    # allocations after start-up
SWEEP = 45      # more than a round has


@pytest.mark.parametrize("command, output", [
    ("su nobody -s /bin/sh -c id",
     "uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)\n"),
    ("su nobody -c 'cat /etc/shadow; kill -9 1; echo >/root/x; id -un' 2>/dev/null", "nobody\n"),
    ("id", "uid=0(root) gid=0(root)\n"),
    ("setpriv --nnp su nobody -c 'grep NoNewPrivs /proc/self/status'", "NoNewPrivs:\t1\n"),
    ("cp /bin/sh /tmp/as && chmod 4755 /tmp/as && "
     "su nobody -c \"/tmp/as -c 'grep Uid /proc/\\$\\$/status'; id -u\"",
     "Uid:\t65534\t0\t0\t0\n65534\n"),
])
def test_commands(command, output):
    run = mitos("/bin/busybox", "ash", "-c", f"mkdir -p /tmp; {command}; tail -n 1 /proc/audit")
    assert run.output.decode() == f"{output}audit: clean\n", run


@pytest.fixture
def machine(guest_overlay, tmp_path):
    """The overlay of the guest tests with a program of another's, which prog_cred makes one."""
    overlay = tmp_path / "overlay"
    shutil.copytree(guest_overlay, overlay)
    shutil.copy(BUILD / "tests/guest/prog_cred", overlay / "suid")
    return overlay


def test_a_failing_allocation_changes_nothing(machine):
    """Each of a round's allocations fails once, each in a machine of its own."""
    def fail(nth):
        script = f"/tests/prog_cred {ROUNDS}; tail -n 1 /proc/audit"
        return mitos("/bin/busybox", "ash", "-c", script,
                     options=[*ONE_CPU, "--overlay", machine, "--append", f"fail=slab:{nth}"])

    failed = set()
    with ThreadPoolExecutor(2) as pool:
        for run in pool.map(fail, range(FIRST, FIRST + SWEEP)):
            *lines, audit = run.output.decode().splitlines()
            assert audit == "audit: clean", run
            assert not [line for line in lines if line.startswith("wrong")], run
            failed |= {line.split()[1] for line in lines}
    assert failed == CALLS
