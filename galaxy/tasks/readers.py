"""Read data sets from files: HDF5, zips or folders of images, idx, and CIFAR-10's binary records.

Each reader raises GalaxyError if a file is absent or damaged, or if the data have another layout.
"""

import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import h5py
import numpy as np

from galaxy.core import files
from galaxy.core.errors import GalaxyError, describe, list_problems
from galaxy.core.runtime import progress
from galaxy.ingest import archives, formats, zips
from galaxy.ingest.decode import square, squares
from galaxy.ingest.formats import BadImageError

FASHION_CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_CIFAR10_SIDE = 32

_LARGEST_FILE, _LARGEST_ARRAY, _MOST_IMAGES = 2**26, 2**28, 10**6
"""Most bytes of an image or table, most bytes of an array in an idx file or batch, and most images in an HDF5 file."""


@dataclass(frozen=True)
class Collected:
    """A data set in memory.

    Attributes:
        images: N×size×size×C uint8, labelled.
        names, labels: each image's name, and the number of its class.
        classes: names of the classes.
        own_test: N booleans, true for images of the data set's own test set.
        unlabelled, unlabelled_names: M×size×size×C images without a class, and their names.
    """

    images: np.ndarray
    names: list[str]
    labels: np.ndarray
    classes: tuple[str, ...]
    own_test: np.ndarray
    unlabelled: np.ndarray | None = None
    unlabelled_names: list[str] = field(default_factory=list)


def numbered(images: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], tests: int, where: str) -> Collected:
    """Check labels, and name images by their numbers; the last `tests` are the data set's own test set."""
    _check_labels(labels, len(images), len(classes), where)
    own_test = np.arange(len(images)) >= len(images) - tests
    return Collected(images, [f"{i:05d}" for i in range(len(images))], labels.astype(np.int64), classes, own_test)


def _check_labels(labels: np.ndarray, images: int, classes: int, where: str) -> None:
    whole = np.issubdtype(labels.dtype, np.integer) and labels.shape == (images,) and images > 0
    if not whole or labels.min() < 0 or labels.max() >= classes:
        raise GalaxyError(
            f"{where}: {images} images, and labels of {labels.dtype} and shape {labels.shape}; there must be one whole "
            f"number per image, from 0 to {classes - 1}; fetch it again"
        )


def hdf5(path: Path, classes: tuple[str, ...], size: int) -> Collected:
    """Read Galaxy10's layout: `images`, uint8, N×size×size×3, and `ans`, N class numbers."""
    try:
        with h5py.File(path) as file:
            stored, labels = file["images"], file["ans"]
            if not (isinstance(stored, h5py.Dataset) and isinstance(labels, h5py.Dataset)):
                raise KeyError("they are no arrays")
            if stored.dtype != np.uint8 or stored.shape[1:] != (size, size, 3):
                raise GalaxyError(
                    f"{path}: images are {stored.dtype}, {stored.shape}; they must be uint8, N×{size}×{size}×3 "
                    "(data.size)"
                )
            if labels.size > _MOST_IMAGES:
                raise ValueError(f"{labels.size} labels")
            _check_labels(labels[()], len(stored), len(classes), str(path))  # before a claimed shape takes the memory
            return numbered(stored[()], labels[()], classes, 0, str(path))
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, OverflowError) as error:  # h5py's
        raise GalaxyError(
            f"{path} is not Galaxy10's HDF5 with images and ans: {describe(error)}; fetch it again"
        ) from None


def idx(folder: Path, size: int) -> Collected:
    """Read Fashion-MNIST's four gzipped files in idx format."""
    images, labels = _idx_pair(folder, "train")
    test_images, test_labels = _idx_pair(folder, "t10k")
    if images.shape[1:] != test_images.shape[1:]:
        raise GalaxyError(
            f"{folder}: training images are {images.shape}, test images {test_images.shape}; fetch them again"
        )
    images, labels = np.concatenate([images, test_images]), np.concatenate([labels, test_labels])
    return numbered(squares(images[..., None], size), labels, FASHION_CLASSES, len(test_images), str(folder))


def _idx_pair(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    path = folder / f"{name}-images-idx3-ubyte.gz"
    images, labels = _idx(path, 3), _idx(folder / f"{name}-labels-idx1-ubyte.gz", 1)
    if not images.size:
        raise GalaxyError(f"{path} holds no pixel, shape {images.shape}; fetch it again")
    _check_labels(labels, len(images), len(FASHION_CLASSES), f"{folder} ({name})")
    return images, labels


def _idx(path: Path, dimensions: int) -> np.ndarray:
    """Read an idx file of bytes: magic number (type 8, number of dimensions), sizes as big-endian int32, data."""
    try:
        with gzip.open(path) as file:
            content = file.read(_LARGEST_ARRAY)
        magic = int.from_bytes(content[:4], "big")
        shape = np.frombuffer(content, ">u4", dimensions, 4)
        if magic != 0x800 + dimensions:
            raise ValueError(f"magic number {magic:#x}")
        return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
    except FileNotFoundError:
        raise GalaxyError(f"{path}: no such file; data.local must name the folder of the four idx files") from None
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise GalaxyError(f"{path} is not a gzipped idx file of bytes: {error}; fetch it again") from None


def cifar10(path: Path, size: int) -> Collected:
    """Read CIFAR-10: the authors' binary archive (`.tar.gz`), or a zip or folder of `train|test/<class>/<image>`."""
    return _records(path, size) if path.name.endswith(".tar.gz") else folders(path, size)


def _records(path: Path, size: int) -> Collected:
    """Read records of one byte (the class) and 3×32×32 bytes (the image): five training batches and a test batch."""
    names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    batches = []
    try:
        with tarfile.open(path) as archive:
            for name in names:
                member = archive.extractfile(f"cifar-10-batches-bin/{name}")
                content = b"" if member is None else member.read(_LARGEST_ARRAY)
                if not content:
                    raise ValueError(f"{name} is empty")
                batches.append(np.frombuffer(content, np.uint8).reshape(-1, 1 + 3 * _CIFAR10_SIDE**2))
    except (OSError, KeyError, ValueError, EOFError, zlib.error, tarfile.TarError) as error:
        raise GalaxyError(
            f"{path} is not CIFAR-10's binary archive: {describe(error)}; fetch {path.name} again (its binary version, "
            "not Python's or Matlab's)"
        ) from None
    rows = np.concatenate(batches)
    images = rows[:, 1:].reshape(-1, 3, _CIFAR10_SIDE, _CIFAR10_SIDE).transpose(0, 2, 3, 1)
    return numbered(squares(images, size), rows[:, 0], CIFAR10_CLASSES, len(batches[-1]), str(path))


def folders(path: Path, size: int) -> Collected:
    """Read images in `train/<class>/` and `test/<class>/`; the classes are the folders' names, sorted."""
    with members(path) as opened:
        parts = {name: PurePosixPath(name).parts for name in opened.images}
        names = [name for name, part in parts.items() if len(part) == 3 and part[0] in ("train", "test")]
        class_names, own_test = (
            [parts[name][1] for name in names],
            np.array([parts[name][0] == "test" for name in names]),
        )
        classes = tuple(sorted({name for name, test in zip(class_names, own_test, strict=True) if not test}))
        if len(classes) < 2:
            raise GalaxyError(f"{path} holds no images in train/<class>/ and test/<class>/; give the folder above them")
        problems = [
            f"{name}: not in train/<class>/ or test/<class>/" for name in sorted(set(opened.images) - set(names))
        ]
        problems += [f"test/{name}: no such class in train/" for name in sorted(set(class_names) - set(classes))]
        if problems:
            raise list_problems(f"{path}: images in other places", problems, "Move them, or leave them out.")
        images = opened.decode(names, size)
    labels = np.array([classes.index(name) for name in class_names])
    return Collected(images, names, labels, classes, own_test)


def photographs(path: Path, size: int) -> Collected:
    """Read images in `train/` with their labels in `train.csv` (`name`, `label`), and unlabelled images in `test/`."""
    with members(path) as opened:
        table = archives.read_table(io.BytesIO(opened.read("train.csv")), f"{path} (train.csv)")
        if list(table.columns) != ["name", "label"]:
            raise GalaxyError(f"{path} (train.csv): columns {', '.join(table.columns)}; they must be name, label")
        parts = {name: PurePosixPath(name).parts for name in opened.images}
        found = {part[1]: name for name, part in parts.items() if len(part) == 2 and part[0] == "train"}
        tests = [name for name, part in parts.items() if len(part) == 2 and part[0] == "test"]
        problems = [f"{name}: a row, but no image in train/" for name in table["name"] if name not in found]
        problems += [f"{name}: an image, but no row in train.csv" for name in set(found) - set(table["name"])]
        problems += [f"{name}: for the second time" for name in table["name"][table["name"].duplicated()]]
        problems += [f"{name}: no label" for name in table["name"][table["label"].str.strip() == ""]]
        problems += [f"{name}: neither in train/ nor in test/" for name in {*opened.images} - {*found.values(), *tests}]
        if problems:
            raise list_problems(f"{path}: train.csv and train/ do not match", sorted(problems), "Fetch it again.")
        images = opened.decode([found[name] for name in table["name"]], size)
        unlabelled = opened.decode(tests, size)
    classes = tuple(sorted(set(table["label"])))
    if len(classes) < 2:
        raise GalaxyError(f"{path} (train.csv) has {len(classes)} classes; two or more are needed")
    labels = np.array([classes.index(label) for label in table["label"]])
    names = [PurePosixPath(name).name for name in tests]
    return Collected(images, table["name"].tolist(), labels, classes, np.zeros(len(labels), bool), unlabelled, names)


class Members:
    """The files of a zip or folder, read by path; `images` lists the paths of the images.

    A folder that holds all files is left out of the paths; hidden files are left out.
    """

    def __init__(self, path: Path, archive: zipfile.ZipFile | None) -> None:
        self.path, self.archive = path, archive
        if archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            names = [(zips.path_in_zip(info.filename), info.filename) for info in infos]
        else:
            names = [(PurePosixPath(found.relative_to(path)), str(found)) for found in files.below(path)]
        names = [(name, where) for name, where in names if not files.is_hidden(name)]
        tops = {name.parts[0] for name, _ in names}
        if len(tops) == 1 and not tops & {"train", "test"}:
            names = [(name.relative_to(*tops), where) for name, where in names if len(name.parts) > 1]
        self._names = {str(name): where for name, where in names}
        if len(self._names) < len(names):
            raise GalaxyError(f"{path} holds a file twice under one name; make it again")
        self.images = sorted(name for name in self._names if name.lower().endswith(archives.PICTURES))

    def read(self, name: str) -> bytes:
        """Return the content of one file."""
        where = self._names.get(name)
        if where is None:
            raise GalaxyError(f"{self.path} holds no {name}; fetch it again")
        if self.archive is None:
            return Path(where).read_bytes()
        try:
            return zips.read_member(self.archive, where, _LARGEST_FILE)
        except zipfile.BadZipFile as error:
            raise GalaxyError(f"{self.path}: {name} cannot be read: {error}. {zips.ADVICE}") from None

    def decode(self, names: list[str], size: int) -> np.ndarray:
        """Return images as N×size×size×3 uint8, RGB; the error lists all that cannot be read."""
        images = np.zeros((len(names), size, size, 3), np.uint8)
        problems = []
        with progress(f"decode {self.path.name}", len(names)) as bar:
            for i, name in enumerate(names):
                try:
                    images[i] = square(formats.decode(self.read(name)), size)
                except BadImageError as error:
                    problems.append(f"{name}: {error}")
                bar.update()
        if problems:
            raise list_problems(f"{self.path}: images that cannot be used", problems, "Fix them, or leave them out.")
        return images


@contextmanager
def members(path: Path) -> Iterator[Members]:
    """Open a zip or folder."""
    if path.is_dir():
        yield Members(path, None)
    else:
        with archives.open_zip(path) as archive:
            yield Members(path, archive)
