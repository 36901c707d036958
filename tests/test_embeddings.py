"""Embeddings: computed for images, searched for similar ones, ranked by how unusual they are, on real files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import galaxy
from PIL import Image
from pyarrow import parquet

from galaxy.core.errors import GalaxyError
from galaxy.embeddings import neighbours, stored

KINDS = 4


@pytest.fixture(scope="module")
def folder(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images of four colours, some of each, and what `galaxy embed` wrote about them."""
    folder = tmp_path_factory.mktemp("explore")
    draw = np.random.default_rng(3)
    (folder / "images").mkdir()
    for number in range(32):
        picture = draw.normal((20 + 60 * np.eye(3)[number % 3]) if number % KINDS else 30, 12, (64, 64, 3))
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / "images" / f"{number:02d}.png")
    (folder / "images/damaged.png").write_bytes(b"\x89PNG\r\n no picture")
    galaxy("embed", "images", "--model", str(model), "--views", "1", folder=folder, check=False)
    return folder


def test_each_readable_image_has_a_vector_and_the_file_says_what_made_it(folder: Path, model: Path):
    found = stored.read(folder / "embeddings.parquet")
    assert found.table["file"].tolist() == [f"images/{number:02d}.png" for number in range(32)]
    assert found.features.shape[0] == 32
    assert found.features.std(axis=0).max() > 0
    assert found.origin.model == str(model)
    assert not list(folder.glob(".embeddings*"))


def test_vectors_are_what_the_last_layer_gets(folder: Path, model: Path):
    import torch

    from galaxy.models import saved

    network, _ = saved.load(model)
    images = torch.randint(0, 256, (3, network.spec.size, network.spec.size, 3), dtype=torch.uint8)
    features = network.features(images)
    with torch.inference_mode():
        layer = network.backbone.get_submodule("classifier")
        expected = network(images)
        assert network.head(layer(features)) == pytest.approx(expected, abs=1e-5)
    assert features.shape == (3, stored.read(folder / "embeddings.parquet").features.shape[1])


def test_an_image_is_most_similar_to_its_copy_by_name_or_as_another_file(folder: Path, tmp_path: Path):
    copy = tmp_path / "copy.png"
    copy.write_bytes((folder / "images/05.png").read_bytes())
    for query in ("images/05.png", str(copy)):
        galaxy("similar", query, "--number", "5", folder=folder)
        table = pd.read_csv(folder / "similar.csv")
        assert table["rank"].tolist() == [1, 2, 3, 4, 5]
        assert table["similarity"].is_monotonic_decreasing
        assert Image.open(folder / "similar.png").size[0] > 400
    assert table["file"][0] == "images/05.png"
    assert table["similarity"][0] == pytest.approx(1, abs=1e-4)


def test_the_outliers_come_first_and_marks_change_the_order():
    draw = np.random.default_rng(1)
    features = draw.normal(0, 1, (400, 8)).astype(np.float32)
    features[7] += 12
    features[:4] += (0, 0, 0, 0, 0, 0, 0, 8)  # unusual, but not of interest
    scores = neighbours.unusual(features)
    assert set(scores["unusual"].nlargest(5).index) == {0, 1, 2, 3, 7}
    assert scores["distance"].idxmax() == 7
    marked = np.array([0, 1, 7, 50, 60])
    interest = neighbours.interesting(features, marked, np.isin(marked, [7]))
    assert (scores["unusual"] * interest).idxmax() == 7
    assert interest[2] < 0.5 < interest[7]


def test_unusual_writes_every_image_once_and_takes_marks(folder: Path):
    galaxy("unusual", "embeddings.parquet", "--number", "6", folder=folder)
    table = pd.read_csv(folder / "unusual.csv")
    assert sorted(table["file"]) == [f"images/{number:02d}.png" for number in range(32)]
    assert table["unusual"].is_monotonic_decreasing
    marks = pd.DataFrame({"file": table["file"][:6], "interesting": [1, 0, 1, 0, "", "yes"]})
    marks.to_csv(folder / "marked.csv", index=False)
    galaxy("unusual", "embeddings.parquet", "--labels", "marked.csv", folder=folder)
    assert "interest" in pd.read_csv(folder / "unusual.csv")


def test_principal_components_are_those_of_the_features_and_fit_a_new_image(folder: Path, model: Path):
    words = ("embed", "images/0*.png", "images/1*.png", "--model", str(model), "--views", "1", "--pca", "3")
    galaxy(*words, "--out", "three.parquet", folder=folder)
    three, whole = (stored.read(folder / name) for name in ("three.parquet", "embeddings.parquet"))
    assert three.features.shape == (20, 3)
    assert three.features == pytest.approx(three.origin.reduced(whole.features[:20]), abs=1e-3)
    assert np.abs(np.corrcoef(three.features.T) - np.eye(3)).max() < 1e-3
    galaxy("similar", "images/25.png", "--in", "three.parquet", folder=folder)
    schema = parquet.read_schema(folder / "three.parquet")
    assert [name for name in schema.names if name.startswith("feature_")] == ["feature_0", "feature_1", "feature_2"]


def test_what_cannot_be_searched_is_one_line(folder: Path, tmp_path: Path):
    with pytest.raises(GalaxyError, match="no such file; make it with galaxy embed"):
        stored.read(tmp_path / "absent.parquet")
    pd.DataFrame({"file": ["a"]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(GalaxyError, match="not made by galaxy embed"):
        stored.read(tmp_path / "other.parquet")
    for words, message in (
        (("similar", "absent.png"), "absent.png: no such file or folder"),
        (("similar", "images/05.png", "--number", "0"), "--number is 0; it must be 1 or more"),
        (("similar", "images/05.png", "--out", "x.txt"), "x.txt: must end in .csv"),
        (("embed", "images", "--pca", "0"), "--pca is 0; it must be 1 or more"),
        (("embed", "images", "--out", "x.csv"), "embeddings are written as Parquet"),
    ):
        assert message in galaxy(*words, folder=folder, check=False).stderr
