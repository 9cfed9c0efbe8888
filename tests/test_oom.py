"""The OOM killer's sysctl that ends the machine, and a machine that is told to."""

from support import mitos

HOG = r"""
#include <stdlib.h>
#include <string.h>

int main(void)
{
	for (;;)
		memset(malloc(1 << 20), 1, 1 << 20);
}
"""


def test_panic_on_oom(overlay):
    overlay.add("hog", HOG)
    run = mitos("/bin/busybox", "ash", "-c", "echo 1 >/proc/sys/vm/panic_on_oom; /hog",
                options=[*overlay.options, "--mem", "64M"])
    assert run.status == 125, run
    assert "panic: Out of memory: system-wide panic_on_oom is enabled" in run.log, run.log


def test_without_it_the_shell_lives(overlay):
    overlay.add("hog", HOG)
    run = mitos("/bin/busybox", "ash", "-c", "/hog; echo $?; tail -n 1 /proc/audit",
                options=[*overlay.options, "--mem", "64M"])
    assert run.output.decode().splitlines()[-2:] == ["137", "audit: clean"], run
