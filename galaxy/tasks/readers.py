"""Read data sets from files: HDF5, zips or folders of images, idx, and CIFAR-10's binary records.

Each reader raises GalaxyError if a file is absent or damaged, or if the data have another layout.
"""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import cv2
import h5py
import numpy as np

from galaxy.core.errors import GalaxyError, list_problems
from galaxy.core.runtime import progress
from galaxy.ingest import archives
from galaxy.ingest.decode import square, squares

FASHION_CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_CIFAR10_SIDE = 32


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
    if len(images) != len(labels) or not len(labels) or labels.min() < 0 or labels.max() >= len(classes):
        raise GalaxyError(
            f"{where}: {len(images)} images and {len(labels)} labels; there must be one label per image, from 0 to "
            f"{len(classes) - 1}; fetch it again"
        )
    own_test = np.arange(len(images)) >= len(images) - tests
    return Collected(images, [f"{i:05d}" for i in range(len(images))], labels.astype(np.int64), classes, own_test)


def hdf5(path: Path, classes: tuple[str, ...], size: int) -> Collected:
    """Read Galaxy10's layout: `images`, uint8, N×size×size×3, and `ans`, N class numbers."""
    try:
        with h5py.File(path) as file:
            images, labels = np.asarray(file["images"]), np.asarray(file["ans"])
    except (OSError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise GalaxyError(f"{path} is not Galaxy10's HDF5 with images and ans: {reason}; fetch it again") from None
    if images.dtype != np.uint8 or images.shape[1:] != (size, size, 3):
        raise GalaxyError(
            f"{path}: images are {images.dtype}, {images.shape}; they must be uint8, N×{size}×{size}×3 (data.size)"
        )
    return numbered(images, labels, classes, 0, str(path))


def idx(folder: Path, size: int) -> Collected:
    """Read Fashion-MNIST's four gzipped files in idx format."""
    images = _idx(folder / "train-images-idx3-ubyte.gz", 3)
    labels = _idx(folder / "train-labels-idx1-ubyte.gz", 1)
    test_images = _idx(folder / "t10k-images-idx3-ubyte.gz", 3)
    test_labels = _idx(folder / "t10k-labels-idx1-ubyte.gz", 1)
    images, labels = np.concatenate([images, test_images]), np.concatenate([labels, test_labels])
    return numbered(squares(images[..., None], size), labels, FASHION_CLASSES, len(test_images), str(folder))


def _idx(path: Path, dimensions: int) -> np.ndarray:
    """Read an idx file of bytes: magic number (type 8, number of dimensions), sizes as big-endian int32, data."""
    try:
        content = gzip.decompress(path.read_bytes())
        magic = int.from_bytes(content[:4], "big")
        shape = np.frombuffer(content, ">i4", dimensions, 4)
        if magic != 0x800 + dimensions:
            raise ValueError(f"magic number {magic:#x}")
        return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
    except FileNotFoundError:
        raise GalaxyError(f"{path}: no such file; data.local must name the folder of the four idx files") from None
    except (OSError, EOFError, ValueError) as error:
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
                assert member is not None
                batches.append(np.frombuffer(member.read(), np.uint8).reshape(-1, 1 + 3 * _CIFAR10_SIDE**2))
    except (OSError, KeyError, ValueError, EOFError, tarfile.TarError) as error:
        raise GalaxyError(f"{path} is not CIFAR-10's binary archive: {error}; fetch it again") from None
    rows = np.concatenate(batches)
    images = rows[:, 1:].reshape(-1, 3, _CIFAR10_SIDE, _CIFAR10_SIDE).transpose(0, 2, 3, 1)
    return numbered(squares(images, size), rows[:, 0], CIFAR10_CLASSES, len(batches[-1]), str(path))


def folders(path: Path, size: int) -> Collected:
    """Read images in `train/<class>/` and `test/<class>/`; the classes are the folders' names, sorted."""
    with members(path) as files:
        names, class_names, own_test = [], [], []
        for name in files.images:
            parts = PurePosixPath(name).parts
            if len(parts) == 3 and parts[0] in ("train", "test"):
                names.append(name)
                class_names.append(parts[1])
                own_test.append(parts[0] == "test")
        classes = tuple(sorted(set(class_names)))
        if len(classes) < 2:
            raise GalaxyError(f"{path} holds no images in train/<class>/ and test/<class>/; give the folder above them")
        images = files.decode(names, size)
    labels = np.array([classes.index(name) for name in class_names])
    return Collected(images, names, labels, classes, np.array(own_test))


def photographs(path: Path, size: int) -> Collected:
    """Read images in `train/` with their labels in `train.csv` (`name`, `label`), and unlabelled images in `test/`."""
    with members(path) as files:
        table = archives.read_table(io.BytesIO(files.read("train.csv")), f"{path} (train.csv)")
        if list(table.columns) != ["name", "label"]:
            raise GalaxyError(f"{path} (train.csv): columns {', '.join(table.columns)}; they must be name, label")
        found = {PurePosixPath(name).name: name for name in files.images if name.startswith("train/")}
        problems = [f"{name}: a row, but no image in train/" for name in table["name"] if name not in found]
        problems += [f"{name}: an image, but no row in train.csv" for name in set(found) - set(table["name"])]
        problems += [f"{name}: for the second time" for name in table["name"][table["name"].duplicated()]]
        if problems:
            raise list_problems(f"{path}: train.csv and train/ do not match", sorted(problems), "Fetch it again.")
        tests = [name for name in files.images if name.startswith("test/")]
        images = files.decode([found[name] for name in table["name"]], size)
        unlabelled = files.decode(tests, size)
    classes = tuple(sorted(set(table["label"])))
    labels = np.array([classes.index(label) for label in table["label"]])
    names = [PurePosixPath(name).name for name in tests]
    return Collected(images, table["name"].tolist(), labels, classes, np.zeros(len(labels), bool), unlabelled, names)


class Members:
    """The files of a zip or folder, read by name; `images` lists the names of the images."""

    def __init__(self, path: Path, archive: zipfile.ZipFile | None) -> None:
        self.path, self.archive = path, archive
        names = archive.namelist() if archive else [p.relative_to(path).as_posix() for p in path.rglob("*")]
        kinds = (".jpg", ".jpeg", ".png")
        self.images = sorted(n for n in names if n.lower().endswith(kinds) and not n.startswith("__MACOSX"))

    def read(self, name: str) -> bytes:
        """Return the content of one file."""
        try:
            return self.archive.read(name) if self.archive else (self.path / name).read_bytes()
        except (KeyError, FileNotFoundError):
            raise GalaxyError(f"{self.path} holds no {name}; fetch it again") from None

    def decode(self, names: list[str], size: int) -> np.ndarray:
        """Return images as N×size×size×3 uint8, RGB; the error lists all that cannot be read."""
        images = np.zeros((len(names), size, size, 3), np.uint8)
        problems = []
        with progress(f"decode {self.path.name}", len(names)) as bar:
            for i, name in enumerate(names):
                content = self.read(name)
                decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB) if content else None
                if decoded is None:
                    problems.append(f"{name}: no readable image ({len(content)} bytes)")
                else:
                    images[i] = square(decoded, size)
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
