"""The OOM killer's sysctl that ends the machine, and a machine that is told to."""

from support import mitos

HOG = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Takes so many MiB and keeps them, or, without a number, all that it can get. */
int main(int argc, char **argv)
{
	int limit = argc > 1 ? atoi(argv[1]) : -1;

	for (int i = 0; i != limit; i++)
		memset(malloc(1 << 20), 1, 1 << 20);
	puts("held");
	fclose(stdout);
	pause();
}
"""
# Everybody but a process of its own is at -1000, what holds most of the memory, too.
NOBODY_ELSE = r"""
exec 2>/dev/null
for file in /proc/[0-9]*/oom_score_adj; do echo -1000 >$file; done
mkfifo /tmp/ready
/hog 36 >/tmp/ready &
read word </tmp/ready; echo $word
(echo -900 >/proc/self/oom_score_adj; exec /hog)
echo $?; kill $!; wait $!; echo $?
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


def test_at_minus_1000_is_no_candidate(overlay):
    overlay.add("hog", HOG)
    run = mitos("/bin/busybox", "ash", "-c", f"mkdir -p /tmp; {NOBODY_ELSE}",
                options=[*overlay.options, "--mem", "64M"])
    assert run.output.decode().split() == ["held", "137", "143"], f"{run}\n{run.log}"
