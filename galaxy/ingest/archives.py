"""The competition's files: reading them, and the checks that every source must pass.

Raw data stays in the competition's own zips and is read member by member. Three are needed: the training images, the
test images, and the solutions (one CSV: `GalaxyID` and the 37 columns of `galaxy.core.decision_tree`).
"""

import gzip
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Set
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from galaxy.core import competition, decision_tree
from galaxy.core.errors import GalaxyError, describe, list_problems
from galaxy.core.files import is_hidden
from galaxy.ingest.zips import ADVICE, DAMAGED, open_zip, path_in_zip, read_member, reading_problem

SUM_TOLERANCE = 1e-5
"""How far the sum of a question's answers may be from its parent's column; the rev1 file is within this."""

LARGEST_IMAGE, LARGEST_TABLE = 2**24, 2**27
"""Most bytes of an image and of a table that are read: a thousand times an image's, three times a submission's."""

MOST_ROWS, MOST_COLUMNS = 2**18, 2**12
"""Most rows of a table of galaxies, three times the submission's, and most columns of any. Pandas takes 300 bytes for a
row of one byte, and hours for a header of a million commas."""

PICTURES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".gif", ".bmp", ".webp")
"""Endings of pictures, of which a zip of images holds only those that are named `<GalaxyID>.jpg`, or `.jpeg`."""


@dataclass(frozen=True)
class Counts:
    """How many galaxies a folder of competition files holds."""

    training: int
    test: int

    @property
    def complete(self) -> bool:
        """Whether these are the numbers of the whole competition."""
        return self.training == competition.TRAINING_GALAXIES and self.test == competition.TEST_GALAXIES


def image_members(path: Path) -> dict[int, str]:
    """Return the images in a zip: member name by GalaxyID, ids ascending.

    A member is an image if it is called `<GalaxyID>.jpg` (or `.jpeg`, in any case), in any folder that is not hidden.
    Files that are no pictures are ignored.

    Raises:
        GalaxyError: the zip cannot be opened, holds no image, an id twice, a picture of another name, or an image that
            cannot be read: encrypted, compressed in an unknown way, or claiming to be larger than any image.
    """
    with open_zip(path) as archive:
        infos = archive.infolist()
    members: dict[int, str] = {}
    unreadable: list[str] = []
    duplicates: list[str] = []
    misnamed: list[str] = []
    for info in infos:
        member = path_in_zip(info.filename)
        if is_hidden(member) or info.is_dir():
            continue
        if not re.fullmatch(r"[0-9]{1,12}\.jpe?g", member.name, re.ASCII | re.IGNORECASE):
            misnamed += [info.filename] if member.suffix.lower() in PICTURES else []
            continue
        if problem := reading_problem(info, LARGEST_IMAGE):
            unreadable.append(f"{info.filename} {problem}")
        galaxy_id = int(member.stem)
        if galaxy_id in members:
            duplicates.append(f"{members[galaxy_id]} and {info.filename}")
        members[galaxy_id] = info.filename
    if unreadable:
        raise list_problems(f"{path}: members that cannot be read", unreadable, ADVICE)
    if duplicates:
        raise list_problems(f"{path} holds galaxies twice", duplicates, "Keep one image per galaxy.")
    if not members:
        what = f"holds no image named <GalaxyID>.jpg among its {len(infos)} members"
        raise GalaxyError(f"{path} {what}{such_as(infos)}; fetch it again")
    if misnamed:
        raise list_problems(f"{path}: pictures not named <GalaxyID>.jpg", misnamed, "Rename them, or leave them out.")
    return dict(sorted(members.items()))


def such_as(infos: list[zipfile.ZipInfo]) -> str:
    """Return words that name the first member of a zip, if there is one."""
    return f", such as {infos[0].filename}" if infos else ""


def read_solutions(path: Path) -> pd.DataFrame:
    """Read and check the solutions, a zip with one CSV: `GalaxyID` (int64, ascending) and the 37 columns (float64).

    Raises:
        GalaxyError: not one CSV, a wrong header, an id that is no number or occurs twice, a vote fraction outside 0 to
            1, or answers that do not sum to their parent's column.
    """
    content, where = _zipped_table(path, competition.SOLUTIONS)
    return check_votes(read_table(io.BytesIO(content), where, MOST_ROWS), where)


def read_submission(path: Path) -> pd.DataFrame:
    """Read a CSV, a gzipped CSV or a zip with one CSV, and return what `parse_votes` does."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
            file.seek(0)
            if start == b"PK\x03\x04":
                content, where = _zipped_table(path, path.stem)
            else:
                stream = gzip.GzipFile(fileobj=file) if start.startswith(b"\x1f\x8b") else file
                content, where = stream.read(LARGEST_TABLE + 1), str(path)
    except FileNotFoundError:
        raise GalaxyError(f"{path}: no such file") from None
    except (OSError, EOFError, zlib.error) as error:
        raise GalaxyError(f"{path} cannot be read: {describe(error)}; fetch or make it again") from None
    if len(content) > LARGEST_TABLE:
        raise GalaxyError(f"{path} has more than {LARGEST_TABLE:,} bytes; it is no table of galaxies")
    return parse_votes(read_table(io.BytesIO(content), where, MOST_ROWS), where)


def _zipped_table(path: Path, expected: str) -> tuple[bytes, str]:
    """Return the only CSV in a zip, and what to call it in messages; `expected` is how it should be called."""
    with open_zip(path) as archive:
        infos = archive.infolist()
        names = [info.filename for info in infos if info.filename.lower().endswith(".csv")]
        tables = [name for name in names if not is_hidden(path_in_zip(name))]
        if len(tables) != 1:
            raise GalaxyError(
                f"{path} holds {len(tables)} CSV files; it must hold exactly one, {expected}.csv "
                f"({len(infos)} members in all{such_as(infos)})"
            )
        where = f"{path} ({tables[0]})"
        try:
            return read_member(archive, tables[0], LARGEST_TABLE), where
        except zipfile.BadZipFile as error:
            raise GalaxyError(f"{where}: {tables[0]} {error}. {ADVICE}") from None


def read_table(file: Path | IO[bytes], where: str, rows: int | None = None) -> pd.DataFrame:
    """Read a CSV as strings, without guessing types.

    Raises:
        GalaxyError: it is no CSV in UTF-8, has a row with more fields than the header, or too many `rows` or columns.
    """
    try:
        with warnings.catch_warnings(), file.open("rb") if isinstance(file, Path) else nullcontext(file) as opened:
            warnings.simplefilter("error", pd.errors.ParserWarning)
            header = next((line for line in opened if line.strip()), b"")
            if header.count(b",") >= MOST_COLUMNS:
                raise GalaxyError(f"{where}: more than {MOST_COLUMNS:,} columns; it is no table of galaxies")
            opened.seek(0)
            most = None if rows is None else rows + 1
            table = pd.read_csv(
                opened, encoding="utf-8-sig", dtype=str, keep_default_na=False, index_col=False, nrows=most
            )
    except FileNotFoundError:
        raise GalaxyError(f"{where}: no such file") from None
    except (ValueError, pd.errors.ParserWarning, *DAMAGED) as error:
        raise GalaxyError(f"{where} cannot be read as CSV: {describe(error)}; save it as UTF-8, with commas") from None
    if rows is not None and len(table) > rows:
        raise GalaxyError(f"{where}: more than {rows:,} rows; the competition has {competition.TEST_GALAXIES:,}")
    return table


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
    # Digits alone: a spreadsheet's 1.00E+05 may have been 100008.
    are_ids = table["GalaxyID"].str.fullmatch("[0-9]{1,12}").to_numpy(bool)
    problems = [f"row {i + 2}: GalaxyID {table['GalaxyID'][i]!r}" for i in np.flatnonzero(~are_ids)]
    problems += [f"row {i + 2}: GalaxyID {ids[i]:.0f} for the second time" for i in np.flatnonzero(ids.duplicated())]
    with np.errstate(invalid="ignore"):
        bad = ~((votes >= -SUM_TOLERANCE) & (votes <= 1 + SUM_TOLERANCE))
    columns = decision_tree.COLUMNS
    problems += [f"row {i + 2}: {columns[j]} is {table[columns[j]][i]!r}" for i, j in np.argwhere(bad)]
    if problems:
        advice = "Ids are whole numbers, once each; fractions lie in [0, 1]."
        raise list_problems(f"{where}: bad values", problems, advice)
    return numbers.astype({"GalaxyID": np.int64} | dict.fromkeys(decision_tree.COLUMNS, np.float64))


def _check_header(header: list[str], where: str) -> None:
    expected = ["GalaxyID", *decision_tree.COLUMNS]
    if len(header) == 1 and (other := next((mark for mark in ";\t|" if mark in header[0]), None)):
        raise GalaxyError(f"{where}: the columns must be separated by commas, not by {other!r}; save it so")
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
    labelled = set(read_solutions(competition.zip_path(folder, competition.SOLUTIONS))["GalaxyID"])
    training = image_members(competition.zip_path(folder, competition.TRAINING_IMAGES)).keys()
    test = image_members(competition.zip_path(folder, competition.TEST_IMAGES)).keys()
    compare_ids(training, labelled, folder, test)
    return Counts(len(training), len(test))


def compare_ids(training: Set[int], labelled: Set[int], folder: Path, test: Set[int] = frozenset()) -> None:
    """Raise a `GalaxyError` unless images and solutions have the same ids, and none of them is a test image."""
    images, solutions = f"{competition.TRAINING_IMAGES}.zip", f"{competition.SOLUTIONS}.zip"
    problems = [f"galaxy {i}: an image, no row in {solutions}" for i in sorted(training - labelled)]
    problems += [f"galaxy {i}: a row, no image in {images}" for i in sorted(labelled - training)]
    problems += [f"galaxy {i}: in the training and in the test images" for i in sorted(training & test)]
    if problems:
        raise list_problems(f"{folder}: images and solutions do not match", problems, "Fetch the files again.")
