"""The calls about memory when an allocation fails: each is undone, and says why as on Linux."""

from concurrent.futures import ThreadPoolExecutor

from support import ONE_CPU, mitos

ROUNDS = 20     # of prog_memcalls: the failing allocation lies behind its start, before its end
FIRST_SLAB = 1100   # allocations after start-up
SLABS = 90          # more than a round has
FRAMES = range(2500, 3000, 11)
SLAB_CALLS = {"mmap", "mprotect", "mlock", "mlock-shared", "mremap", "mmap-shared", "memfd_create",
              "write", "mmap-memfd", "shmget", "shmat", "process_vm_writev", "process_vm_readv",
              "fork", "round"}


def failing(overlay, site, numbers):
    """The calls that failed in a machine for each number, whose allocation there fails."""
    def fail(nth):
        script = f"/tests/prog_memcalls {ROUNDS}; tail -n 1 /proc/audit"
        return mitos("/bin/busybox", "ash", "-c", script,
                     options=[*ONE_CPU, "--overlay", overlay,
                              "--append", f"fork=cow fail={site}:{nth}"])

    failed = set()
    with ThreadPoolExecutor(2) as pool:
        for run in pool.map(fail, numbers):
            if "out of memory: killed" in run.log.lower():  # by a page fault, which cannot be told
                continue
            *lines, audit = run.output.decode().splitlines()
            assert audit == "audit: clean", run
            assert not [line for line in lines if not line.startswith("failed: ")], run
            failed |= {line.split()[1] for line in lines}
    return failed


def test_every_small_allocation_fails_once(guest_overlay):
    assert failing(guest_overlay, "slab", range(FIRST_SLAB, FIRST_SLAB + SLABS)) == SLAB_CALLS


def test_frames_fail_here_and_there(guest_overlay):
    assert failing(guest_overlay, "frame", FRAMES) >= {"fork", "round"}
