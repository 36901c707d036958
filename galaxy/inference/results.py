"""Compute on any number of images and write the results as they come, with what users are told of them."""

import contextlib
import hashlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tqdm import tqdm

import galaxy
from galaxy.core import files
from galaxy.core.errors import FIRST_PROBLEMS, GalaxyError
from galaxy.inference import outputs, stream, writing
from galaxy.inference.catalogue import Catalogue
from galaxy.inference.image_list import Images
from galaxy.inference.lists import WARNING
from galaxy.inference.stream import Compute, Part
from galaxy.inference.writing import ToFile, ToStream

_LIBRARIES = ("numpy", "opencv-python-headless", "pandas", "timm", "torch")


@dataclass(frozen=True)
class Shard:
    """One of `count` shares of the images, from 1 on: images that follow each other, in whole batches."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read a text such as "3/16"; raise GalaxyError if it is another."""
        match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise GalaxyError(f"shard is {text!r}; it may be 1/N to N/N, such as 3/16")
        return cls(int(match[1]), int(match[2]))

    def numbers(self, images: int, batch_size: int) -> range:
        """Return the numbers of this share's images. All shares have as many batches, or one more or less."""
        batches = -(-images // batch_size)
        first, end = (share * batches // self.count * batch_size for share in (self.number - 1, self.number))
        return range(min(first, images), min(end, images))

    def path(self, out: Path) -> Path:
        """Return where this share's results go: `out`, with the share in its name, so that names sort in its order."""
        ending = max((ending for ending in outputs.ENDINGS if out.name.lower().endswith(ending)), key=len, default="")
        stem = out.name[: len(out.name) - len(ending)]
        share = f"{self.number:0{len(str(self.count))}d}-of-{self.count}"
        return out.with_name(f"{stem}-{share}{out.name[len(stem) :]}")


@dataclass
class Summary:
    """How many images were computed on, and how many of them cannot be read or are doubtful."""

    images: int
    problems: int = 0
    doubtful: int = 0


def write(
    out: Path,
    images: Images,
    computes: Sequence[Compute],
    *,
    numbers: range,
    batch_size: int,
    digits: Mapping[str, str],
    run: Mapping[str, Any],
    strict: bool,
    label: str,
    each: Callable[[Part], None] | None = None,
) -> Summary:
    """Compute on images and write the results; name on stderr what cannot be read and the first that is doubtful.

    Args:
        out: a file, whose ending says its kind (see `outputs`); a device; or `outputs.STDOUT`.
        computes: see `stream.parts`.
        numbers: the images to compute on; may be none.
        digits: how CSV writes the numbers of some columns, such as "{:.6f}".
        run: what the results depend on besides images and software, by a word for it; JSON-like.
        strict: stop at the first image that cannot be read or is doubtful.
        label: names the progress bar.
        each: called with each part before it counts as done, such as to draw figures.

    Raises:
        GalaxyError: no image can be read; or, if `strict`, one cannot or is doubtful; `out` cannot hold the columns.
    """
    catalogue = Catalogue(images, [*computes[0].columns, WARNING])
    empty = stream.empty(catalogue, computes[0])
    outputs.check_columns(out, list(empty.columns))
    depends_on = {"images": [str(Path.cwd()), images.digest()], "software": _software(), **run}
    summary = Summary(len(numbers))
    first_problem: dict[int, str] = {}

    def count(problems: Mapping[int, str]) -> None:
        summary.problems += len(problems)
        first_problem.update(list(problems.items())[: 1 - len(first_problem)])
        for number, problem in problems.items():
            _say(f"left out: {images[number].name}: {problem}")

    with _opened(out, digits, depends_on, images, numbers, stream.part_size(batch_size)) as output:
        for problems in output.earlier:
            count(problems)
        rest = range(numbers.start + output.done, numbers.stop)
        found = stream.parts(
            images, catalogue, computes, rest, batch_size, strict=strict, refuse_doubtful=strict, label=label
        )
        with contextlib.closing(found):
            for part in found:
                if each is not None:
                    each(part)
                output.add(part)
                count(part.problems)
                _warn(images, part, summary)
        if numbers and summary.problems == len(numbers):
            output.discard()
            raise stream.none_readable(images, len(numbers), first_problem)
        output.finish(empty)
    if summary.doubtful > FIRST_PROBLEMS:
        _say(f"warning: … and {summary.doubtful - FIRST_PROBLEMS} more, in the column {WARNING!r}")
    return summary


def _warn(images: Images, part: Part, summary: Summary) -> None:
    """Name the first doubtful images of all parts."""
    warnings = part.table[WARNING]
    for number, text in warnings[warnings != ""].items():
        if number not in part.problems:
            summary.doubtful += 1
            if summary.doubtful <= FIRST_PROBLEMS:
                _say(f"warning: {images[int(str(number))].name}: {text}")


@contextlib.contextmanager
def _opened(
    out: Path, digits: Mapping[str, str], run: Mapping[str, Any], images: Images, numbers: range, step: int
) -> Iterator[ToFile | ToStream]:
    csv = outputs.csv(digits)
    if out == outputs.STDOUT:
        with writing.standard_output() as file:
            yield ToStream(file, csv)
    elif outputs.is_device(out):
        with out.open("wb") as file:
            yield ToStream(file, csv)
    else:
        form = outputs.form(out, digits)
        with writing.resumable(outputs.target(out), out, form, run, images, numbers, step) as output:
            yield output


def _software() -> str:
    """Return a checksum of the code, and of the versions of the libraries that results depend on."""
    package = Path(galaxy.__file__).parent
    found = hashlib.sha256(" ".join(version(name) for name in _LIBRARIES).encode())
    for path in sorted(package.rglob("*.py")):
        found.update(f"{path.relative_to(package)} {files.sha256(path)}".encode())
    return found.hexdigest()


def _say(text: str) -> None:
    """Print to stderr, above a progress bar if there is one."""
    tqdm.write(text, file=sys.stderr)
