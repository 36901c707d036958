"""Where a task's data come from: the data set's own download (`official`), files as found (`local`), or `builtin`."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pooch
from requests import RequestException

from galaxy.core import competition
from galaxy.core import files
from galaxy.tasks import builtin_samples
from galaxy.tasks import galaxy10
from galaxy.tasks import readers
from galaxy.tasks.params import Data
from galaxy.tasks.readers import Collected
from galaxy.core.errors import GalaxyError

_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"


@dataclass(frozen=True)
class Origin:
    """How a task's data are had.

    Attributes:
        official: what to download, URL by hash.
        read: the data set from the downloaded file (or the folder of several), or from what the user has.
        builtin: the tiny sample, of a size in pixels.
        files: what a user must have for source local, in words.
    """

    official: dict[str, str]
    read: Callable[[Path, int], Collected]
    builtin: Callable[[int], Collected]
    files: str


def _galaxy10(path: Path, size: int) -> Collected:
    """Galaxy10's HDF5, or the competition's zips in a folder, from which its like is written."""
    if not path.is_dir():
        return readers.hdf5(path, galaxy10.CLASSES, size)
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "Galaxy10.h5"
        galaxy10.write(path, written)
        return readers.hdf5(written, galaxy10.CLASSES, size)


def _simulated_galaxy10(size: int) -> Collected:
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "Galaxy10.h5"
        galaxy10.write_builtin(written)
        return readers.hdf5(written, galaxy10.CLASSES, size)


ORIGINS = {
    "galaxy10": Origin(
        {
            "sha256:969a6b1cefcc36e09fffa86febd2f699a4aa19b837ba0427f01b0bc6ded458af": (
                "https://zenodo.org/records/10844811/files/Galaxy10.h5"
            )
        },
        _galaxy10,
        _simulated_galaxy10,
        "Galaxy10.h5, or a folder with the competition's zips",
    ),
    "cifar10": Origin(
        {"md5:c32a1d4ab5d03f1284b67883e8d87530": "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"},
        readers.cifar10,
        builtin_samples.cifar10,
        "cifar-10-binary.tar.gz, or a zip or folder of train/<class>/ and test/<class>/",
    ),
    "fashion_mnist": Origin(
        {
            "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d": f"{_FASHION}train-images-idx3-ubyte.gz",
            "md5:25c81989df183df01b3e8a0aad5dffbe": f"{_FASHION}train-labels-idx1-ubyte.gz",
            "md5:bef4ecab320f06d8554ea6380940ec79": f"{_FASHION}t10k-images-idx3-ubyte.gz",
            "md5:bb300cfdad3c16e7a12a480ee83cd310": f"{_FASHION}t10k-labels-idx1-ubyte.gz",
        },
        readers.idx,
        builtin_samples.fashion_mnist,
        "a folder with the four idx.gz files",
    ),
    "sports": Origin({}, readers.photographs, builtin_samples.sports, "a zip or folder of train/, train.csv and test/"),
}


def collect(task: str, options: Data, downloads: Path) -> tuple[Collected, dict[str, object]]:
    """The data set of a task, and its provenance: the source, and the SHA-256 of the files that were read.

    Args:
        downloads: a folder for what is fetched, outside DVC's outs: nothing is fetched twice.

    Raises:
        GalaxyError: the source has not got the data set; what else there is to do is said.
    """
    origin = ORIGINS[task]
    if options.source == "builtin":
        return origin.builtin(options.size), {"source": "builtin"}
    path = _fetch(task, origin, downloads) if options.source == "official" else Path(options.local)
    if not path.exists():
        raise GalaxyError(f"data.local is {path}: no such file or folder; {_both_ways(task, origin)}")
    found = _digests(path)
    return origin.read(path, options.size), {"source": options.source, "sha256": found}


def _digests(path: Path) -> dict[str, str]:
    """SHA-256 of a file, or of the archives in a folder; other folders hold too many files to list."""
    if path.is_file():
        return {path.name: files.sha256(path)}
    archives = [competition.zip_path(path, name) for name in competition.ARCHIVES]
    archives += sorted(path.glob("*.gz"))
    return {archive.name: files.sha256(archive) for archive in archives if archive.is_file()}


def _both_ways(task: str, origin: Origin) -> str:
    official = (
        "data.source official downloads the data set" if origin.official else f"{task} has no download of its own"
    )
    return f"{official}; data.source local reads what data.local names ({origin.files}); builtin is a tiny sample"


def _fetch(task: str, origin: Origin, downloads: Path) -> Path:
    """Download what is not there yet, and check it; the file, or the folder of several."""
    if not origin.official:
        raise GalaxyError(f"data.source is official, but {_both_ways(task, origin)}")
    folder = downloads / task
    paths = []
    for known, url in origin.official.items():
        try:
            name = url.rpartition("/")[2]
            paths.append(Path(pooch.retrieve(url, known, fname=name, path=folder, progressbar=True)))
        except (RequestException, OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise GalaxyError(f"{url} cannot be fetched: {reason}; {_both_ways(task, origin)}") from None
    return paths[0] if len(paths) == 1 else folder
