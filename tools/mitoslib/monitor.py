"""QEMU's monitor, by which the machine is changed while it runs (QMP, docs/interop/qmp-spec)."""

import json
import socket

from .errors import Problem


class Monitor:
    """One end of a connection that QEMU, given arguments and fd, has the other end of."""

    def __init__(self, resources):
        ours, theirs = [resources.enter_context(end) for end in socket.socketpair()]
        self.stream = resources.enter_context(ours.makefile("rw"))
        self.fd = theirs.fileno()
        self.arguments = ["-chardev", f"socket,id=monitor,fd={self.fd}",
                          "-mon", "chardev=monitor,mode=control"]
        self.greeted = False

    def execute(self, command, **arguments):
        """Returns the answer to a command. Greetings and events that come in between are left."""
        print(json.dumps({"execute": command, "arguments": arguments}), file=self.stream,
              flush=True)
        for line in self.stream:
            answer = json.loads(line)
            if "error" in answer:
                raise Problem(f"QEMU's monitor: {command}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise Problem("QEMU's monitor has ended")

    def human(self, line):
        """A line of the monitor for people. Returns what it prints: nothing, where all is well."""
        if not self.greeted:
            self.execute("qmp_capabilities")
            self.greeted = True
        return self.execute("human-monitor-command", **{"command-line": line})
