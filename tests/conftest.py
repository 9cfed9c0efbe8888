"""Fixtures: directories with guest programs, made once, and the runs of the guest tests."""

import concurrent.futures
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

import batches
import support
from mitoslib import klog


# A shell without job control has these ignored by what it runs in the background, and what the
# tests start would inherit that. What is handled here is not ignored by what is executed.
for number in (signal.SIGINT, signal.SIGQUIT):
    signal.signal(number, signal.default_int_handler)


@pytest.fixture(scope="session")
def new_lock_reports():
    """A function that returns the lock checker's reports (make LOCKCHECK=1) of the runs that ended
    since it was called last, and forgets them."""
    kept = support.BUILD / klog.LOCK_REPORTS

    def take():
        text = kept.read_text(errors="replace") if kept.exists() else ""
        kept.unlink(missing_ok=True)
        return support.lock_reports(text)

    take()
    yield take
    assert not take()


@pytest.fixture(autouse=True)
def no_lock_report(new_lock_reports):
    """A report of the lock checker fails the test whose machine made it, or, if that machine went
    off between two tests, the later one."""
    yield
    reports = list(filter(support.is_fault, new_lock_reports()))
    if reports:
        pytest.fail("\n".join(reports), pytrace=False)


@pytest.fixture(scope="session")
def stage():
    """A copy of mitos's root file system with the guest tests in /tests, open to every user."""
    with tempfile.TemporaryDirectory(prefix="mitos-stage.") as name:
        directory = Path(name)
        directory.chmod(0o755)
        shutil.copytree(support.BUILD / "root", directory, symlinks=True, dirs_exist_ok=True)
        support.stage_guest_programs(directory)
        yield directory


@pytest.fixture(scope="session")
def guest_overlay(tmp_path_factory):
    """The guest tests alone, as an overlay."""
    directory = tmp_path_factory.mktemp("overlay")
    support.stage_guest_programs(directory)
    return directory


def is_guest_test(item):
    return item.path.stem == "test_guest"


def pytest_collection_modifyitems(items):
    """The guest tests come last, since their machines run while the others are tested."""
    items.sort(key=is_guest_test)


@pytest.fixture(scope="session", autouse=True)
def outcomes(request):
    """For each environment the future of its guest tests' outcomes. One environment runs at a
    time, beside the tests, from their start."""
    wanted = {}
    for item in filter(is_guest_test, request.session.items):
        environment, name = item.callspec.params["environment"], item.callspec.params["name"]
        if batches.applicable(environment, name):
            wanted.setdefault(environment, []).append(name)
    if not wanted:
        yield {}
        return
    directories = [request.getfixturevalue(name) for name in ("stage", "guest_overlay")]
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        yield {environment: pool.submit(batches.run_all, environment, names, *directories)
               for environment, names in wanted.items()}


@pytest.fixture
def overlay(tmp_path):
    """An empty overlay, and a function that compiles C text into a program in it."""
    class Overlay:
        path = tmp_path / "overlay"
        options = ["--overlay", str(path)]

        def add(self, name, source):
            support.musl(source, self.path / name)

    Overlay.path.mkdir()
    return Overlay()
