"""The command line: parses, calls, prints. No logic; heavy imports wait until a command needs them."""

from __future__ import annotations

import os
import sys

EXIT_USER, EXIT_BUG, EXIT_INTERRUPTED = 1, 3, 130


def main() -> None:
    """Run the command line and exit: 0 done, 1 something to mend, 130 interrupted, 3 a bug."""
    from podcast.errors import PodcastError

    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # the workers fill the processors; idle threads that spin would only disturb
    # After Ctrl-C the workers' semaphores are the system's to remove; Python's tracker would talk about them.
    sys.warnoptions.append("ignore:resource_tracker:UserWarning")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a narrow encoding must not end a run
    try:
        from podcast.cli.app import app

        code = app(standalone_mode=False)
    except PodcastError as error:
        _say(f"error: {error}")
        sys.exit(EXIT_USER)
    except KeyboardInterrupt:
        _interrupted()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_USER)
    except Exception as error:
        _leave_with(error)
    else:
        if code == EXIT_INTERRUPTED:  # what typer makes of Ctrl-C
            _interrupted()
        sys.exit(code if isinstance(code, int) else 0)


def _interrupted() -> None:
    _say("\ninterrupted: what was finished is kept, run it again to go on")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(EXIT_INTERRUPTED)  # the workers are being killed; nothing is waited for


def _leave_with(error: Exception) -> None:
    import typer

    if isinstance(error, typer.Abort):
        _interrupted()
    if hasattr(error, "show"):  # a usage error: wrong options
        error.show()
        sys.exit(EXIT_USER)
    import traceback

    traceback.print_exception(error)
    _say("\nthis is a bug in podcast; please report it with the lines above and the output of `podcast doctor`")
    sys.exit(EXIT_BUG)


def _say(text: str) -> None:
    print(text, file=sys.stderr)
