"""Credentials as a user meets them: su and id."""

import pytest

from support import mitos


@pytest.mark.parametrize("command, output", [
    ("su nobody -s /bin/sh -c id",
     "uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)\n"),
    ("su nobody -c 'cat /etc/shadow; kill -9 1; echo >/root/x; id -un' 2>/dev/null", "nobody\n"),
    ("id", "uid=0(root) gid=0(root)\n"),
    ("setpriv --nnp su nobody -c 'grep NoNewPrivs /proc/self/status'", "NoNewPrivs:\t1\n"),
    ("cp /bin/sh /tmp/as && chmod 4755 /tmp/as && "
     "su nobody -c \"/tmp/as -c 'grep Uid /proc/\\$\\$/status'; id -u\"",
     "Uid:\t65534\t0\t0\t0\n65534\n"),
])
def test_commands(command, output):
    run = mitos("/bin/busybox", "ash", "-c", f"mkdir -p /tmp; {command}; tail -n 1 /proc/audit")
    assert run.output.decode() == f"{output}audit: clean\n", run
