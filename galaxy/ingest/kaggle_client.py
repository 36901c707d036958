"""Kaggle's official client (`pip install kaggle six`): logging in, calling it, and saying what to do where it fails.

Credentials are found by the client's own conventions and stay there: nothing here reads one. The client's own words
are never passed on whole, because they may hold a secret: its verbose mode prints the Authorization header, and an
exception of its can quote a token (as a header that is not valid, as a file name that is too long) or the signed
address of a download.
"""

import contextlib
import io
import os
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from galaxy.core.errors import GalaxyError

COMPETITION = "galaxy-zoo-the-galaxy-challenge"
RULES_PAGE = f"https://www.kaggle.com/c/{COMPETITION}/rules"

LOG_IN = (
    "log in to Kaggle in one of three ways: an access token in KAGGLE_API_TOKEN or ~/.kaggle/access_token; "
    "a legacy API key in KAGGLE_USERNAME and KAGGLE_KEY or in ~/.kaggle/kaggle.json; or run `kaggle auth login`"
)

T = TypeVar("T")


def log_in(by_hand: str) -> Any:
    """Give the client, logged in, and print how it was. `by_hand` says how to do without the client.

    Raises:
        GalaxyError: the client is not installed, finds no log-in that holds, or cannot reach Kaggle.
    """
    explain_start = partial(_explain_start, by_hand=by_hand)
    api = call(_import_client, explain_start)
    # The import has logged in already, but hides why it could not: ask again to learn that.
    if api.get_config_value("auth_method") is None:
        call(api.authenticate, explain_start)
    print(f"Kaggle: found the log-in: {call(lambda: _way(api), explain_start)}")
    return api


def _import_client() -> Any:
    """Import the client, which logs in, with its verbose mode off: that prints every header, Authorization too."""
    verbose = {name: os.environ.pop(name) for name in ("VERBOSE", "VERBOSE_OUTPUT") if name in os.environ}
    try:
        import kaggle
    finally:
        os.environ.update(verbose)
    return kaggle.api


def _way(api: Any) -> str:
    """The way to log in that the client took, and where it found it; never what it found."""
    method = api.get_config_value("auth_method")
    if method == "ACCESS_TOKEN":
        return f"an access token ({_token_place()})"
    if method == "LEGACY_API_KEY":
        return f"a legacy API key ({'KAGGLE_USERNAME and KAGGLE_KEY' if 'KAGGLE_KEY' in os.environ else api.config})"
    return "the OAuth credentials of `kaggle auth login` (~/.kaggle/credentials.json)"


def _token_place() -> str | None:
    """Where the client found an access token, valid or not; None where there is none."""
    from kaggle.api.kaggle_api_extended import get_access_token_from_env

    _, place = get_access_token_from_env()
    return "~/.kaggle/access_token" if place == "access_token" else place


def call(ask: Callable[[], T], explain: Callable[[BaseException], str]) -> T:
    """Call the client with its output held back, but for its warnings; make one `GalaxyError` of whatever it raises.

    The client's progress bar goes to stderr and is seen. `SystemExit` counts: the client exits where it has no log-in.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            return ask()
    except KeyboardInterrupt:
        failure: BaseException = KeyboardInterrupt()
    except (Exception, SystemExit) as error:
        failure = GalaxyError(explain(error))
    finally:
        for line in said.getvalue().splitlines():
            if line.startswith("Warning: "):
                print(f"Kaggle's client: {line}")
    # Out here the failure has no __context__: the client's exception, and a secret in it, goes no further.
    raise failure


def _explain_start(error: BaseException, by_hand: str) -> str:
    """What to do where the client does not start or does not log in."""
    if isinstance(error, ImportError):
        # The client's release 2.2.4 imports six without declaring it.
        return f"Kaggle: the official client cannot be imported (no module {error.name}); run `pip install kaggle six`"
    if isinstance(error, SystemExit):
        place = _token_place()
        refused = f" that Kaggle accepts (it refuses the access token in {place}; expired?)" if place else ""
        return f"Kaggle: no log-in found{refused}; {LOG_IN}"
    if _status(error) in (400, 401, 403, 404):
        return f"Kaggle: the log-in is refused (HTTP {_status(error)}); {LOG_IN}"
    return explain(error, "log-in", by_hand)


def explain(error: BaseException, wanted: str, by_hand: str) -> str:
    """What to do where Kaggle does not do what is `wanted`. Of the error only its type is told."""
    status = _status(error)
    if status is not None:
        return _explain_status(status, wanted, by_hand)
    name = type(error).__name__
    if is_connection(error):
        return f"Kaggle: {wanted}: no connection ({name}); check the network and the proxy settings, or {by_hand}"
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else name
    return f"Kaggle: {wanted}: the client failed ({reason}); check its settings and credentials, or {by_hand}"


def is_connection(error: BaseException) -> bool:
    """Whether the server could not be reached, or the connection to it broke."""
    from requests import ConnectionError, Timeout
    from requests.exceptions import ChunkedEncodingError

    return isinstance(error, (ConnectionError, Timeout, ChunkedEncodingError))


def _status(error: BaseException) -> int | None:
    """The HTTP status that Kaggle answered; None for an error that is no answer."""
    from requests import HTTPError

    return error.response.status_code if isinstance(error, HTTPError) and error.response is not None else None


def _explain_status(status: int, wanted: str, by_hand: str) -> str:
    """What to do about an HTTP status."""
    if status == 401:
        # The client sends an access token wherever it finds one, even a refused one beside a good API key.
        return f"Kaggle: {wanted}: the log-in is refused (HTTP 401); remove an expired access token, or {LOG_IN}"
    if status in (403, 404):
        account = "with the account that is logged in"
        return f"Kaggle: {wanted}: no access (HTTP {status}); accept the competition's rules at {RULES_PAGE} {account}"
    when = "in an hour" if status == 429 else "later"
    return f"Kaggle: {wanted}: no answer (HTTP {status}); try again {when}, or {by_hand}"
