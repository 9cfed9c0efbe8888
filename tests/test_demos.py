"""Every demonstration finds what it claims: on Linux, and on mitos with each kind of fork.

A demonstration ends with status 0 only if all that it checked was true. One machine shows them all.
"""

import re
import subprocess

import pytest

import support

DEMOS = sorted(path.stem for path in (support.ROOT / "user/demo").glob("*.c"))
SCRIPT = "; ".join(f"echo @begin {demo}; {demo}; echo @end $?" for demo in DEMOS)


def output_of(environment, stage):
    command = ["/bin/sh", "-c", SCRIPT]
    if environment != "linux":
        run = support.mitos(*command, options=["--append", f"fork={environment}"])
        assert run.status == 0, run
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
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def test_the_greeting_names_every_demonstration():
    words = (support.ROOT / "user/etc/motd").read_text().split()
    assert not [demo for demo in DEMOS if demo not in words]
