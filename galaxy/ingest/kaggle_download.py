"""The competition's zips from Kaggle, through the official client."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

from requests import RequestException

from galaxy.core import competition
from galaxy.core.errors import GalaxyError
from galaxy.ingest.kaggle_client import COMPETITION, RULES_PAGE, call, explain, is_connection, log_in

DATA_PAGE = f"https://www.kaggle.com/c/{COMPETITION}/data"

BY_HAND = f"download the zips from {DATA_PAGE}, set download.source to local and download.local.folder to their folder"

PARTIAL = ".partial"
"""Subfolder for unfinished downloads, which the next call resumes."""


def fetch(folder: Path) -> None:
    """Make sure that `folder` holds the competition's three zips; fetch those that are absent or of another size.

    A zip under its final name always has the size that Kaggle lists.

    Raises:
        GalaxyError: the client is not installed, there is no log-in, the rules are not accepted, Kaggle cannot be
            reached, or a file is not on its list, does not arrive whole or cannot be written.
    """
    print(f"Kaggle: the competition's rules must be accepted first, at {RULES_PAGE}")
    api = log_in(BY_HAND)
    sizes = _listed_sizes(api)
    try:
        for path in (competition.zip_path(folder, archive) for archive in competition.ARCHIVES):
            listed, (size, _) = sizes[path.name], _inspect(path)
            if path.is_file() and size == listed:
                print(f"Kaggle: {path} is there, {listed:,} bytes as listed")
                continue
            if path.is_file():
                print(f"Kaggle: {path} has {size:,} bytes where Kaggle lists {listed:,}: fetching it again")
                path.unlink()
            _download(api, path, listed)
        shutil.rmtree(folder / PARTIAL, ignore_errors=True)
    except OSError as error:
        raise GalaxyError(f"{folder}: cannot keep the downloads here ({error.strerror}); make it writable") from None


def _listed_sizes(api: Any) -> dict[str, int]:
    """Return the sizes in bytes of the competition's files by name, from all pages of Kaggle's list."""
    sizes: dict[str, int] = {}
    page: str | None = None
    asked = set()
    while page not in asked:  # the last page names no next one: None, which was asked first
        asked.add(page)
        answer = call(
            partial(api.competition_list_files, COMPETITION, page_token=page, page_size=100),
            partial(explain, wanted="list of files", by_hand=BY_HAND),
        )
        sizes |= {file.name: file.total_bytes for file in answer.files}
        page = answer.next_page_token or None
    missing = [f"{archive}.zip" for archive in competition.ARCHIVES if f"{archive}.zip" not in sizes]
    if missing:
        raise GalaxyError(f"Kaggle: the competition's list of files has no {', '.join(missing)}; see {DATA_PAGE}")
    return sizes


def _download(api: Any, path: Path, size: int) -> None:
    """Fetch one file into the partial folder, check it, and move it to `path`."""
    part = path.parent / PARTIAL / path.name
    part.parent.mkdir(parents=True, exist_ok=True)
    begun, is_zip = _inspect(part)
    if not is_zip or begun > size:
        # After a cut, the client may keep a server's error page as the beginning, and would append to it.
        part.unlink(missing_ok=True)
        begun = 0
    free = shutil.disk_usage(part.parent).free
    if size - begun > free:
        raise GalaxyError(f"{path}: {size - begun:,} bytes to fetch, but {free:,} are free; make room on this disk")
    print(f"Kaggle: fetching {path.name}, {size:,} bytes", flush=True)
    call(
        # Without `force` the client resumes a partial file that it knows to be of the same version.
        partial(api.competition_download_file, COMPETITION, path.name, path=str(part.parent), quiet=False),
        partial(_explain_download, name=path.name),
    )
    arrived, is_zip = _inspect(part)
    if arrived != size or not is_zip:
        part.unlink(missing_ok=True)
        raise GalaxyError(
            f"Kaggle: {path.name} did not arrive whole ({arrived:,} bytes where Kaggle lists {size:,}, or no zip); "
            f"run the stage again, or {BY_HAND}"
        )
    part.replace(path)


def _inspect(path: Path) -> tuple[int, bool]:
    """Return a file's size in bytes (0 if there is none) and whether it begins as a zip does."""
    if not path.is_file():
        return 0, False
    with path.open("rb") as file:
        return path.stat().st_size, file.read(4) == b"PK\x03\x04"


def _explain_download(error: BaseException, name: str) -> str:
    """Return what to do if a download fails. The client raises `ValueError` for a wrong size."""
    if isinstance(error, ValueError) and not isinstance(error, RequestException):
        return f"Kaggle: {name} did not arrive whole; run the stage again, or {BY_HAND}"
    resumed = "; the next run resumes the download" if is_connection(error) else ""
    return f"{explain(error, name, BY_HAND)}{resumed}"
