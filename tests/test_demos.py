"""Every demonstration finds what it claims: on Linux, and on mitos with each kind of fork.

A demonstration ends with status 0 only if all that it checked was true. One machine shows them all.
"""

import re
import subprocess

import pytest

import support

DEMOS = sorted(path.stem for path in (support.ROOT / "user/demo").glob("*.c"))
# Each hop from one processor to another takes as long as a busy host likes.
ARGUMENTS = {"pingpong": "100"}
SCRIPT = "; ".join(f"echo @begin {demo}; {demo} {ARGUMENTS.get(demo, '')}; echo @end $?"
                   for demo in DEMOS)

# Lines without which a demonstration has not shown what it is for. "Anywhere" is Linux as well.
ANYWHERE = {
    "atfork": [r"\[ok\] and half a move is no good: left 70, right 0\n",
               "prepare C, prepare B, prepare A, child A, child B, child C\n",
               r"\[ok\] in the child: the lock can be had",
               r"for which nobody registered: ETIMEDOUT"],
    "autoreap": [r"\[ok\] but only when \d+ was gone", r"\[ok\] no zombie: "],
    "clonespectrum": [
        r"\n  fork +- +- +- +- +- +(\d+) +(\d+) +\2 +\1  parent /proc\n",
        r"\n  vfork +=( +-){4} ", r"\n  VM +=( +-){4} ", r"\n  VM\|FS +=( +=){2}( +-){2} ",
        r"\n  ..\|FILES +=( +=){3} +- ", r"\n  ..\|SIGHAND +=( +=){4} +(\d+) +(?!\2 )\d+ ",
        r"process (\d+),(.|\n)*\n  ..\|THREAD +=( +=){4} +(\d+) +\4 +(?!\4 )\d+ +\1  "
        "nobody task\n"],
    "cow": [r"\[ok\] the child reads all: 0 "],
    "daemon": [r"\[ok\] a child of mine that leads a group calls setsid: EPERM",
               r"\[ok\] session and group (\d+) have outlived process \1\n"],
    "forkbomb": [r"\[ok\] fork has failed \d+ times, always with EAGAIN",
                 r"\[ok\] meanwhile process \d+ has answered"],
    "forkserver": [r"\[ok\] so I cannot wait for it: ECHILD",
                   r"process (\d+),(.|\n)*\n  its parent +\1 +\1\n",
                   r"\n  threads +1 +1\n  locks that nobody will release +3 +0\n"],
    "ghostlock": [r"thread (\d+) has locked(.|\n)*\[ok\] the copy of the lock word says \1\n",
                  r"I wait for it, but not for ever: ETIMEDOUT",
                  r"\[ok\] it sleeps for ever: musl",
                  r"\[ok\] all do: fork has waited for malloc's lock"],
    "gc": [r"\[ok\] a worker sets bits in a bitmap, .* all 65536 objects\n"],
    "killtree": [r"\[ok\] the runaway, in a group of its own, lives", r"\[ok\] the newborn lives",
                 "Round 1: leader orphan\n  Round 2: worker runaway\n  Round 3: helper newborn\n"],
    "pingpong": [r"(\n  (pipes|futex) +(processes|threads) +\d+ ns +(\d+ ns|-)){4}\n"],
    "pid1": [r"\[ok\] SIGKILL to process 1: no error, and nothing happens"],
    "redis": [r"\[ok\] each snapshot had all values as they were"],
    "sigchld": [r"\[ok\] the handler ran once for 5 deaths", r"\[ok\] and buried 9:"],
    "spawn": [r"\n    32 MiB +[\d.]+ +[\d.]+ +[\d.]+ +\d+ +0 +0\n",
              r"\[ok\] after vfork and posix_spawn the parent writes as before"],
    "stopcont": [r"\n +\d+ +\d+ T    stopcont\n", r"ShdPnd is 0{13}200\n",
                 r"\[ok\] SIGKILL ended it at once"],
    "subreaper": [r"process (\d+)\.(.|\n)*\[ok\] the orphan \d+ has me, \1, for a parent"],
    "uninterruptible": [r"\[ok\] SIGKILL ends it though its child lives"],
    "zombieleak": [r"\[ok\] after \d+ requests fork fails with EAGAIN",
                   r"\[ok\] PID 1, their parent now, has waited for all"],
}
ON_MITOS = {
    "daemon": [r"\[ok\] its parent is 1:", r"\[ok\] it has opened a terminal, and still has none"],
    "forkbomb": [r"\[ok\] the bomb has 20 processes", r"\[ok\] I have waited for 20 processes"],
    "redis": [r"\[ok\] eager: all 8192 pages were copied by fork", r"\[ok\] cow: fork copied the ",
              r"\[ok\] cow-tables: fork copied next to nothing"],
    "pid1": [r"\[ok\] SIGSEGV to process 1: no error, and nothing happens"],
    "uninterruptible": [r" D    uninterruptible_read uninterruptible\n",
                        r"\[ok\] it has not ended: state D", r"ShdPnd: 0{13}100\n"],
    "zombieleak": [r"\[ok\] after 20 requests", r"\[ok\] a new server, \d+, can fork 20 times"],
}
IN_MODE = {
    "linux": {"cowmap": ["This needs mitos"], "gc": [r"takes page faults for 10[23]\d pages"],
              "spawn": [r"\[ok\] after fork each of its 8192 pages takes a page fault first"]},
    "eager": {"cowmap": [r"\[ok\] nothing was left to part"],
              "gc": [r"\[ok\] and copies \d pages: fork has copied them all"]},
    "cow": {"cowmap": [r"\[ok\] but the pages are, and W is in neither's entries"],
            "gc": [r"\[ok\] and copies 10[23]\d pages"],
            "spawn": [r"\[ok\] after fork each of its 8192 pages takes a page fault first"]},
    "cow-tables": {"cow": [r"32 pages copied, 0 reused; page tables copied: [1-4]\n"],
                   "cowmap": [r"\n   PDPT 10000000000 +([0-9a-f]+) +2  - +=  +\1 +2  -\n",
                              r"\n   PDPT 10000000000 +(\w+) +1  - +(?!\1 )\w+ +1  W\n",
                              r"\[ok\] three tables have parted: the way to that page"],
                   "gc": [r"\[ok\] and copies 10[23]\d pages"]},
}


def output_of(environment, stage):
    command = ["/bin/sh", "-c", SCRIPT]
    if environment != "linux":
        run = support.mitos("/bin/sh", "-c", SCRIPT + "; cat /proc/audit",
                            options=["--append", f"fork={environment}"])
        assert run.status == 0 and run.output.endswith(b"audit: clean\n"), run
        return run.output.decode()
    done = subprocess.run([support.ROOT / "tests/on-linux", "60", stage, *command],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90)
    if done.returncode == 77:
        pytest.skip("this machine allows no namespaces")
    return done.stdout


@pytest.mark.parametrize("environment", list(IN_MODE))
def test_demonstrations(environment, stage):
    text = output_of(environment, stage)
    shown = re.findall(r"@begin (\S+)\n(.*?)@end (\d+)\n", text, re.DOTALL)
    assert [demo for demo, *_ in shown] == DEMOS, text
    wrong = [f"{demo}: status {status}\n{said}" for demo, said, status in shown
             if status != "0" or "NOT OK" in said]
    for demo, said, _ in shown:
        expected = ANYWHERE.get(demo, []) + IN_MODE[environment].get(demo, [])
        if environment != "linux":
            expected = expected + ON_MITOS.get(demo, [])
        wrong += [f"{demo} did not say {line!r}\n{said}" for line in expected
                  if not re.search(line, said)]
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def test_pingpong_counts_instructions_where_the_clock_does():
    run = support.mitos("pingpong", "100", options=["--icount"])
    assert run.status == 0 and b"(this clock counts instructions: " in run.output, run


def test_the_greeting_names_every_demonstration():
    words = (support.ROOT / "user/etc/motd").read_text().split()
    assert not [demo for demo in DEMOS if demo not in words]
