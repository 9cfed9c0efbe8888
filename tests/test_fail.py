"""`fail=frame:N` and `fail=slab:N`: one allocation fails, one call says so, and nothing is lost.

What each call does when an allocation of its own fails is tests/guest/*fail*.c's.
"""

import pytest

from support import ONE_CPU, mitos

CALLS = r"""
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
int main(void)
{
	int failed = 0;
	for (int i = 0; i < 4000; i++) {
		int fd = memfd_create("small objects", 0);
		void *page = mmap(NULL, 4096, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		failed += fd < 0 || page == MAP_FAILED || mlock(page, 4096);
		munmap(page, 4096);
		close(fd);
	}
	printf("%d\n", failed);
	return 0;
}
"""


@pytest.mark.parametrize("site", ["slab", "frame"])
def test_one_fails(overlay, site):
    overlay.add("calls", CALLS)
    failures = []
    for nth in range(5000, 5005):   # after the boot, and before the calls are all made
        run = mitos("/bin/sh", "-c", "/calls; tail -n 1 /proc/audit",
                    options=[*overlay.options, *ONE_CPU, "--append", f"fail={site}:{nth}"])
        failed, audit = run.output.decode().splitlines()
        assert audit == "audit: clean", run
        failures.append(int(failed))
    assert set(failures) == {1}, failures
