"""Where predictions go: CSV (gzipped or not), Parquet or the standard output, by the name's ending.

Everything that can be wrong with a place is said before anything is predicted.
"""

import fnmatch
import glob
import importlib.util
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pandas.api.types import is_numeric_dtype

from galaxy.core import decision_tree, files
from galaxy.core.errors import GalaxyError
from galaxy.inference.lists import PARQUET
from galaxy.inference.sources import Source

STDOUT = Path("-")
ENDINGS = (".csv", ".csv.gz", ".parquet")


def check(out: Path, inputs: Sequence[str], sources: Sequence[Source]) -> None:
    """Check that predictions can be written to `out`, and that it is none of the inputs.

    Raises:
        GalaxyError: they cannot, or it is.
    """
    if out == STDOUT or _is_device(out):
        return
    if out.is_dir():
        raise GalaxyError(f"{out}: a folder; name a file, such as {out / 'predictions.csv'}")
    if not out.name.lower().endswith(ENDINGS):
        raise GalaxyError(f"{out}: may end in {', '.join(ENDINGS)}, or be - for the standard output")
    if _is_parquet(out) and importlib.util.find_spec("pyarrow") is None:
        raise GalaxyError(f"{out}: {PARQUET}")
    target = _target(out)
    _check_folder(target.parent, out)
    if target.exists():
        named = {Path(text) for text in inputs} | {source.path for source in sources if source.path is not None}
        if any(path.exists() and path.samefile(target) for path in named):
            raise GalaxyError(f"{out}: both an input and the file to write; name another file (--out)")
        if not os.access(target, os.W_OK):
            raise GalaxyError(f"{out}: write-protected; name another file (--out)")


def check_figures(folder: Path, inputs: Sequence[str]) -> None:
    """Check that figures can be written to `folder`, and that the same inputs would not name them next time.

    Raises:
        GalaxyError: they cannot, or would.
    """
    if folder.exists() and not folder.is_dir():
        raise GalaxyError(f"{folder}: a file; name a folder for the figures (--figure)")
    target = Path(os.path.realpath(folder))
    for text in inputs:
        place = Path(os.path.realpath(text)) if Path(text).is_dir() else None
        inside = place in (target, *target.parents) or _matches(target / "name.png", text)
        if inside:
            raise GalaxyError(
                f"{folder}: inside {text}, where the figures would be taken for images next time; name another folder "
                "(--figure)"
            )
    existing = next(place for place in (target, *target.parents) if place.exists())
    _check_folder(existing, folder)


def _matches(file: Path, pattern: str) -> bool:
    """Return whether a glob would find a file of this name."""
    whole = str(Path(os.path.realpath(Path(pattern).parent)) / Path(pattern).name)
    same_depth = "**" in pattern or whole.count(os.sep) == str(file).count(os.sep)
    return glob.has_magic(pattern) and same_depth and fnmatch.fnmatch(str(file), whole)


def write(out: Path, table: pd.DataFrame) -> None:
    """Write predictions; a link is kept, and the file that it points to replaced."""
    if out == STDOUT:
        sys.stdout.flush()
        # Python's own may be unbuffered, and then writes no more than the pipe takes at once.
        with open(sys.stdout.fileno(), "wb", closefd=False) as file:
            file.write(_as_text(table).to_csv(index=False).encode())
        return
    with files.atomic(out if _is_device(out) else _target(out)) as part:
        if _is_parquet(out):
            table.to_parquet(part, index=False)
        else:
            zipped = {"method": "gzip", "mtime": 0} if out.name.lower().endswith(".gz") else None
            _as_text(table).to_csv(part, index=False, compression=zipped)


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with six digits in the fractions and their intervals; other columns stay as they are."""
    names = [f"{column}{end}" for end in ("", "_low", "_high") for column in decision_tree.COLUMNS]
    columns = [name for name in names if name in table and is_numeric_dtype(table[name])]  # a list's are text
    return table.assign(**{column: table[column].map("{:.6f}".format, na_action="ignore") for column in columns})


def _is_device(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


def _target(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _check_folder(folder: Path, named: Path) -> None:
    """Try to write a file to a folder: permissions alone do not tell of a read-only disk."""
    if not folder.is_dir():
        raise GalaxyError(f"{named}: {folder} is no folder; make it first")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise GalaxyError(f"{named}: cannot be written there ({error.strerror}); name another place") from None
