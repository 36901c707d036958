"""Where results go: CSV (gzipped or not), Parquet, FITS or the standard output, by the name's ending.

Everything that can be wrong with a place is said before anything is computed.
"""

import fnmatch
import glob
import importlib.util
import itertools
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from galaxy.core.errors import GalaxyError
from galaxy.inference import table_files
from galaxy.inference.lists import PARQUET
from galaxy.inference.sources import Source
from galaxy.inference.table_files import Csv, Fits, Format, Parquet

STDOUT = Path("-")
ENDINGS = (".csv", ".csv.gz", ".parquet", ".fits")


def check(out: Path, inputs: Sequence[str], sources: Sequence[Source]) -> None:
    """Check that predictions can be written to `out`, and that it is none of the inputs.

    Raises:
        GalaxyError: they cannot, or it is.
    """
    if out == STDOUT or is_device(out):
        if out.name.lower().endswith(ENDINGS[2:]):
            raise GalaxyError(f"{out}: a device or a pipe takes CSV alone; name a file")
        return
    if out.is_dir():
        raise GalaxyError(f"{out}: a folder; name a file, such as {out / 'predictions.csv'}")
    if not out.name.lower().endswith(ENDINGS):
        raise GalaxyError(f"{out}: may end in {', '.join(ENDINGS)}, or be - for the standard output")
    if _ends(out, ".parquet") and importlib.util.find_spec("pyarrow") is None:
        raise GalaxyError(f"{out}: {PARQUET}")
    if _ends(out, ".fits") and importlib.util.find_spec("astropy") is None:
        raise GalaxyError(f'{out}: FITS needs astropy; run `pip install "galaxy-zoo-pipeline[fits]"`')
    file = target(out)
    _check_folder(file.parent, out)
    if _ends(out, ".fits"):
        _check_outside(file, out, inputs, "it would be taken for an image next time; name another place (--out)")
    if file.exists():
        named = (Path(text) for text in inputs)
        paths = (source.path for source in sources if source.path is not None)
        if any(path.exists() and path.samefile(file) for path in itertools.chain(named, paths)):
            raise GalaxyError(f"{out}: both an input and the file to write; name another file (--out)")
        if not os.access(file, os.W_OK):
            raise GalaxyError(f"{out}: write-protected; name another file (--out)")


def check_columns(out: Path, columns: Sequence[str]) -> None:
    """Check that a file can have these columns; raise GalaxyError if it cannot."""
    if _ends(out, ".fits") and (problem := table_files.problem(columns)):
        raise GalaxyError(f"{out}: {problem}; rename them, or write .parquet or .csv")


def csv(digits: Mapping[str, str], zipped: bool = False) -> Csv:
    """Return how CSV is written; see `galaxy.inference.table_files.Csv`."""
    return Csv(digits, zipped)


def form(out: Path, digits: Mapping[str, str]) -> Format:
    """Return how a file is written, by its ending; `digits` are CSV's."""
    if _ends(out, ".parquet"):
        return Parquet()
    return Fits() if _ends(out, ".fits") else Csv(digits, zipped=_ends(out, ".gz"))


def check_figures(folder: Path, inputs: Sequence[str]) -> None:
    """Check that figures can be written to `folder`, and that the same inputs would not name them next time.

    Raises:
        GalaxyError: they cannot, or would.
    """
    if folder.exists() and not folder.is_dir():
        raise GalaxyError(f"{folder}: a file; name a folder for the figures (--figure)")
    place = target(folder)
    reason = "the figures would be taken for images next time; name another folder (--figure)"
    _check_outside(place / "name.png", folder, inputs, reason)
    existing = next(path for path in (place, *place.parents) if path.exists())
    _check_folder(existing, folder)


def _check_outside(file: Path, named: Path, inputs: Sequence[str], reason: str) -> None:
    """Check that no folder or glob among the inputs would find a file."""
    for text in inputs:
        folder = target(Path(text)) if Path(text).is_dir() else None
        if folder in file.parents or _matches(file, text):
            raise GalaxyError(f"{named}: inside {text}, where {reason}")


def _matches(file: Path, pattern: str) -> bool:
    """Return whether a glob would find a file of this name."""
    whole = str(Path(os.path.realpath(Path(pattern).parent)) / Path(pattern).name)
    same_depth = "**" in pattern or whole.count(os.sep) == str(file).count(os.sep)
    return glob.has_magic(pattern) and same_depth and fnmatch.fnmatch(str(file), whole)


def is_device(path: Path) -> bool:
    """Return whether a path is that of a device or a pipe."""
    return path.exists() and not path.is_file() and not path.is_dir()


def target(path: Path) -> Path:
    """Return the file to write: a link is kept, and the file that it points to is replaced."""
    return Path(os.path.realpath(path))


def _ends(path: Path, ending: str) -> bool:
    return path.name.lower().endswith(ending)


def _check_folder(folder: Path, named: Path) -> None:
    """Try to write a file to a folder: permissions alone do not tell of a read-only disk."""
    if not folder.is_dir():
        raise GalaxyError(f"{named}: {folder} is no folder; make it first")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise GalaxyError(f"{named}: cannot be written there ({error.strerror}); name another place") from None
