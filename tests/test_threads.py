"""Programs with threads, linked with musl and with Debian's glibc, do on mitos as they do on Linux.

The programs are tests/threads: mutexes and all the other locks, cancellation, signals, fork, exec
and exit in a process with threads, posix_spawn, C++'s threads, OpenMP. Each prints what it finds,
and must print the same, and end with the same status, on Linux and on mitos with one and with two
processors.
"""

import concurrent.futures
import re
import shutil
import subprocess

import pytest

import support
from support import BUILD, ROOT, mitos

SOURCES = ROOT / "tests/threads"
PROCESSORS = [support.SMP] if support.SMP else ["1", "2"]
LIBRARIES = {"musl": "musl-gcc", "glibc": "gcc"}
ENDS_WITH = {"cxx": 134}    # others with 0
GLIBC_ONLY = {"openmp"}
SECONDS = 60        # for one program
ALL_SECONDS = 600   # for all of a library
DRIVER = rf"""
mkdir -p -m 1777 /tmp /dev/shm
cd /tmp
for program; do
	echo "@begin ${{program##*/}}"
	timeout -s KILL {SECONDS} $program </dev/null >output 2>&1
	status=$?
	cat output
	printf '\n@end %d\n' $status
done
tail -n 1 /proc/audit 2>/dev/null
"""


def programs():
    """(library, name) of each program."""
    for path in sorted(SOURCES.glob("*.c*")):
        if path.suffix == ".c" and path.stem not in GLIBC_ONLY:
            yield "musl", path.stem
        yield "glibc", path.stem


PROGRAMS = list(programs())


def compile_one(directory, library, name):
    """Compiles a program, if this machine can, as directory/LIBRARY/NAME."""
    source = next(SOURCES.glob(f"{name}.c*"))
    compiler = ["g++", "-std=c++20"] if source.suffix == ".cc" else [LIBRARIES[library]]
    if not shutil.which(compiler[0]):
        return
    threads = "-fopenmp" if name == "openmp" else "-pthread"
    (directory / library).mkdir(exist_ok=True)
    support.checked(*compiler, "-static", "-O2", "-w", threads, "-o", directory / library / name,
                    source)


def results(output):
    """name -> what the program printed, and its status."""
    found = re.findall(r"^@begin (\S+)\n(.*?)\n@end (\d+)$", output, re.M | re.S)
    return {name: (text, int(status)) for name, text, status in found}


def run_on_linux(root, commands):
    return subprocess.run([ROOT / "tests/on-linux", str(ALL_SECONDS), root, "/bin/busybox", "ash",
                           "-c", DRIVER, "sh", *commands],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)


def run_on_mitos(overlay, processors, commands):
    return mitos("/bin/busybox", "ash", "-c", DRIVER, "sh", *commands, timeout=ALL_SECONDS,
                 options=["--overlay", str(overlay), "--mem", "512M", "--smp", processors])


@pytest.fixture(scope="module")
def runs(request, tmp_path_factory):
    """(where, library) -> the future of the run of all its programs. Two run at a time. Where is
    "linux" or a number of processors."""
    wanted = {}
    for item in request.session.items:
        if item.module is request.module:
            where = item.callspec.params.get("processors", "linux")
            library, name = item.callspec.params["program"]
            for place in {"linux", where}:
                wanted.setdefault((place, library), set()).add(name)
    overlay, root = tmp_path_factory.mktemp("overlay"), tmp_path_factory.mktemp("root")
    (overlay / "threads").mkdir()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        needed = {(library, name) for (_, library), names in wanted.items() for name in names}
        list(pool.map(lambda one: compile_one(overlay / "threads", *one), needed))
        for tree in (BUILD / "root", overlay):
            shutil.copytree(tree, root, symlinks=True, dirs_exist_ok=True)
        for directory in (root, *root.parents[:1]):
            directory.chmod(0o755)
        futures = {}
        for (where, library), names in wanted.items():
            commands = [f"/threads/{library}/{name}" for name in sorted(names)
                        if (overlay / "threads" / library / name).exists()]
            if where == "linux":
                futures[where, library] = pool.submit(run_on_linux, root, commands)
            else:
                futures[where, library] = pool.submit(run_on_mitos, overlay, where, commands)
        yield futures


def linux_result(runs, library, name):
    """What the program did on Linux."""
    done = runs["linux", library].result()
    if done.returncode == 77:
        pytest.skip("this machine allows no namespaces")
    found = results(done.stdout)
    if name not in found and not shutil.which(LIBRARIES[library]):
        pytest.skip("there is no compiler for it here")
    assert name in found, f"{done.stdout[-2000:]}{done.stderr}"
    return found[name]


def name_of(program):
    return "-".join(program)


@pytest.mark.parametrize("program", PROGRAMS, ids=name_of)
def test_on_linux(program, runs):
    text, status = linux_result(runs, *program)
    assert status == ENDS_WITH.get(program[1], 0), text


@pytest.mark.parametrize("program", PROGRAMS, ids=name_of)
@pytest.mark.parametrize("processors", PROCESSORS)
def test_on_mitos(processors, program, runs):
    library, name = program
    run = runs[processors, library].result()
    assert results(run.output.decode(errors="replace")).get(name, f"no result\n{run}") == \
        linux_result(runs, library, name)
    assert run.output.endswith(b"\naudit: clean\n"), run
