"""Kaggle's official client (`pip install kaggle six`): log in, call it, and say what to do if it fails.

The client finds credentials by its own conventions; nothing here reads them. Its own words are never passed on whole,
because they may hold a secret: its verbose mode prints the Authorization header, and its exceptions can quote a token
or the signed address of a download.
"""

import contextlib
import io
import os
from collections.abc import Callable
from functools import partial
from typing import Any

from requests.exceptions import ChunkedEncodingError, ConnectionError, HTTPError, Timeout

from galaxy.core.errors import GalaxyError

COMPETITION = "galaxy-zoo-the-galaxy-challenge"
RULES_PAGE = f"https://www.kaggle.com/c/{COMPETITION}/rules"

LOG_IN = (
    "log in to Kaggle in one of three ways: an access token in KAGGLE_API_TOKEN or ~/.kaggle/access_token; "
    "a legacy API key in KAGGLE_USERNAME and KAGGLE_KEY or in ~/.kaggle/kaggle.json; or run `kaggle auth login`"
)


def log_in(by_hand: str) -> Any:
    """Return the client, logged in, and print the way it logged in. `by_hand` says how to do without the client.

    Raises:
        GalaxyError: the client is not installed, finds no valid log-in, or cannot reach Kaggle.
    """
    explain_start = partial(_explain_start, by_hand=by_hand)
    api = call(_import_client, explain_start)
    # The import has tried to log in already, but hides why it could not: ask again to learn that.
    if api.get_config_value("auth_method") is None:
        call(api.authenticate, explain_start)
    print(f"Kaggle: found the log-in: {call(lambda: _log_in_method(api), explain_start)}")
    return api


def _import_client() -> Any:
    """Import the client, which logs in, with its verbose mode off: that prints every header, Authorization too."""
    verbose = {name: os.environ.pop(name) for name in ("VERBOSE", "VERBOSE_OUTPUT") if name in os.environ}
    try:
        import kaggle
    finally:
        os.environ.update(verbose)
    return kaggle.api


def _log_in_method(api: Any) -> str:
    """Return how the client logged in and where it found the credentials, never the credentials."""
    method = api.get_config_value("auth_method")
    if method == "ACCESS_TOKEN":
        return f"an access token ({_token_place()})"
    if method == "LEGACY_API_KEY":
        return f"a legacy API key ({'KAGGLE_USERNAME and KAGGLE_KEY' if 'KAGGLE_KEY' in os.environ else api.config})"
    return "the OAuth credentials of `kaggle auth login` (~/.kaggle/credentials.json)"


def _token_place() -> str | None:
    """Return where the client found an access token, valid or not. None: nowhere."""
    from kaggle.api.kaggle_api_extended import get_access_token_from_env

    _, place = get_access_token_from_env()
    return "~/.kaggle/access_token" if place == "access_token" else place


def call(ask: Callable[[], Any], explain: Callable[[BaseException], str]) -> Any:
    """Call the client, print only its warnings, and turn what it raises (`SystemExit` too) into one `GalaxyError`."""
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output):  # the progress bar goes to stderr and stays visible
            return ask()
    except KeyboardInterrupt:
        failure: BaseException = KeyboardInterrupt()
    except (Exception, SystemExit) as error:
        failure = GalaxyError(explain(error))
    finally:
        for line in output.getvalue().splitlines():
            if line.startswith("Warning: "):
                print(f"Kaggle's client: {line}")
    # Out here the failure has no __context__: the client's exception, and a secret in it, goes no further.
    raise failure


def _explain_start(error: BaseException, by_hand: str) -> str:
    """Return what to do if the client does not start or does not log in."""
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
    """Return what to do if Kaggle does not do what is `wanted`; of the error only its type, number or status."""
    status, name = _status(error), type(error).__name__
    if status == 401:
        # The client sends an access token wherever it finds one, even a refused one beside a good API key.
        problem, advice = "the log-in is refused (HTTP 401)", f"remove an expired access token, or {LOG_IN}"
    elif status in (403, 404):
        problem = f"no access (HTTP {status})"
        advice = f"accept the competition's rules at {RULES_PAGE} with the account that is logged in"
    elif status is not None:
        problem = f"no answer (HTTP {status})"
        advice = f"try again {'in an hour' if status == 429 else 'later'}, or {by_hand}"
    elif is_connection(error):
        problem, advice = f"no connection ({name})", f"check the network and the proxy settings, or {by_hand}"
    else:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else name
        problem, advice = f"the client failed ({reason})", f"check its settings and credentials, or {by_hand}"
    return f"Kaggle: {wanted}: {problem}; {advice}"


def is_connection(error: BaseException) -> bool:
    """Return whether the server could not be reached, or the connection to it broke."""
    return isinstance(error, (ConnectionError, Timeout, ChunkedEncodingError))


def _status(error: BaseException) -> int | None:
    """Return the HTTP status that Kaggle answered. None: the error is no answer."""
    return error.response.status_code if isinstance(error, HTTPError) and error.response is not None else None
