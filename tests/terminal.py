"""mitos at a terminal, as a person has it before them: what is typed, and what comes to be seen."""

import pexpect
import pytest

import support

CTRL_C, CTRL_D, CTRL_Z, ENTER, ESCAPE = "\x03", "\x04", "\x1a", "\r", "\x1b"
UP, LEFT = "\x1b[A", "\x1b[D"
NEWLINE = r"\r+\n"    # the host's terminal adds a \r of its own


class Terminal:
    """mitos in a pseudo-terminal of 24 rows and 80 columns."""

    prompt = support.PROMPT

    def __init__(self, *options, prompt=support.PROMPT):
        self.prompt = prompt
        self.start(support.run_command([], ["--append", "quiet", *options], timeout=300))

    def start(self, command, environment=None):
        """Runs the command in the terminal up to its first prompt."""
        self.child = pexpect.spawn(command[0], command[1:], timeout=support.PATIENCE,
                                   encoding="utf-8", codec_errors="replace", dimensions=(24, 80),
                                   env=environment)
        self.child.delaybeforesend = None
        self.wait()

    def wait(self, pattern=None):
        """Waits until the pattern, or else the prompt, is there; returns what came before it."""
        pattern = pattern or self.prompt
        if self.child.expect([pattern, pexpect.TIMEOUT, pexpect.EOF]):
            pytest.fail(f"no {pattern!r} on the terminal, but {self.child.before!r}")
        return self.child.before

    def type(self, keys):
        self.child.send(keys)

    def run(self, line):
        """Types a line and returns the lines that are printed before the next prompt."""
        self.type(line + ENTER)
        lines = self.wait().replace("\r", "").split("\n")
        return [text.rstrip() for text in lines[1:] if text.strip()]

    def close(self):
        self.child.close(force=True)
