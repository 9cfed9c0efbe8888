"""`tools/mitos run --on linux`: the same command, status and streams on Debian's Linux.

Its kernel is downloaded only when somebody asks for it, so without it these tests are skipped.
"""

import pytest

from support import BUILD, mitos
from mitoslib import linux

pytestmark = pytest.mark.skipif(not linux.installed(BUILD),
                                reason="no build/linux: run make bench BENCH_LINUX=1 once")
ON_LINUX = ["--on", "linux"]


def test_status_and_streams():
    run = mitos("/bin/sh", "-c", "cat; exit 7", options=ON_LINUX, stdin=b"\x00\x03a\tb\x7f\xff\n")
    assert run.status == 7, run
    assert run.output == b"\x00\x03a\tb\x7f\xff\n"
    assert "Linux version 6" in run.log


def test_the_console_is_the_one_the_host_reads(overlay):
    overlay.add("bin/say", '#include <stdio.h>\n'
                           'int main(void) { fputs("said", fopen("/dev/console", "w")); }\n')
    run = mitos("say", options=[*ON_LINUX, *overlay.options])
    assert run.output == b"said", run


def test_no_init_is_a_failed_run():
    run = mitos("echo", "never", options=[*ON_LINUX, "--append", "rdinit=/nonexistent init=/none"])
    assert run.status == 125 and "panic" in run.errors, run
