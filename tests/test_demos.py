"""Every demonstration finds what it claims: on Linux, and on mitos with each kind of fork.

A demonstration ends with status 0 only if all that it checked was true. One machine shows them all.
"""

import re
import subprocess

import pytest

import support

DEMOS = sorted(path.stem for path in (support.ROOT / "user/demo").glob("*.c"))
SCRIPT = "; ".join(f"echo @begin {demo}; {demo}; echo @end $?" for demo in DEMOS)

# Lines without which a demonstration has not shown what it is for. "Anywhere" is Linux as well.
ANYWHERE = {
    "autoreap": [r"\[ok\] but only when \d+ was gone", r"\[ok\] no zombie: "],
    "daemon": [r"\[ok\] a child of mine that leads a group calls setsid: EPERM",
               r"\[ok\] session and group (\d+) have outlived process \1\n"],
    "forkbomb": [r"\[ok\] fork has failed \d+ times, always with EAGAIN",
                 r"\[ok\] meanwhile process \d+ has answered"],
    "killtree": [r"\[ok\] the runaway, in a group of its own, lives", r"\[ok\] the newborn lives",
                 "Round 1: leader orphan\n  Round 2: worker runaway\n  Round 3: helper newborn\n"],
    "pid1": [r"\[ok\] SIGKILL to process 1: no error, and nothing happens"],
    "sigchld": [r"\[ok\] the handler ran once for 5 deaths", r"\[ok\] and buried 9:"],
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
    "pid1": [r"\[ok\] SIGSEGV to process 1: no error, and nothing happens"],
    "uninterruptible": [r" D    uninterruptible_read uninterruptible\n",
                        r"\[ok\] it has not ended: state D", r"ShdPnd: 0{13}100\n"],
    "zombieleak": [r"\[ok\] after 20 requests", r"\[ok\] a new server, \d+, can fork 20 times"],
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


@pytest.mark.parametrize("environment", ["linux", "cow", "eager"])
def test_demonstrations(environment, stage):
    text = output_of(environment, stage)
    shown = re.findall(r"@begin (\S+)\n(.*?)@end (\d+)\n", text, re.DOTALL)
    assert [demo for demo, *_ in shown] == DEMOS, text
    wrong = [f"{demo}: status {status}\n{said}" for demo, said, status in shown
             if status != "0" or "NOT OK" in said]
    for demo, said, _ in shown:
        expected = ANYWHERE.get(demo, [])
        if environment != "linux":
            expected = expected + ON_MITOS.get(demo, [])
        wrong += [f"{demo} did not say {line!r}\n{said}" for line in expected
                  if not re.search(line, said)]
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def test_the_greeting_names_every_demonstration():
    words = (support.ROOT / "user/etc/motd").read_text().split()
    assert not [demo for demo in DEMOS if demo not in words]
