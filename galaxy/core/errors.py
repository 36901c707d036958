"""Errors that a user can fix: one clear line, no traceback."""

import os
import signal
import sys
from collections.abc import Callable, Sequence

FIRST_PROBLEMS = 10


class GalaxyError(Exception):
    """Bad input. The message says what is wrong, where, and what to do about it."""


def list_problems(what: str, problems: Sequence[str], advice: str) -> GalaxyError:
    """Return one error for many problems: how many there are, the first of them, and what to do."""
    first = "\n".join(f"  {problem}" for problem in problems[:FIRST_PROBLEMS])
    rest = f"\n  … and {len(problems) - FIRST_PROBLEMS} more" if len(problems) > FIRST_PROBLEMS else ""
    return GalaxyError(f"{what} ({len(problems)} in all). {advice}\n{first}{rest}")


def describe(error: BaseException) -> str:
    """Return a library's error message in one line without its full stop, or the error's name if it has no message."""
    return " ".join(str(error).split()).rstrip(".")[:300] or type(error).__name__


def run(main: Callable[[], None]) -> None:
    """Run a stage or command; end it with one message and status 1 on bad input, an absent file or a full disk."""
    try:
        main()
        sys.stdout.flush()
    except GalaxyError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:  # whatever read the output, such as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it flushes at exit
        sys.exit(128 + signal.SIGPIPE)
    except FileNotFoundError as error:
        sys.exit(f"error: {error.filename}: no such file; run the stages before this one (dvc repro)")
    except OSError as error:
        if error.errno is None:  # raised by a library, not by the system
            raise
        sys.exit(f"error: {error.filename or 'a file'}: {error.strerror}; make room or fix its permissions")
