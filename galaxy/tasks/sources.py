"""Get a task's data: the data set's own download (`official`), your own files (`local`), or a sample (`builtin`)."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pooch
from requests import RequestException

from galaxy.core import competition, files, outside
from galaxy.core.errors import GalaxyError
from galaxy.simulator import simulate
from galaxy.tasks import builtin_samples, galaxy10, readers
from galaxy.tasks.params import Data
from galaxy.tasks.readers import Collected

_GALAXY10 = "https://zenodo.org/records/10844811/files/Galaxy10.h5"
_CIFAR10 = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"


@dataclass(frozen=True)
class Origin:
    """How to get a task's data."""

    official: dict[str, str]
    """URLs of the files to download, by hash."""
    read: Callable[[Path, int], Collected]
    """Reads the data set from a file, or from the folder of several, given the size of the images in pixels."""
    builtin: Callable[[Data], Collected]
    """Makes the tiny sample that the params describe."""
    files: str
    """What source local needs, in words."""


def _galaxy10(path: Path, size: int) -> Collected:
    """Read Galaxy10's HDF5; first write it, if `path` is a folder with the competition's zips."""
    if not path.is_dir():
        return readers.hdf5(path, galaxy10.CLASSES, size)
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "Galaxy10.h5"
        galaxy10.write(path, written)
        return readers.hdf5(written, galaxy10.CLASSES, size)


def _simulated_galaxy10(options: Data) -> Collected:
    with tempfile.TemporaryDirectory() as folder:
        simulate(Path(folder), galaxy10.BUILTIN.model_copy(update={"training_galaxies": options.simulated}))
        return _galaxy10(Path(folder), options.size)


ORIGINS = {
    "galaxy10": Origin(
        {"sha256:969a6b1cefcc36e09fffa86febd2f699a4aa19b837ba0427f01b0bc6ded458af": _GALAXY10},
        _galaxy10,
        _simulated_galaxy10,
        "Galaxy10.h5, or a folder with the competition's zips",
    ),
    "cifar10": Origin(
        {"md5:c32a1d4ab5d03f1284b67883e8d87530": _CIFAR10},
        readers.cifar10,
        lambda options: builtin_samples.cifar10(options.size),
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
        lambda options: builtin_samples.fashion_mnist(options.size),
        "a folder with the four idx.gz files",
    ),
    "sports": Origin(
        {},
        readers.photographs,
        lambda options: builtin_samples.sports(options.size),
        "a zip or folder of train/, train.csv and test/",
    ),
}


def collect(options: Data, downloads: Path) -> tuple[Collected, dict[str, object]]:
    """Return a task's data set, and its provenance: the source, and the SHA-256 of the files that were read.

    Args:
        downloads: a folder for downloads, outside DVC's outs, so that nothing is fetched twice.

    Raises:
        GalaxyError: the source does not have the data set; the message names the other sources.
    """
    task = options.name
    origin = ORIGINS[task]
    if options.source == "builtin":
        simulated = {} if options.simulated is None else {"simulated_galaxies": options.simulated}
        return origin.builtin(options), {"source": "builtin", **simulated}
    path = _fetch(task, origin, downloads) if options.source == "official" else local(options)
    digests = _digests(path)
    return origin.read(path, options.size), {"source": options.source, "sha256": digests}


def local(options: Data) -> Path:
    """Return the file or folder of source local.

    Raises:
        GalaxyError: it is absent; the message names the other sources.
    """
    path = outside.locate(options.local)
    if not path.exists():
        raise GalaxyError(
            f"data.local is {path}: no such file or folder; {_all_sources(options.name, ORIGINS[options.name])}"
        )
    return path


def _digests(path: Path) -> dict[str, str]:
    """Return the SHA-256 of a file, or of the archives in a folder; other folders hold too many files to list."""
    if path.is_file():
        return {path.name: files.sha256(path)}
    archives = [competition.zip_path(path, name) for name in competition.ARCHIVES]
    archives += sorted(path.glob("*.gz"))
    return {archive.name: files.sha256(archive) for archive in archives if archive.is_file()}


def _all_sources(task: str, origin: Origin) -> str:
    official = f"{task} has no download of its own"
    if origin.official:
        official = "data.source official downloads the data set (dvc exp run -S data.source=official)"
    return f"{official}; data.source local reads what data.local names ({origin.files}); builtin is a tiny sample"


def _fetch(task: str, origin: Origin, downloads: Path) -> Path:
    """Download what is not there yet, and check it. Return the file, or the folder of several."""
    if not origin.official:
        raise GalaxyError(f"data.source is official, but {_all_sources(task, origin)}")
    folder = downloads / task
    paths = []
    for known, url in origin.official.items():
        try:
            name = url.rpartition("/")[2]
            paths.append(Path(pooch.retrieve(url, known, fname=name, path=folder, progressbar=True)))
        except (RequestException, OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise GalaxyError(f"{url} cannot be fetched: {reason}; {_all_sources(task, origin)}") from None
    return paths[0] if len(paths) == 1 else folder
