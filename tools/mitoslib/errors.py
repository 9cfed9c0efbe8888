"""What tools/mitos gives up with."""

RUN_FAILED = 125        # the exit status when not CMD but the run itself failed


class Problem(Exception):
    """Something the caller can put right; its text is the message, its status tools/mitos's own."""

    def __init__(self, message, status=RUN_FAILED):
        super().__init__(message)
        self.status = status


class Ended(Exception):
    """A signal asks tools/mitos to end."""

    def __init__(self, signum):
        super().__init__(signum)
        self.signum = signum
