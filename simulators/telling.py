"""What a simulation tells its user: plain lines, progress to stderr, results to stdout."""

import sys


def progress(line: str) -> None:
    """Tell how far it is."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def result(line: str) -> None:
    """Tell what came out."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
