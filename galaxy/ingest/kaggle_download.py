"""The competition's zips from Kaggle, through the official client."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

from galaxy.core import competition
from galaxy.core.errors import GalaxyError
from galaxy.ingest.kaggle_client import COMPETITION
from galaxy.ingest.kaggle_client import RULES_PAGE
from galaxy.ingest.kaggle_client import call
from galaxy.ingest.kaggle_client import explain
from galaxy.ingest.kaggle_client import is_connection
from galaxy.ingest.kaggle_client import log_in

DATA_PAGE = f"https://www.kaggle.com/c/{COMPETITION}/data"

BY_HAND = (
    f"download the zips by hand from {DATA_PAGE} and set download.source to local and download.local.folder to "
    "their folder"
)

PARTIAL = ".partial"
"""Subfolder for downloads under way. What an interrupted one leaves there, the next call goes on from."""

PAGE_SIZE = 100


def fetch(folder: Path) -> None:
    """Make sure that `folder` holds the competition's three zips; fetch those that are absent or of another size.

    Raises:
        GalaxyError: the client is not installed, there is no log-in, the rules are not accepted, Kaggle cannot be
            reached, or a file is not on its list, does not arrive whole or cannot be written. A zip that has its final
            name is as long as Kaggle's list says, whatever happened.
    """
    print(f"Kaggle: the competition's rules must be accepted first, at {RULES_PAGE}")
    api = log_in(BY_HAND)
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
        answer = call(
            partial(api.competition_list_files, COMPETITION, page_token=page, page_size=PAGE_SIZE),
            partial(explain, wanted="list of files", by_hand=BY_HAND),
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
    call(
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


def _explain_download(error: BaseException, name: str) -> str:
    """What to do where a download fails: a broken connection and a wrong size (`ValueError`) are its own."""
    from requests import RequestException

    if is_connection(error):
        return f"{explain(error, name, BY_HAND)}; the next run goes on from what has arrived"
    if isinstance(error, ValueError) and not isinstance(error, RequestException):
        return f"Kaggle: {name} did not arrive whole; run the stage again, or {BY_HAND}"
    return explain(error, name, BY_HAND)
