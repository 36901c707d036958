"""The competition's files: reading them, and the checks that every source must pass.

Raw data stays in the competition's own zips and is read member by member. Three are needed: the training images, the
test images, and the solutions (one CSV: `GalaxyID` and the 37 columns of `galaxy.core.decision_tree`).
"""

import io
import lzma
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
import pandas as pd

from galaxy.core import competition, decision_tree
from galaxy.core.errors import GalaxyError, describe, list_problems

SUM_TOLERANCE = 1e-5
"""How far the sum of a question's answers may be from its parent's column; the rev1 file is within this."""

LARGEST_IMAGE, LARGEST_TABLE = 2**24, 2**30
"""Most bytes of a zip's member that is read: a thousand times an image's, a dozen times the solutions'."""

_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_ENCRYPTED = 0x1

DAMAGED = (
    zipfile.BadZipFile,
    NotImplementedError,
    UnicodeDecodeError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    OSError,  # bz2's
)
"""What opening or reading a damaged zip raises, from zipfile or from the member's compression."""

LARGEST_ID = 10**12
"""Every id is below this, which is far below what 64 bits hold."""


@dataclass(frozen=True)
class Counts:
    """How many galaxies a folder of competition files holds."""

    training: int
    test: int

    @property
    def complete(self) -> bool:
        """Whether these are the numbers of the whole competition."""
        return self.training == competition.TRAINING_GALAXIES and self.test == competition.TEST_GALAXIES


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip for reading; raise a `GalaxyError` if the file is absent, truncated or no zip."""
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise GalaxyError(f"{path}: no such file; run the download stage again (dvc repro --force download)") from None
    except DAMAGED as error:
        raise GalaxyError(f"{path} is not a whole zip file ({describe(error)}); fetch it again") from None


def image_members(path: Path) -> dict[int, str]:
    """Return the images in a zip: member name by GalaxyID, ids ascending.

    A member is an image if it is called `<GalaxyID>.jpg`, in any folder but `__MACOSX`; all others are ignored.

    Raises:
        GalaxyError: the zip cannot be opened, holds no image, an id twice, or an image that cannot be read: encrypted,
            compressed in an unknown way, or claiming to be larger than any image.
    """
    with open_zip(path) as archive:
        infos = archive.infolist()
    members: dict[int, str] = {}
    unreadable: list[str] = []
    duplicates: list[str] = []
    for info in infos:
        member = PurePosixPath(info.filename)
        if "__MACOSX" in member.parts or not re.fullmatch(r"[0-9]{1,12}\.jpg", member.name, re.ASCII):
            continue
        unreadable += _reading_problems(info, LARGEST_IMAGE)
        galaxy_id = int(member.stem)
        if galaxy_id in members:
            duplicates.append(f"{members[galaxy_id]} and {info.filename}")
        members[galaxy_id] = info.filename
    _refuse_unreadable(path, unreadable)
    if duplicates:
        raise list_problems(f"{path} holds galaxies twice", duplicates, "Keep one image per galaxy.")
    if not members:
        raise GalaxyError(f"{path} holds no image named <GalaxyID>.jpg among its {len(infos)} members; fetch it again")
    return dict(sorted(members.items()))


def _reading_problems(info: zipfile.ZipInfo, largest: int) -> Iterator[str]:
    """Yield why a member cannot be read: it is encrypted, compressed in an unknown way, or too large."""
    if info.flag_bits & _ENCRYPTED:
        yield f"{info.filename} is encrypted"
    if info.compress_type not in _COMPRESSIONS:
        yield f"{info.filename} has the unknown compression {info.compress_type}"
    if info.file_size > largest:
        yield f"{info.filename} claims {info.file_size:,} bytes (at most {largest:,})"


def _refuse_unreadable(path: Path, problems: list[str]) -> None:
    if problems:
        raise list_problems(f"{path}: members that cannot be read", problems, "Fetch the file again.")


def read_solutions(path: Path) -> pd.DataFrame:
    """Read and check the solutions, a zip with one CSV: `GalaxyID` (int64, ascending) and the 37 columns (float64).

    Raises:
        GalaxyError: not one CSV, a wrong header, an id that is no number or occurs twice, a vote fraction outside 0 to
            1, or answers that do not sum to their parent's column.
    """
    with open_zip(path) as archive:
        tables = [name for name in archive.namelist() if name.endswith(".csv") and "__MACOSX" not in name]
        if len(tables) != 1:
            raise GalaxyError(
                f"{path} holds {len(tables)} CSV files; it must hold exactly one, {competition.SOLUTIONS}.csv"
            )
        where = f"{path} ({tables[0]})"
        _refuse_unreadable(path, list(_reading_problems(archive.getinfo(tables[0]), LARGEST_TABLE)))
        try:
            content = archive.read(tables[0])
        except DAMAGED as error:
            raise GalaxyError(f"{where} is damaged: {describe(error)}; fetch the file again") from None
    table = read_table(io.BytesIO(content), where)
    return check_votes(table, where)


def read_table(file: Path | IO[bytes], where: str) -> pd.DataFrame:
    """Read a CSV as strings, without guessing types; raise a `GalaxyError` if a row has more fields than the header."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(file, encoding="utf-8-sig", dtype=str, keep_default_na=False, index_col=False)
    except FileNotFoundError:
        raise GalaxyError(f"{where}: no such file") from None
    except (ValueError, pd.errors.ParserWarning, *DAMAGED) as error:
        raise GalaxyError(f"{where} cannot be read as CSV: {describe(error)}; fetch or make it again") from None


def check_votes(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """Turn a table of strings into ids and vote fractions; check their values and their sums in the tree."""
    numbers = parse_votes(table, where)
    if problems := list(_sum_problems(numbers)):
        what = f"{where}: answers that do not sum to their question's parent"
        raise list_problems(what, problems, "Fetch the file again.")
    return numbers.sort_values("GalaxyID", ignore_index=True)


def parse_votes(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """Turn a table of strings into `GalaxyID` (int64) and the 37 columns (float64 in [0, 1]), in the same order."""
    _check_header(list(table.columns), where)
    if table.empty:
        raise GalaxyError(f"{where} holds no galaxy, only a header; fetch or make it again")
    numbers = table.apply(pd.to_numeric, errors="coerce")
    ids = numbers["GalaxyID"]
    votes = numbers[list(decision_tree.COLUMNS)].to_numpy(float)
    problems = [f"row {i + 2}: GalaxyID {table['GalaxyID'][i]!r}" for i in np.flatnonzero(~_are_ids(ids))]
    problems += [f"row {i + 2}: GalaxyID {ids[i]:.0f} for the second time" for i in np.flatnonzero(ids.duplicated())]
    with np.errstate(invalid="ignore"):
        bad = ~((votes >= -SUM_TOLERANCE) & (votes <= 1 + SUM_TOLERANCE))
    columns = decision_tree.COLUMNS
    problems += [f"row {i + 2}: {columns[j]} is {table[columns[j]][i]!r}" for i, j in np.argwhere(bad)]
    if problems:
        advice = "Ids are whole numbers, once each; fractions lie in [0, 1]."
        raise list_problems(f"{where}: bad values", problems, advice)
    return numbers.astype({"GalaxyID": np.int64} | dict.fromkeys(decision_tree.COLUMNS, np.float64))


def _are_ids(numbers: pd.Series) -> np.ndarray:
    """Return which numbers are ids: whole, not below 0, with at most as many digits as an image's name may have."""
    values = numbers.to_numpy(float)
    with np.errstate(invalid="ignore"):
        return (values >= 0) & (values < LARGEST_ID) & (values % 1 == 0)


def _check_header(header: list[str], where: str) -> None:
    expected = ["GalaxyID", *decision_tree.COLUMNS]
    missing = [column for column in expected if column not in header]
    unknown = [column for column in header if column not in expected]
    if missing or unknown:
        raise GalaxyError(
            f"{where}: the header must be GalaxyID and the 37 columns Class1.1 to Class11.6, separated by commas; "
            f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}"
        )
    if header != expected:
        first = next(i for i, (column, right) in enumerate(zip(header, expected, strict=True)) if column != right)
        raise GalaxyError(f"{where}: column {first + 1} is {header[first]}, it must be {expected[first]}; reorder them")


def tree_sums(votes: np.ndarray) -> Iterator[tuple[decision_tree.Question, np.ndarray]]:
    """Yield each question with N differences: the sum of its answers minus its parent's column. `votes` is N×37."""
    for question in decision_tree.QUESTIONS:
        parent = 1.0 if question.parent is None else votes[:, decision_tree.COLUMN_INDEX[question.parent]]
        yield question, votes[:, decision_tree.column_slice(question)].sum(axis=1) - parent


def _sum_problems(table: pd.DataFrame) -> Iterator[str]:
    ids = table["GalaxyID"].to_numpy()
    for question, excess in tree_sums(table[list(decision_tree.COLUMNS)].to_numpy()):
        for i in np.flatnonzero(np.abs(excess) > SUM_TOLERANCE):
            parent = question.parent or "1"
            yield f"galaxy {ids[i]}: question {question.number} ({question.name}) is off {parent} by {excess[i]:+.6f}"


def check(folder: Path) -> Counts:
    """Check the zips in `folder`: the votes, and that images and solutions have the same ids. Return the counts.

    Raises:
        GalaxyError: a file has problems; it names the first of them.
    """
    solutions = competition.zip_path(folder, competition.SOLUTIONS)
    labelled = set(read_solutions(solutions)["GalaxyID"])
    training = image_members(competition.zip_path(folder, competition.TRAINING_IMAGES)).keys()
    test = image_members(competition.zip_path(folder, competition.TEST_IMAGES)).keys()
    problems = [f"galaxy {i}: an image, no row in {solutions.name}" for i in sorted(training - labelled)]
    images = f"{competition.TRAINING_IMAGES}.zip"
    problems += [f"galaxy {i}: a row, no image in {images}" for i in sorted(labelled - training)]
    problems += [f"galaxy {i}: in the training and in the test images" for i in sorted(training & test)]
    if problems:
        raise list_problems(f"{folder}: images and solutions do not match", problems, "Fetch the files again.")
    return Counts(len(training), len(test))
