"""The competition's zips from Kaggle, through the official client (`pip install kaggle six`).

Credentials are found by the client's own conventions and stay there: nothing here reads one. The client's own words
are never passed on whole, because they may hold a secret: its verbose mode prints the Authorization header, and an
exception of its can quote a token (as a header that is not valid, as a file name that is too long) or the signed
address of a download.
"""

import contextlib
import io
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from galaxy import competition
from galaxy.errors import GalaxyError

COMPETITION = "galaxy-zoo-the-galaxy-challenge"
RULES_PAGE = f"https://www.kaggle.com/c/{COMPETITION}/rules"
DATA_PAGE = f"https://www.kaggle.com/c/{COMPETITION}/data"

LOG_IN = (
    "log in to Kaggle in one of three ways: an access token in KAGGLE_API_TOKEN or ~/.kaggle/access_token; "
    "a legacy API key in KAGGLE_USERNAME and KAGGLE_KEY or in ~/.kaggle/kaggle.json; or run `kaggle auth login`"
)
BY_HAND = (
    f"download the zips by hand from {DATA_PAGE} and set download.source to local and download.local.folder to "
    "their folder"
)

PARTIAL = ".partial"
"""Subfolder for downloads under way. What an interrupted one leaves there, the next call goes on from."""

PAGE_SIZE = 100

T = TypeVar("T")


def fetch(folder: Path) -> None:
    """Make sure that `folder` holds the competition's three zips; fetch those that are absent or of another size.

    Raises:
        GalaxyError: the client is not installed, there is no log-in, the rules are not accepted, Kaggle cannot be
            reached, or a file is not on its list, does not arrive whole or cannot be written. A zip that has its final
            name is as long as Kaggle's list says, whatever happened.
    """
    print(f"Kaggle: the competition's rules must be accepted first, at {RULES_PAGE}")
    api = _log_in()
    sizes = _listed_sizes(api)
    try:
        for archive in competition.ARCHIVES:
            path = competition.zip_path(folder, archive)
            if _is_there(path, sizes[path.name]):
                print(f"Kaggle: {path} is there, {sizes[path.name]:,} bytes as listed")
            else:
                _download(api, path, sizes[path.name])
        shutil.rmtree(folder / PARTIAL, ignore_errors=True)
    except OSError as error:
        raise GalaxyError(f"{folder}: cannot keep the downloads here ({error.strerror}); make it writable") from None


def _log_in() -> Any:
    """Give the client, logged in, and print how it was.

    Raises:
        GalaxyError: the client is not installed, finds no log-in that holds, or cannot reach Kaggle.
    """
    api = _call(_import_client, _explain_start)
    # The import has logged in already, but hides why it could not: ask again to learn that.
    if api.get_config_value("auth_method") is None:
        _call(api.authenticate, _explain_start)
    print(f"Kaggle: found the log-in: {_call(lambda: _way(api), _explain_start)}")
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


def _listed_sizes(api: Any) -> dict[str, int]:
    """Sizes in bytes of the competition's files by name, from all pages of Kaggle's list.

    Raises:
        GalaxyError: Kaggle does not give the list, or one of the three zips is not on it.
    """
    sizes: dict[str, int] = {}
    page: str | None = None
    asked = set()
    while page not in asked:  # the last page names no next one: None, which was asked first
        asked.add(page)
        answer = _call(
            partial(api.competition_list_files, COMPETITION, page_token=page, page_size=PAGE_SIZE),
            partial(_explain, wanted="list of files"),
        )
        sizes |= {file.name: file.total_bytes for file in answer.files}
        page = answer.next_page_token or None
    missing = [f"{archive}.zip" for archive in competition.ARCHIVES if f"{archive}.zip" not in sizes]
    if missing:
        raise GalaxyError(f"Kaggle: the competition's list of files has no {', '.join(missing)}; see {DATA_PAGE}")
    return sizes


def _is_there(path: Path, size: int) -> bool:
    """Whether a file is there with the listed size. One of another size is removed, lest it be taken for whole."""
    found = _size(path)
    if path.is_file() and found != size:
        print(f"Kaggle: {path} has {found:,} bytes where Kaggle lists {size:,}: fetching it again")
        path.unlink()
    return path.is_file()


def _download(api: Any, path: Path, size: int) -> None:
    """Fetch one file into the partial folder, check it, and move it to `path`.

    Raises:
        GalaxyError: there is no room, the download fails, or what arrives is not a zip of the listed size.
        OSError: the folder cannot be written to.
    """
    part = path.parent / PARTIAL / path.name
    part.parent.mkdir(parents=True, exist_ok=True)
    if not _looks_like_zip(part) or _size(part) > size:
        # After a cut, the client may keep a server's error page as the beginning, and would append to it.
        part.unlink(missing_ok=True)
    begun = _size(part)
    free = shutil.disk_usage(part.parent).free
    if size - begun > free:
        raise GalaxyError(f"{path}: {size - begun:,} bytes to fetch, but {free:,} are free; make room on this disk")
    print(f"Kaggle: fetching {path.name}, {size:,} bytes", flush=True)
    _call(
        # Without `force` the client goes on from a partial file that it knows to be of the same version.
        partial(api.competition_download_file, COMPETITION, path.name, path=str(part.parent), quiet=False),
        partial(_explain_download, name=path.name),
    )
    arrived = _size(part)
    if arrived != size or not _looks_like_zip(part):
        part.unlink(missing_ok=True)
        raise GalaxyError(
            f"Kaggle: {path.name} did not arrive whole ({arrived:,} bytes where Kaggle lists {size:,}, or no zip); "
            f"run the stage again, or {BY_HAND}"
        )
    part.replace(path)


def _size(path: Path) -> int:
    """Size of a file in bytes; 0 where there is none."""
    return path.stat().st_size if path.is_file() else 0


def _looks_like_zip(path: Path) -> bool:
    """Whether a file is there and begins as a zip does."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _call(ask: Callable[[], T], explain: Callable[[BaseException], str]) -> T:
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


def _explain_start(error: BaseException) -> str:
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
    return _explain(error, "log-in")


def _explain_download(error: BaseException, name: str) -> str:
    """What to do where a download fails: a broken connection and a wrong size (`ValueError`) are its own."""
    from requests import RequestException

    if _is_connection(error):
        return f"{_explain(error, name)}; the next run goes on from what has arrived"
    if isinstance(error, ValueError) and not isinstance(error, RequestException):
        return f"Kaggle: {name} did not arrive whole; run the stage again, or {BY_HAND}"
    return _explain(error, name)


def _explain(error: BaseException, wanted: str) -> str:
    """What to do where Kaggle does not give what is `wanted`. Of the error only its type is told."""
    status = _status(error)
    if status is not None:
        return _explain_status(status, wanted)
    name = type(error).__name__
    if _is_connection(error):
        return f"Kaggle: {wanted}: no connection ({name}); check the network and the proxy settings, or {BY_HAND}"
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else name
    return f"Kaggle: {wanted}: the client failed ({reason}); check its settings and credentials, or {BY_HAND}"


def _is_connection(error: BaseException) -> bool:
    """Whether the server could not be reached, or the connection to it broke."""
    from requests import ConnectionError, Timeout
    from requests.exceptions import ChunkedEncodingError

    return isinstance(error, (ConnectionError, Timeout, ChunkedEncodingError))


def _status(error: BaseException) -> int | None:
    """The HTTP status that Kaggle answered; None for an error that is no answer."""
    from requests import HTTPError

    return error.response.status_code if isinstance(error, HTTPError) and error.response is not None else None


def _explain_status(status: int, wanted: str) -> str:
    """What to do about an HTTP status."""
    if status == 401:
        # The client sends an access token wherever it finds one, even a refused one beside a good API key.
        return f"Kaggle: {wanted}: the log-in is refused (HTTP 401); remove an expired access token, or {LOG_IN}"
    if status in (403, 404):
        account = "with the account that is logged in"
        return f"Kaggle: {wanted}: no access (HTTP {status}); accept the competition's rules at {RULES_PAGE} {account}"
    when = "in an hour" if status == 429 else "later"
    return f"Kaggle: {wanted}: no answer (HTTP {status}); try again {when}, or {BY_HAND}"
