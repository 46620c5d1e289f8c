"""Starts a program, and ends its process group when whoever started it is gone: podcast_guard.py PIPE PROGRAM ARG...

PIPE is the reading end of a pipe on which nothing is ever written: it ends when the writer closes it or dies, even by
SIGKILL. The watching process stays in the group, so that the group's number cannot be given to anybody else. POSIX
only; standard library of Python 3.8 or later.
"""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Fork the watcher, then become the program."""
    pipe = int(sys.argv[1])
    os.set_inheritable(pipe, False)
    between = os.fork()
    if between == 0:
        if os.fork() == 0:
            _watch(pipe)
        os._exit(0)  # the watcher is nobody's child: a program that waits for all its children does not wait for it
    os.waitpid(between, 0)
    try:
        os.execv(sys.argv[2], sys.argv[2:])
    except OSError as error:
        sys.exit(f"cannot start {sys.argv[2]} ({error.strerror})")


def _watch(pipe: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.read(pipe, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
