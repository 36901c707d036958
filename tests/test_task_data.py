"""The tasks' data: read in every form they come in, identical images kept on one side, and layout."""

import gzip
import io
import shutil
import tarfile
import zipfile
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
import yaml
from conftest import ROOT

from galaxy.core import competition, decision_tree
from galaxy.core.errors import GalaxyError
from galaxy.ingest import archives
from galaxy.tasks import builtin_samples, galaxy10, params, readers, sources
from galaxy.tasks.examples import SETS, Examples
from galaxy.tasks.params import HELD_OUT, LABELLED, UNLABELLED, TaskParams
from galaxy.tasks.prepare import Prepared, prepare

CLASSIFICATION = ROOT.parent / "shared" / "classification"
FASHION = Path("/usr/share/datasets/fashion-mnist")


def load(task: str, **data: object) -> TaskParams:
    """The task's own params, with other data."""
    content = yaml.safe_load((ROOT / "tasks" / task / "params.yaml").read_text())
    content["data"] |= data
    return TaskParams.model_validate(content)


def local(task: str, path: Path, tmp_path: Path) -> Prepared:
    return prepare(load(task, source="local", local=str(path)), tmp_path)


@pytest.fixture(scope="module")
def galaxies(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare(load("galaxy10", source="builtin"), tmp_path_factory.mktemp("downloads"))


def test_each_task_has_valid_params_and_a_mistake_is_named(tmp_path: Path):
    for task in sources.ORIGINS:
        assert params.load(ROOT / "tasks" / task / "params.yaml").data.name == task
    content = yaml.safe_load((ROOT / "tasks/sports/params.yaml").read_text())
    silu = content["train"]["resnet_silu"] | {"epoch": 1}
    for change, message in (
        ({"data": content["data"] | {"name": "cifar100"}}, "data.name is 'cifar100': input should be 'galaxy10', "),
        ({"compared": ["vgg"]}, "compared names vgg; it may name resnet_silu, resnet_silu_published, efficientnet"),
        ({"data": content["data"] | {"simulated": 240}}, "data.simulated belongs to the data set galaxy10"),
        ({"transferred": ["efficientnet"]}, "held_out and transferred belong together"),
        ({"data": content["data"] | {"size": 80}}, "train.efficientnet.input_size .96. is above data.size .80."),
        ({"train": content["train"] | {"resnet_silu": silu}}, "unknown key train.resnet_silu.epoch"),
    ):
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(content | change, sort_keys=False))
        with pytest.raises(GalaxyError, match=message):
            params.load(path)


def test_the_majoritys_class_is_the_end_of_a_chain_of_majorities():
    votes = np.zeros((4, 37))

    def give(row: int, **fractions: float) -> None:
        for column, value in fractions.items():
            votes[row, decision_tree.COLUMN_INDEX[column.replace("_", ".")]] = value

    give(0, Class1_1=0.8, Class1_2=0.2, Class7_1=0.6, Class7_2=0.2)
    give(1, Class1_1=0.3, Class1_2=0.7, Class2_1=0.1, Class2_2=0.6, Class4_1=0.5, Class4_2=0.1, Class10_3=0.5)
    give(2, Class1_1=0.3, Class1_2=0.7, Class2_1=0.5, Class2_2=0.2, Class9_1=0.2, Class9_2=0.2, Class9_3=0.1)
    give(3, Class1_1=0.1, Class1_2=0.1, Class1_3=0.8)
    assert galaxy10.majority(votes).tolist() == [1, 9, -1, -1]


def test_galaxy10s_layout_is_written_from_galaxies_and_read_back(raw: Path, tmp_path: Path):
    written = galaxy10.write(raw, tmp_path / "Galaxy10.h5")
    with h5py.File(tmp_path / "Galaxy10.h5") as file:
        assert (file["images"].shape, file["images"].dtype) == ((written, 69, 69, 3), np.uint8)
        assert file["ans"].shape == (written,)
    collected = readers.hdf5(tmp_path / "Galaxy10.h5", galaxy10.CLASSES, 69)
    assert len(collected.images) == written > 30
    assert [path.name for path in tmp_path.iterdir()] == ["Galaxy10.h5"]


def test_galaxy10_holds_out_its_last_two_classes(galaxies: Prepared):
    first, held_out = galaxies.examples[LABELLED], galaxies.examples[HELD_OUT]
    assert first.classes == galaxy10.CLASSES[:8]
    assert held_out.classes == galaxy10.CLASSES[8:]
    assert set(held_out.labels) == {0, 1}
    assert first.network_input(48, 48).shape[1:] == (48, 48, 3)
    assert np.array_equal(first.network_input(48, 48)[0], first.images[0, 10:58, 10:58])
    share = len(first.rows("train")) / len(first.images)
    assert share == pytest.approx(18000 / 20360, abs=0.01)
    more = sources.collect(load("galaxy10", source="builtin", simulated=40).data, Path())[0]
    assert 0 < len(more.images) < 40 < len(first.images) + len(held_out.images)


def test_prepared_sets_come_back_as_they_were(galaxies: Prepared, tmp_path: Path):
    galaxies.write(tmp_path)
    for name, examples in galaxies.examples.items():
        again = Examples.open(tmp_path / name)
        assert np.array_equal(again.images, examples.images)
        assert np.array_equal(again.labels, examples.labels)
        assert (again.classes, again.source) == (examples.classes, {"source": "builtin", "simulated_galaxies": 240})
        assert again.table.equals(examples.table)


def test_galaxy10_of_real_galaxies_has_the_classes_counted_before(real: Path, tmp_path: Path):
    votes = archives.read_solutions(competition.zip_path(real, competition.SOLUTIONS))[
        list(decision_tree.COLUMNS)
    ].to_numpy()
    followed = galaxy10.followed(votes)
    assert followed.sum(axis=0).tolist() == [786, 740, 832, 84, 274, 3, 104, 434, 340, 141]
    ties = followed.sum(axis=1) == 2
    assert ties.sum() == 2  # halves, rounded up
    galaxy10.write(real, tmp_path / "Galaxy10.h5")
    with h5py.File(tmp_path / "Galaxy10.h5") as file:
        assert np.bincount(file["ans"][:], minlength=10).tolist() == followed[~ties].sum(axis=0).tolist()


@pytest.mark.parametrize("task", ["cifar10", "fashion_mnist", "sports"])
def test_no_image_is_on_both_sides_of_any_set(task: str, tmp_path: Path):
    prepared = prepare(load(task, source="builtin"), tmp_path)
    examples = prepared.examples[LABELLED]
    bytes_of = {name: {examples.images[row].tobytes() for row in examples.rows(name)} for name in SETS}
    assert not bytes_of["train"] & bytes_of["valid"]
    assert not bytes_of["train"] & bytes_of["test"]
    assert not bytes_of["valid"] & bytes_of["test"]
    assert prepared.identical[LABELLED]["left_out"] == 1
    if task == "sports":
        unlabelled = {image.tobytes() for image in prepared.examples[UNLABELLED].images}
        assert not unlabelled & set.union(*bytes_of.values())


def cifar_zip(path: Path) -> Path:
    images = builtin_samples.cifar10(32)
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(0, 200, 7):
            part = "test" if images.own_test[i] else "train"
            content = cv2.imencode(".png", images.images[i, :, :, ::-1])[1].tobytes()
            archive.writestr(f"{part}/{images.classes[images.labels[i]]}/{i}.png", content)
    return path


def test_cifar10_is_read_from_a_zip_and_from_folders_alike(tmp_path: Path):
    path = cifar_zip(tmp_path / "cifar.zip")
    shutil.unpack_archive(path, tmp_path / "folders")
    zipped, unpacked = readers.cifar10(path, 32), readers.cifar10(tmp_path / "folders", 32)
    whole = builtin_samples.cifar10(32)
    for collected in (zipped, unpacked):
        assert collected.classes == readers.CIFAR10_CLASSES
        for name, image, label, own_test in zip(
            collected.names, collected.images, collected.labels, collected.own_test, strict=True
        ):
            row = int(Path(name).stem)
            assert np.array_equal(image, whole.images[row])
            assert (label, own_test) == (whole.labels[row], whole.own_test[row])


def test_cifar10_is_read_from_the_authors_binary_archive(tmp_path: Path):
    whole = builtin_samples.cifar10(32)
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for i, name in enumerate([*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]):
            rows = slice(i * 20, i * 20 + 20)
            pixels = whole.images[rows].transpose(0, 3, 1, 2).reshape(20, -1)
            content = np.column_stack([whole.labels[rows].astype(np.uint8), pixels]).tobytes()
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    collected = readers.cifar10(tmp_path / "cifar-10-binary.tar.gz", 32)
    assert np.array_equal(collected.images, whole.images[:120])
    assert np.array_equal(collected.labels, whole.labels[:120])
    assert collected.own_test.tolist() == [False] * 100 + [True] * 20


def fashion_mnist_files(folder: Path) -> None:
    """Write the four files, with 160 and 40 images."""
    whole = builtin_samples.fashion_mnist(28)
    for name, rows in (("train", slice(0, 160)), ("t10k", slice(160, 200))):
        images, labels = whole.images[rows, :, :, 0], whole.labels[rows].astype(np.uint8)
        header = b"\0\0\x08\x03" + np.array(images.shape, ">i4").tobytes()
        with gzip.open(folder / f"{name}-images-idx3-ubyte.gz", "wb") as file:
            file.write(header + images.tobytes())
        with gzip.open(folder / f"{name}-labels-idx1-ubyte.gz", "wb") as file:
            file.write(b"\0\0\x08\x01" + np.array(len(labels), ">i4").tobytes() + labels.tobytes())


def test_fashion_mnist_is_read_from_its_four_files(tmp_path: Path):
    fashion_mnist_files(tmp_path)
    whole, collected = builtin_samples.fashion_mnist(28), readers.idx(tmp_path, 28)
    assert np.array_equal(collected.images, whole.images)
    assert np.array_equal(collected.own_test, whole.own_test)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(b"no gzip")
    with pytest.raises(GalaxyError, match=r"t10k-labels-idx1-ubyte\.gz is not a gzipped idx file"):
        readers.idx(tmp_path, 28)


def test_photographs_are_cropped_square_and_their_names_compared(tmp_path: Path):
    path = tmp_path / "sports.zip"
    wide = np.zeros((40, 60, 3), np.uint8)
    wide[:, 10:50] = 200

    def write(table: str) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("train.csv", table)
            for name in ("train/a.jpg", "train/b.jpg", "test/0.jpg"):
                archive.writestr(name, cv2.imencode(".jpg", wide)[1].tobytes())

    write("name,label\na.jpg,Yoga\nb.jpg,Rowing\n")
    collected = readers.photographs(path, 20)
    assert collected.images.shape == (2, 20, 20, 3)
    assert collected.images.mean() == pytest.approx(200, abs=3)
    assert [collected.classes[label] for label in collected.labels] == ["Yoga", "Rowing"]
    assert collected.unlabelled_names == ["0.jpg"]
    write("name,label\na.jpg,Yoga\nc.jpg,Rowing\n")
    with pytest.raises(GalaxyError, match=r"c\.jpg: a row, but no image in train/"):
        readers.photographs(path, 20)


@pytest.mark.parametrize(
    ("task", "name", "labelled", "left_out"),
    [("sports", "sports.zip", 1681, 11), ("fashion_mnist", None, 70_000, 0)],
)
def test_real_files_are_read_whole(task: str, name: str | None, labelled: int, left_out: int, tmp_path: Path):
    path = FASHION if name is None else CLASSIFICATION / name
    if not path.exists():
        pytest.skip(f"{path} is absent")
    prepared = local(task, path, tmp_path)
    assert len(prepared.examples[LABELLED].images) == labelled
    assert prepared.identical[LABELLED]["left_out"] == left_out


@pytest.mark.parametrize("task", sources.ORIGINS)
def test_without_network_or_files_both_ways_are_named(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there: no download, on any machine
    for source in ("official", "local"):
        options = load(task, source=source, local=str(tmp_path / "absent")).data
        with pytest.raises(GalaxyError) as error:
            sources.collect(options, tmp_path / "downloads")
        assert "data.source local reads what data.local names" in str(error.value)
        assert "-S data.source=official" in str(error.value) or "no download of its own" in str(error.value)
        assert len(str(error.value).splitlines()) == 1


def zip_of(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


PNG = cv2.imencode(".png", np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8))[1].tobytes()
CLASSES = {"train/cat/1.png": PNG, "train/dog/2.png": PNG, "test/cat/3.png": PNG}
SPORTS = {"train.csv": b"name,label\na.png,Yoga\nb.png,Rowing\n", "train/a.png": PNG, "train/b.png": PNG}


@pytest.mark.parametrize("top", ["", "cifar/", "cifar\\"])
def test_a_folder_around_all_files_and_what_systems_add_make_no_difference(top: str, tmp_path: Path):
    hidden = dict.fromkeys(("__MACOSX/train/cat/._1.png", "train/.ipynb_checkpoints/1.png", ".DS_Store"), b"")
    members = {name if name.startswith("__") else top + name: content for name, content in (CLASSES | hidden).items()}
    collected = readers.folders(zip_of(tmp_path / "some.zip", members), 20)
    assert collected.names == ["test/cat/3.png", "train/cat/1.png", "train/dog/2.png"]
    assert collected.classes == ("cat", "dog")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"val/cat/4.png": PNG}, "images in other places (1 in all). Move them, or leave them out.\n  val/cat/4.png"),
        ({"train/cat/tabby/4.JPG": PNG}, "train/cat/tabby/4.JPG: not in train/<class>/ or test/<class>/"),
        ({"train/9.webp": PNG}, "train/9.webp: not in train/<class>/ or test/<class>/"),
        ({"test/bird/4.png": PNG}, "test/bird: no such class in train/"),
        ({"train/cat/1.png": PNG[:900]}, "train/cat/1.png: "),
        ({"train/cat/1.png": b""}, "train/cat/1.png: no readable image (0 bytes)"),
    ],
)
def test_no_image_of_a_folder_is_left_out_without_a_word(changed: dict[str, bytes], message: str, tmp_path: Path):
    with pytest.raises(GalaxyError) as error:
        readers.folders(zip_of(tmp_path / "some.zip", CLASSES | changed), 20)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"train.csv": b"name,label\na.png,Yoga\nb.png,\n"}, "b.png: no label"),
        ({"train.csv": b"name,label\na.png,Yoga\nb.png,Yoga\n"}, "has 1 classes; two or more are needed"),
        ({"train.csv": b"name;label\n"}, "columns name;label; they must be name, label"),
        ({"train/more/a.png": PNG}, "train/more/a.png: neither in train/ nor in test/"),
        ({"c.png": PNG}, "c.png: neither in train/ nor in test/"),
    ],
)
def test_a_table_of_labels_that_leaves_doubt_is_refused(changed: dict[str, bytes], message: str, tmp_path: Path):
    with pytest.raises(GalaxyError) as error:
        readers.photographs(zip_of(tmp_path / "sports.zip", SPORTS | changed), 20)
    assert message in str(error.value)


def test_a_member_damaged_in_the_zip_is_named(tmp_path: Path):
    path = zip_of(tmp_path / "sports.zip", SPORTS)
    content = bytearray(path.read_bytes())
    content[content.index(PNG) + 50] ^= 1
    path.write_bytes(content)
    with pytest.raises(GalaxyError, match=r"sports\.zip: train/a\.png cannot be read: Bad CRC-32"):
        readers.photographs(path, 20)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        ((4, 69, 69, 3), np.array([0, 1, 2, 3.5]), "labels of float64"),
        ((4, 69, 69, 3), np.array([0, 1, np.nan, 3]), "labels of float64"),
        ((4, 69, 69, 3), np.eye(4, 10, dtype=int), r"shape \(4, 10\)"),
        ((4, 69, 69, 3), np.array([0, 1, 2, 10]), "one whole number per image, from 0 to 9"),
        ((3, 69, 69, 3), np.arange(4), "3 images, and labels of int64 and shape"),
        ((0, 69, 69, 3), np.zeros(0, int), "0 images"),
        ((4, 256, 256, 3), np.arange(4), r"they must be uint8, N×69×69×3"),
        ((10**9, 69, 69, 3), np.arange(4), "1000000000 images"),
    ],
)
def test_labels_that_are_no_class_numbers_are_refused(
    images: tuple[int, ...], labels: np.ndarray, message: str, tmp_path: Path
):
    with h5py.File(tmp_path / "G.h5", "w") as file:
        file.create_dataset("images", images, np.uint8, chunks=True)  # takes no room until it is written
        file["ans"] = labels
    with pytest.raises(GalaxyError, match=message):
        readers.hdf5(tmp_path / "G.h5", galaxy10.CLASSES, 69)


def test_groups_in_place_of_arrays_are_refused(tmp_path: Path):
    with h5py.File(tmp_path / "G.h5", "w") as file:
        file.create_group("images")
        file["ans"] = np.arange(4)
    with pytest.raises(GalaxyError, match="they are no arrays"):
        readers.hdf5(tmp_path / "G.h5", galaxy10.CLASSES, 69)


def test_labels_that_would_shift_from_training_to_test_are_refused(tmp_path: Path):
    fashion_mnist_files(tmp_path)
    for name, count in (("train", 150), ("t10k", 50)):  # as many in all as there are images
        content = b"\0\0\x08\x01" + np.array(count, ">i4").tobytes() + bytes(count)
        (tmp_path / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(content))
    with pytest.raises(GalaxyError, match=r"\(train\): 160 images, and labels of uint8 and shape \(150,\)"):
        readers.idx(tmp_path, 28)


def test_a_gzipped_file_that_is_damaged_or_inflates_without_end_is_named(tmp_path: Path):
    fashion_mnist_files(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:5000] + bytes(200) + whole[5200:])
    with pytest.raises(GalaxyError, match=r"train-images-idx3-ubyte\.gz is not a gzipped idx file of bytes"):
        readers.idx(tmp_path, 28)
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(300):
            file.write(bytes(2**20))
    with pytest.raises(GalaxyError, match=r"train-images-idx3-ubyte\.gz is not a gzipped idx file of bytes"):
        readers.idx(tmp_path, 28)


def test_cifar10s_python_version_is_told_from_the_binary_one(tmp_path: Path):
    path = tmp_path / "cifar-10-python.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("cifar-10-batches-py/data_batch_1"))
    with pytest.raises(GalaxyError, match=r"not CIFAR-10's binary archive: .* \(its binary version, not Python's"):
        readers.cifar10(path, 32)


@pytest.mark.parametrize("content", [b"", b"no such thing"])
@pytest.mark.parametrize(
    ("task", "name"),
    [("galaxy10", "G.h5"), ("cifar10", "c.tar.gz"), ("cifar10", "c.zip"), ("sports", "s.zip")],
)
def test_a_broken_file_is_named(task: str, name: str, content: bytes, tmp_path: Path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(GalaxyError, match=name):
        local(task, tmp_path / name, tmp_path)
