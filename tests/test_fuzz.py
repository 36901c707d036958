"""Mutated files of every kind end in one line or in whole input: no traceback, no hang, no signal, not much memory.

The slow test tries 2,000 mutations, the other one 60. Both print what became of them: `pytest -s`. The seed of a
mutation is its kind and its number, so that `mutated(kind, number)` makes it again.
"""

import gzip
import io
import os
import random
import re
import resource
import sys
import tarfile
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from galaxy.core import decision_tree
from galaxy.core.errors import GalaxyError

SECONDS, MEMORY = 20, 10**6
"""Most seconds that a file may take, and most kB of memory beyond what the process has at its start."""

LIMIT = 6 * 2**30
"""Bytes of address space, so that a mistake does not take the machine's memory."""


def galaxy(side: int, dtype: type = np.uint8) -> np.ndarray:
    """A bright spot with noise, side×side×3."""
    draw = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] - side / 2
    light = np.exp(-(x**2 + y**2) / (side / 6) ** 2)[..., None] * [200, 180, 150] + draw.uniform(0, 30, (side, side, 3))
    return (light * (np.iinfo(dtype).max / 255)).astype(dtype)


def picture(form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(galaxy(64)).save(buffer, form, **options)
    return buffer.getvalue()


def fits_file(compressed: bool = False) -> bytes:
    from astropy.io import fits

    planes = galaxy(64).transpose(2, 0, 1).astype(np.float32) / 100
    image = fits.CompImageHDU(planes) if compressed else fits.ImageHDU(planes)
    image.header["BUNIT"], image.header["EXTNAME"], image.header["BANDS"] = "nanomaggy", "SCI", "gri"
    image.header["CTYPE1"], image.header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    image.header["CDELT1"], image.header["CDELT2"] = -0.00011, 0.00011
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(buffer)
    return buffer.getvalue()


def table(path_column: bool = False) -> bytes:
    """A solutions file or, with paths, a list of images."""
    columns = ["path", "ra", "dec"] if path_column else ["GalaxyID", *decision_tree.COLUMNS]
    values = dict.fromkeys(decision_tree.COLUMNS, "0") | {"Class1.1": "1", "Class6.2": "1", "Class7.1": "1"}
    rows = [[f"{i}.jpg", "12.5", "-3"] if path_column else [str(100_000 + i), *values.values()] for i in range(4)]
    return "\r\n".join(",".join(row) for row in [columns, *rows]).encode()


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as archive:
        warnings.simplefilter("ignore")  # zipfile's about a name that is there twice
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def idx(dimensions: int) -> bytes:
    shape = (3, 28, 28)[:dimensions]
    return (
        b"\0\0\x08" + bytes([dimensions]) + np.array(shape, ">i4").tobytes() + bytes(range(3)) * (np.prod(shape) // 3)
    )


def hdf5() -> bytes:
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("images", data=np.stack([galaxy(69)] * 4), compression="gzip")
        file["ans"] = np.arange(4, dtype=np.uint8)
    return buffer.getvalue()


Wrap = Callable[[bytes], bytes]


@cache
def kinds() -> dict[str, tuple[str, bytes, Wrap]]:
    """By kind: the file's name, the bytes to mutate, and what packs them after half of the mutations.

    A packed file is mutated itself in the other half, where its checksum finds most mutations.
    """
    jpeg, cifar = picture("JPEG", quality=90), bytes([3]) + bytes(3072)

    def bare(data: bytes) -> bytes:
        return data

    def gz(data: bytes) -> bytes:
        return gzip.compress(data, mtime=0)

    def in_zip(data: bytes) -> bytes:
        return zipped({"a/7.jpg": data, "8.jpg": jpeg})

    def in_sports(data: bytes) -> bytes:
        return zipped({"train.csv": b"name,label\na.jpg,A\nb.jpg,B\n", "train/a.jpg": data, "train/b.jpg": jpeg})

    def tiff16() -> bytes:
        return cv2.imencode(".tiff", galaxy(64, np.uint16))[1].tobytes()

    return {
        "JPEG": ("a.jpg", jpeg, bare),
        "JPEG, progressive": ("a.jpg", picture("JPEG", progressive=True), bare),
        "PNG": ("a.png", picture("PNG"), bare),
        "TIFF": ("a.tif", picture("TIFF"), bare),
        "TIFF, deflate": ("a.tif", picture("TIFF", compression="tiff_adobe_deflate"), bare),
        "TIFF, 16 bits": ("a.tif", tiff16(), bare),
        "FITS": ("a.fits", fits_file(), bare),
        "FITS, gz": ("a.fits.gz", fits_file(), gz),
        "FITS, fz": ("a.fits.fz", fits_file(compressed=True), bare),
        "zip of images": ("a.zip", jpeg, in_zip),
        "CSV list": ("a.csv", table(path_column=True), bare),
        "training images": ("images.zip", picture("JPEG", quality=90), in_zip),
        "solutions": ("solutions.zip", table(), lambda data: zipped({"solutions.csv": data})),
        "solutions, bzip2": ("solutions.zip", table(), lambda data: zipped({"s.csv": data}, zipfile.ZIP_BZIP2)),
        "solutions, LZMA": ("solutions.zip", table(), lambda data: zipped({"s.csv": data}, zipfile.ZIP_LZMA)),
        "submission": ("submission.csv", table(), bare),
        "submission, gz": ("submission.csv.gz", table(), gz),
        "Galaxy10": ("Galaxy10.h5", hdf5(), bare),
        "CIFAR-10": ("cifar.tar.gz", tarred(cifar * 2), gz),
        "Fashion-MNIST": ("train-images-idx3-ubyte.gz", idx(3), gz),
        "sports": ("sports.zip", jpeg, in_sports),
    }


NUMBERS = (0, 1, 2, 255, 65_535, 2**31 - 1, 2**31, 2**32 - 1)


def mutated(kind: str, number: int) -> bytes:
    """Return the file of a kind after one to three mutations."""
    _, whole, wrap = kinds()[kind]
    draw = random.Random(f"{kind} {number}")
    inside = number % 2 == 0
    data = bytearray(whole if inside else wrap(whole))
    for _ in range(draw.randint(1, 3)):
        # Headers are small beside the pixels, and more can go wrong in them.
        start = draw.randrange(len(data)) if draw.random() < 0.5 else draw.randrange(min(len(data), 600))
        size = draw.choice((1, 4, 80, 300, 2880))
        kind_of_mutation = draw.choice(("bit", "byte", "cut", "insert", "double", "zero", "remove", "length", "digits"))
        if kind_of_mutation == "bit":
            data[start] ^= 1 << draw.randrange(8)
        elif kind_of_mutation == "byte":
            data[start] = draw.choice((0, 10, 32, 34, 44, 127, 255))
        elif kind_of_mutation == "cut":
            del data[max(start, 1) :]
        elif kind_of_mutation == "insert":
            data[start:start] = draw.randbytes(size)
        elif kind_of_mutation == "double":
            data[start:start] = data[start : start + size]
        elif kind_of_mutation == "zero":
            data[start : start + size] = bytes(min(size, len(data) - start))
        elif kind_of_mutation == "remove":
            del data[start : min(start + size, len(data) - 1)]
        elif kind_of_mutation == "length":
            width, order = draw.choice((2, 4)), draw.choice(("big", "little"))
            data[start : start + width] = (draw.choice(NUMBERS) % 256**width).to_bytes(width, order)
        elif found := [match.span() for match in re.finditer(rb"[0-9]+", bytes(data[:6000]))]:
            first, end = draw.choice(found)
            data[first:end] = draw.choice((*map(str, NUMBERS), "-1", "1e999", "NaN", "0x1", "9" * 40)).encode()
    return wrap(bytes(data)) if inside else bytes(data)


def check_pixels(image: np.ndarray, *shape: int) -> None:
    assert image.shape[-len(shape) :] == shape, image.shape
    assert image.dtype == np.uint8


def predict(path: Path) -> None:
    """Read as `galaxy predict` does."""
    from galaxy.inference.find_images import find
    from galaxy.inference.read_image import Crop, Reader
    from galaxy.ingest.decode import BadImageError

    refused = []
    for source in find([path]):
        try:
            image = Reader(Crop(0.5), 32)(source.name, source.read())
        except (BadImageError, OSError) as error:
            refused.append(error)
        else:
            check_pixels(image.pixels, 32, 32, 3)
    if refused:
        raise refused[0]


def train(path: Path) -> None:
    """Read as the preprocess stage does, in this process."""
    from galaxy.ingest import archives, zips
    from galaxy.ingest.decode import Cropper

    members = archives.image_members(path)
    with zips.open_zip(path) as archive:
        for name in members.values():
            try:
                jpeg = zips.read_member(archive, name, archives.LARGEST_IMAGE)
            except zipfile.BadZipFile as error:
                raise GalaxyError(str(error)) from None
            image, colour = Cropper(64, 32, 32)(jpeg)
            check_pixels(image, 32, 32, 3)
            assert np.isfinite(colour).all()


def solve(path: Path) -> None:
    from galaxy.ingest import archives

    found = archives.read_solutions(path) if path.suffix == ".zip" else archives.read_submission(path)
    votes = found[list(decision_tree.COLUMNS)].to_numpy()
    assert np.isfinite(votes).all()
    assert ((votes > -0.001) & (votes < 1.001)).all()
    assert found["GalaxyID"].between(0, 10**12).all()


def collect(path: Path) -> None:
    from galaxy.tasks import galaxy10, readers

    if path.suffix == ".h5":
        data = readers.hdf5(path, galaxy10.CLASSES, 69)
    elif path.name.endswith("ubyte.gz"):
        names = ("train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")
        for name, dimensions in zip(names, (1, 3, 1), strict=True):
            path.with_name(name).write_bytes(gzip.compress(idx(dimensions)))
        data = readers.idx(path.parent, 28)
    else:
        data = readers.cifar10(path, 32) if path.name.startswith("cifar") else readers.photographs(path, 32)
    check_pixels(data.images, data.images.shape[1], data.images.shape[1], data.images.shape[3])
    assert len(data.images) == len(data.names) == len(data.labels)
    assert ((data.labels >= 0) & (data.labels < len(data.classes))).all()


def reader_of(name: str) -> Callable[[Path], None]:
    if name == "images.zip":
        return train
    if name.startswith(("solutions", "submission")):
        return solve
    return collect if name.startswith(("Galaxy10", "cifar", "train-", "sports")) else predict


def serve(calls: Connection, folder: Path) -> None:
    """Read the files that the parent names, in a process of its own, and answer with what became of each."""
    from galaxy.ingest.decode import BadImageError

    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    with (folder / "stderr.txt").open("w") as file:
        os.dup2(file.fileno(), sys.stderr.fileno())  # the decoders' own
    try:
        write_whole(folder)
    except BaseException:
        calls.send(traceback.format_exc())
        raise
    calls.send("")
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while (path := calls.recv()) is not None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                reader_of(path.name)(path)
            answer = ("accepted", "")
        except (GalaxyError, BadImageError) as error:
            answer = ("refused", str(error).replace(str(path), "FILE").replace(str(path.parent), "FOLDER"))
        except OSError as error:
            # `galaxy.core.errors.run` makes one line of the system's own.
            answer = ("failed", traceback.format_exc()) if error.errno is None else ("refused", str(error.strerror))
        except BaseException:
            answer = ("failed", traceback.format_exc())
        calls.send((*answer, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start))


def write_whole(folder: Path) -> None:
    """Write the images that the CSV lists name; read the whole file of each kind, which imports all that it takes."""
    for i in range(4):
        (folder / f"{i}.jpg").write_bytes(picture("JPEG"))
    for name, whole, wrap in kinds().values():
        (folder / name).write_bytes(wrap(whole))
        reader_of(name)(folder / name)


@contextmanager
def child(folder: Path) -> Iterator[tuple[Connection, Callable[[], int | None]]]:
    """Give a connection to a new process that runs `serve`, and what waits for its end and returns its exit code."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, folder), daemon=True)
    process.start()
    theirs.close()
    assert not (problem := ours.recv()), problem

    def end() -> int | None:
        process.join(5)
        return process.exitcode

    try:
        yield ours, end
    finally:
        process.kill()
        process.join()


def tried(folder: Path, cases: list[tuple[str, int]]) -> Iterator[tuple[str, int, str, str]]:
    """Read each mutated file in a child process; yield its kind, its number, what became of it, and why."""
    while cases:
        with child(folder) as (calls, end):
            while cases:
                kind, number = cases.pop(0)
                path = folder / kinds()[kind][0]
                path.write_bytes(mutated(kind, number))
                try:
                    calls.send(path)
                    if not calls.poll(SECONDS):
                        yield kind, number, "failed", f"no end after {SECONDS} s"
                        break
                    result, reason, memory = calls.recv()
                except (EOFError, OSError):
                    yield kind, number, "failed", f"the process ended with {end()}"
                    break
                if memory > MEMORY:
                    yield kind, number, "failed", f"{memory:,} kB of memory, {result}: {reason}"
                    break
                yield kind, number, result, reason
            else:
                calls.send(None)
                end()


def fuzz(folder: Path, total: int) -> None:
    """Try `total` mutations, as many of each kind; print what became of them; fail if one ends in no line."""
    cases = [(kind, i) for i in range(-(-total // len(kinds()))) for kind in kinds()][:total]
    counts, failures = Counter[tuple[str, str]](), []
    reasons: dict[str, Counter[str]] = {kind: Counter() for kind in kinds()}
    for kind, number, result, reason in tried(folder, cases):
        counts[kind, result] += 1
        if result == "failed":
            failures.append(f"mutated({kind!r}, {number}): {reason}")
        elif result == "refused":
            reasons[kind][re.sub(r"[0-9]+|'[^']*'|\(.*?\)", "…", reason.split("\n")[0])[:90]] += 1
    print(f"\n{'kind':20}{'accepted':>10}{'refused':>10}{'failed':>10}  the most frequent reasons")
    for kind in kinds():
        most = "; ".join(f"{reason} ({count})" for reason, count in reasons[kind].most_common(3))
        print(
            f"{kind:20}" + "".join(f"{counts[kind, result]:10}" for result in ("accepted", "refused", "failed")), most
        )
    assert not failures, f"{len(failures)} of {total}\n" + "\n".join(failures)
    assert sum(count for (_, result), count in counts.items() if result == "refused") > total / 4


def test_sixty_mutated_files_end_in_a_line_or_in_whole_input(tmp_path: Path):
    fuzz(tmp_path, 60)


@pytest.mark.slow
def test_two_thousand_mutated_files_end_in_a_line_or_in_whole_input(tmp_path: Path):
    fuzz(tmp_path, 2_000)
