"""Errors that a user can mend: one clear line, no traceback."""

import signal
import sys
from collections.abc import Callable, Sequence

FIRST_PROBLEMS = 10


class GalaxyError(Exception):
    """Bad input. The message says what is wrong, where, and what to do about it."""


def list_problems(what: str, problems: Sequence[str], advice: str) -> GalaxyError:
    """The error for many problems at once: how many there are, the first of them by name, and what to do."""
    shown = "\n".join(f"  {problem}" for problem in problems[:FIRST_PROBLEMS])
    rest = f"\n  … and {len(problems) - FIRST_PROBLEMS} more" if len(problems) > FIRST_PROBLEMS else ""
    return GalaxyError(f"{what} ({len(problems)} in all). {advice}\n{shown}{rest}")


def describe(error: BaseException) -> str:
    """What a library's error says, in one line; its name where it says nothing."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def run(main: Callable[[], None]) -> None:
    """Run a stage or command; bad input, an absent file or a full disk ends it with one message and exit status 1."""
    try:
        main()
    except GalaxyError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    except FileNotFoundError as error:
        sys.exit(f"error: {error.filename}: no such file; run the stages before this one (dvc repro)")
    except OSError as error:
        if error.errno is None:  # not the system's word, but a library's
            raise
        sys.exit(f"error: {error.filename or 'a file'}: {error.strerror}; make room or mend its permissions")
