"""The lock checker (make LOCKCHECK=1) and the watchdog: mistakes made on purpose are reported.

/proc/lockcheck of the checker's kernel makes them. No time is measured: the watchdog counts ticks,
and the kernel code that loops does so until it is reported.
"""

import re
import shutil

import pytest

from support import BUILD, CHECKS_LOCKS, ONE_CPU, ROOT, checked, lock_reports, mitos

PATIENCE = 240


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """The checker's kernel in a directory of its own: what it reports here fails no test."""
    made = BUILD
    if not CHECKS_LOCKS:
        made = BUILD / "lockcheck"
        checked("make", "kernel", "LOCKCHECK=1", f"O={made}", cwd=ROOT)
    directory = tmp_path_factory.mktemp("lockcheck")
    shutil.copy(made / "kernel.elf", directory)
    shutil.copy(BUILD / "initramfs.cpio", directory)
    return directory


def provoke(build, *mistakes, options=ONE_CPU, before=""):
    script = f"{before}; for m in {' '.join(mistakes)}; do echo $m >/proc/lockcheck; done"
    return mitos("sh", "-c", script.lstrip("; "), options=options, build=build, timeout=PATIENCE)


def the_report(run):
    """The only one."""
    reports = lock_reports(run.log)
    assert len(reports) == 1, f"{len(reports)} reports\n{run.log}\n{run}"
    return reports[0]


# What is written to /proc/lockcheck, and what the report must say, in this order.
REPORTS = {
    "order": ["wrong order: spinlock 'mistake a' is taken while 'mistake c' is held",
              "spinlock 'mistake c' was taken at lock_both", "is taken at lock_both",
              "'mistake b' at lock_both", "then 'mistake c' at lock_both",
              "'mistake a' at lock_both", "then 'mistake b' at lock_both",
              r"CPU 0, task \d+ \(sh\)", "wrong_order", "sys_write"],
    "mutex-order": ["wrong order: mutex 'mistake a' is taken while 'mistake b' is held",
                    "mutex 'mistake b' was taken at wrong_mutex_order", "sys_write"],
    "class": ["two of a class: spinlock 'mistake c' is taken while another 'mistake c' is held",
              "was taken at lock_both", "is taken at lock_both", "two_of_a_class"],
    "twice": ["spinlock 'mistake a' is released, but nobody holds it",
              "released at release_twice"],
    "thief": ["spinlock 'mistake b' of CPU 16 is released by CPU 0",
              "released at release_of_another"],
    "hold": [r"spinlock 'mistake a' was held for \d+ ms", "was taken at hold_long",
             "released at hold_long"],
    "sleep": ["a mutex is taken while spinlock 'mistake a' is held",
              "was taken at sleep_under_lock", "may sleep at sleep_under_lock"],
}


@pytest.mark.parametrize("mistake", REPORTS)
def test_mistake_is_reported_once(build, mistake):
    run = provoke(build, mistake, mistake)
    assert run.status == 0
    report = the_report(run)
    assert re.search(".*".join(REPORTS[mistake]), report, re.DOTALL), report


def test_mutex_that_is_left_behind(build):
    report = the_report(provoke(build, "leave"))
    assert "mutex 'mistake b' is held at the end of a system call" in report
    assert "was taken at leave_with_mutex" in report


def test_lock_taken_again_is_a_panic_and_no_hang(build):
    run = provoke(build, "again")
    assert run.status == 125
    assert re.search(r"kernel panic: lockcheck: spinlock 'mistake a' is taken again by its holder "
                     r"at take_again\+\w+; it was taken at take_again\+", run.log)


def test_schedule_under_a_lock(build):
    run = provoke(build, "schedule")
    assert run.status == 125
    assert "schedule() is called while spinlock 'mistake a' is held" in the_report(run)


def test_unknown_mistake_is_refused(build):
    run = mitos("sh", "-c", "echo nonsense >/proc/lockcheck", build=build)
    assert run.status and "nvalid argument" in run.output.decode()
    assert not lock_reports(run.log)


def test_order_that_was_learned(build):
    run = mitos("sh", "-c", "ls / | cat >/dev/null; cat /proc/lockcheck", build=build)
    text = run.output.decode()
    assert text.startswith("0 mistakes reported"), text
    levels = {f"{kind} {name}": int(level) for kind, level, name in re.findall(
        r"^(mutex|spinlock) +(\d+) +\d+ +\S+  (.*?)\r?$", text, re.MULTILINE)}
    edges = re.findall(r"^(.*?) -> (.*?)\t\(\w+\+0x\w+, \w+\+0x\w+\)\r?$", text, re.MULTILINE)
    assert "mutex mm" in levels and levels["spinlock tasklist"] == 0
    assert ("spinlock tasklist", "spinlock signals") in edges
    assert ("spinlock run queue", "spinlock timers") in edges
    assert all(levels[outer] < levels[inner] for outer, inner in edges)


def test_ordinary_kernel_checks_nothing():
    if CHECKS_LOCKS:
        pytest.skip("this is no ordinary kernel")
    assert mitos("test", "-e", "/proc/lockcheck").status == 1
    assert "lockcheck" not in checked("nm", BUILD / "kernel.elf")


SECOND = "echo 1 >/proc/sys/kernel/watchdog_thresh"
HOG = "while :; do :; done &"


def test_soft_lockup(build):
    """Kernel code loops while another process wants the CPU."""
    log = provoke(build, "spin", before=f"{SECOND}; {HOG} h=$!").log
    assert re.search(r"soft lockup: CPU 0 has not given way for 1 seconds\n"
                     r".*CPU 0, task \d+ \(\w+\)\n.* spin\+0x\w+\n(.*\n)*?.* sys_write\+",
                     log), log
    assert log.count("lockup:") == 1


@pytest.mark.parametrize("mistake, message", [("spin", "soft lockup"),
                                              ("spin-off", "hard lockup")])
def test_lockup_shows_every_cpu(build, mistake, message):
    """So many processes want the CPUs that one waits for each."""
    log = provoke(build, mistake, options=("--smp", "3"),
                  before=f"{SECOND}; for i in 1 2 3 4 5 6; do {HOG} done").log
    found = re.search(rf"{message}: CPU (\d) has", log)
    assert found, log
    tail = log[found.end():]
    shown = re.findall(r"CPU (\d), task \d+ \(\w+\)(.*)\n(?=(.*))", tail)
    assert sorted(cpu for cpu, _, _ in shown) == ["0", "1", "2"], log
    stuck = [line for cpu, _, line in shown if cpu == found.group(1)]
    assert " spin" in stuck[0], log
    assert all("in user mode" in mode or "+0x" in line for _, mode, line in shown), log


def test_watchdog_is_off_at_0(build):
    run = mitos("sh", "-c", "cd /proc/sys/kernel; cat watchdog_thresh; echo 0 >watchdog_thresh; "
                            "cat watchdog_thresh; echo 61 >watchdog_thresh", build=build)
    assert run.output.split()[:2] == [b"10", b"0"] and b"nvalid argument" in run.output
