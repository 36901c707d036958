"""Write results as they come: to a stream, or to a file by parts that outlast an interruption.

The parts lie in a hidden folder beside the file. The same command resumes behind them if images, models, options and
software are the same; then the file comes out as without the interruption. Otherwise it starts anew, and says so.
"""

import hashlib
import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pandas as pd
from filelock import FileLock, Timeout

from galaxy.core import files
from galaxy.core.errors import GalaxyError
from galaxy.inference.image_list import Images
from galaxy.inference.sources import Source, note
from galaxy.inference.stream import Part
from galaxy.inference.table_files import Csv, Format

_RUN, _LOCK = "run.json", "lock"


class ToStream:
    """Results on the standard output or a device, as CSV. They cannot be resumed."""

    def __init__(self, file: IO[bytes], csv: Csv) -> None:
        self._file, self._csv, self._begun = file, csv, False
        self.earlier: list[dict[int, str]] = []
        self.done = 0

    def add(self, part: Part) -> None:
        """Write a part, with a header before the first."""
        self._write(part.table)

    def finish(self, empty: pd.DataFrame) -> None:
        """Write the header if there was no part; `empty` has the columns."""
        if not self._begun:
            self._write(empty)

    def discard(self) -> None:
        """Do nothing: what is written is written."""

    def _write(self, table: pd.DataFrame) -> None:
        self._file.write(self._csv.text(table, header=not self._begun))
        self._file.flush()
        self._begun = True


class ToFile:
    """Results in a file that is whole or absent; see `resumable`."""

    def __init__(self, target: Path, form: Format, folder: Path, images: Images, numbers: range, step: int) -> None:
        self._target, self._form, self._folder, self._images = target, form, folder, images
        self._starts = range(numbers.start, numbers.stop, step)
        self._end = numbers.stop
        self.earlier: list[dict[int, str]] = []

    def resume(self) -> str:
        """Find the parts of an interrupted run; return "", or why they are of no use."""
        for start in self._starts:
            if not self._note(start).is_file():
                break
            noted = files.read_json(self._note(start))
            numbers = self._numbers(start)
            if noted["state"] != _state(self._images[numbers.start : numbers.stop]):
                return f"files have changed since, of images {numbers.start + 1:,} to {numbers.stop:,}"
            self.earlier.append({int(number): text for number, text in noted["problems"].items()})
        return ""

    @property
    def done(self) -> int:
        """The number of images whose results are in parts."""
        if len(self.earlier) == len(self._starts):
            return self._end - self._starts.start
        return self._starts[len(self.earlier)] - self._starts.start

    def add(self, part: Part) -> None:
        """Write a part."""
        start = part.numbers.start
        with files.atomic(self._part(start)) as path:
            self._form.write_part(path, part.table)
        state = _state(self._images[start : part.numbers.stop])
        files.write_json(self._note(start), {"state": state, "problems": part.problems})
        self.earlier.append(part.problems)

    def finish(self, empty: pd.DataFrame) -> None:
        """Write the file from its parts; `empty` has the columns."""
        with files.atomic(self._target) as path:
            self._form.join([self._part(start) for start in self._starts], path, empty)

    def discard(self) -> None:
        """Forget all parts."""
        self.earlier.clear()

    def _numbers(self, start: int) -> range:
        return range(start, min(start + self._starts.step, self._end))

    def _part(self, start: int) -> Path:
        return self._folder / f"{start:09d}.rows"

    def _note(self, start: int) -> Path:
        return self._folder / f"{start:09d}.json"


@contextmanager
def resumable(
    target: Path, named: Path, form: Format, run: Mapping[str, Any], images: Images, numbers: range, step: int
) -> Iterator[ToFile]:
    """Give what writes the results of some images to a file, part by part, where an interrupted run stopped.

    Args:
        target, named: the file, and what users call it.
        run: what the results depend on besides the content of image files, by a word for it; JSON-like.
        step: images per part.

    Raises:
        GalaxyError: another process writes this file.
    """
    folder = target.with_name(f".{target.name}.parts")
    folder.mkdir(exist_ok=True)
    try:
        lock = FileLock(folder / _LOCK, blocking=False).acquire()
    except Timeout:
        raise GalaxyError(f"{named}: another process writes this file; wait for it, or name another (--out)") from None
    with lock:
        output = ToFile(target, form, folder, images, numbers, step)
        ours = json.loads(json.dumps({"batch size": step, "share": [numbers.start, numbers.stop], **run}))
        begun = _read(folder / _RUN)
        if begun is not None:
            other = [key for key in ours if begun.get(key) != ours[key]]
            reason = f"other {', '.join(other)}" if other else output.resume()
            if reason:
                note(f"{named}: an interrupted run is of no use here ({reason}); starting anew")
                output = ToFile(target, form, folder, images, numbers, step)
                _clear(folder)
                begun = None
            elif output.done:
                note(f"{named}: resuming an interrupted run behind image {output.done:,} of {len(numbers):,}")
        if begun is None:
            files.write_json(folder / _RUN, ours)
        try:
            yield output
        except BaseException:
            if output.earlier:
                note(
                    f"{named}: the results for {output.done:,} of {len(numbers):,} images are kept in {folder}; the "
                    "same command resumes there"
                )
            else:
                shutil.rmtree(folder)
            raise
        shutil.rmtree(folder)


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != _LOCK:
            path.unlink()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return files.read_json(path)
    except FileNotFoundError:
        return None


def _state(sources: Sequence[Source]) -> str:
    """Return a checksum of images' files: their names, sizes and times of change."""
    found = []
    for path in dict.fromkeys(source.path for source in sources):
        if path is not None:
            try:
                state = path.stat()
                found.append((str(path), state.st_size, state.st_mtime_ns))
            except OSError:
                found.append((str(path), -1, -1))
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def standard_output() -> IO[bytes]:
    """Return the standard output for bytes; Python's own may be unbuffered, and writes no more than a pipe takes."""
    sys.stdout.flush()
    return open(sys.stdout.fileno(), "wb", closefd=False)
