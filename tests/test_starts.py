"""Networks named by a repository on the Hub or by a folder: what is taken over, what is refused, and in one line."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hub_server
import numpy as np
import pandas as pd
import pytest
import timm
import torch
from conftest import DEFAULTS, ROOT, set_params, spec
from hub_server import Hub, Repository
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from galaxy.core import files, source_info
from galaxy.core.errors import GalaxyError
from galaxy.core.params import Params, Train
from galaxy.core.paths import PATHS
from galaxy.data.field_of_view import FieldOfView
from galaxy.data.split import split
from galaxy.inference import model_card
from galaxy.models import initial_weights, saved, starts
from galaxy.models.network import build_network
from galaxy.models.predict import predict

NETWORK, SIDE = "test_convnext", 64


class Bomb:
    """What leaves a file behind where its pickle is read."""

    def __reduce__(self):
        return Path.touch, (Path("bomb"),)


def write(folder: Path, classes: int = 0, network: str = NETWORK, safe: bool = True, **arguments: Any) -> Path:
    """A network with random weights as timm saves it; without classes it has no last layer."""
    torch.manual_seed(1)
    built = timm.create_model(network, num_classes=classes, **arguments)
    timm.models.save_for_hf(built, str(folder), safe_serialization=safe)
    return folder


def changed(folder: Path, source: Path, **config: Any) -> Path:
    """A copy of a folder with these changes of its config."""
    shutil.copytree(source, folder)
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(content | config))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders as timm writes them, whole and damaged."""
    root = tmp_path_factory.mktemp("folders")
    encoder = write(root / "encoder")
    write(root / "classifier", 10)
    write(root / "pickle", 10, safe=False)
    write(root / "vit", 10, "test_vit", img_size=96)
    write(root / "grey", 10, in_chans=1)
    torch.save({"stem.0.weight": Bomb()}, changed(root / "bomb", root / "pickle") / "pytorch_model.bin")
    whole = (encoder / "model.safetensors").read_bytes()
    (changed(root / "cut", encoder) / "model.safetensors").write_bytes(whole[:-1])
    (changed(root / "empty", encoder) / "model.safetensors").unlink()
    (changed(root / "no_config", encoder) / "config.json").unlink()
    (changed(root / "no_json", encoder) / "config.json").write_text("{")
    changed(root / "newer", encoder, architecture="convnext_of_2030")
    changed(root / "other_library", encoder, architecture=None)
    changed(root / "other_weights", encoder, architecture="test_resnet", model_args={})
    changed(root / "reader", encoder, model_args={"checkpoint_path": "mine.pth"})
    changed(root / "unpooled", encoder, model_args={"global_pool": ""})
    tensors = load_file(encoder / "model.safetensors")
    tensors["stages.0.blocks.0.norm.weight"] = tensors["stages.0.blocks.0.norm.weight"][:1].clone()
    save_file(tensors, changed(root / "other_shape", encoder) / "model.safetensors")
    return root


def options(defaults: Params, model: str, **update: Any) -> Train:
    return defaults.models["cnn"].model_copy(update={"model": model, "pretrained": True} | update)


def read(defaults: Params, folder: Path, **update: Any) -> starts.Start:
    return starts.read(options(defaults, f"local-dir:{folder}", **update), SIDE)


@pytest.mark.parametrize("name", ["encoder", "classifier", "pickle"])
def test_a_folders_weights_are_taken_over_but_for_the_last_layer(
    defaults: Params, folders: Path, name: str, capsys: pytest.CaptureFixture[str]
):
    start = read(defaults, folders / name)
    assert (start.model, start.model_args) == (NETWORK, {"global_pool": "avg"})
    network = build_network(spec(model=start.model, model_args=start.model_args))
    assert start.weights is not None
    start.weights.fill(network.backbone)
    said = capsys.readouterr().out
    assert said == f"starting from local-dir:{folders / name}: 99 of 101 tensors; new: head.fc.weight, head.fc.bias\n"
    theirs = initial_weights.read_tensors(folders / name / start.weights.origin["file"], name)
    assert torch.equal(network.backbone.stem[0].weight, theirs["stem.0.weight"])
    assert start.weights.mean == start.weights.std == (127.5, 127.5, 127.5)
    assert start.weights.origin["licence"] == "apache-2.0"
    weights = folders / name / start.weights.origin["file"]
    assert start.weights.origin["sha256"] == files.sha256(weights)


def test_weights_for_other_image_sizes_and_channels_are_fitted_as_timm_fits_them(defaults: Params, folders: Path):
    for name in ("vit", "grey"):
        start = read(defaults, folders / name)
        network = build_network(spec(model=start.model, model_args=start.model_args, size=SIDE))
        network.check()
        assert start.weights is not None
        start.weights.fill(network.backbone)
    assert read(defaults, folders / "vit").model_args["img_size"] == SIDE


def test_the_params_arguments_count_more_than_the_configs(defaults: Params, folders: Path):
    start = read(defaults, folders / "unpooled", model_args={"global_pool": "avg", "drop_path_rate": 0.1})
    assert start.model_args == {"global_pool": "avg", "drop_path_rate": 0.1}
    start = read(defaults, folders / "unpooled")
    with pytest.raises(GalaxyError, match=r"turns one image into an array of shape \(1, 37, 2, 2\)"):
        build_network(spec(model=start.model, model_args=start.model_args)).check()


def test_without_pretrained_the_architecture_alone_is_taken_and_this_is_said(
    defaults: Params, folders: Path, capsys: pytest.CaptureFixture[str]
):
    start = read(defaults, folders / "encoder", pretrained=False)
    assert (start.model, start.weights) == (NETWORK, None)
    assert "its own weights are not used (pretrained: true uses them)" in capsys.readouterr().out


REFUSED = {
    "none": "no such folder",
    "no_config": "no config.json in it; name a folder that timm's save_for_hf wrote",
    "no_json": "config.json is damaged: ",
    "newer": f"its architecture 'convnext_of_2030' is unknown to timm {timm.__version__}",
    "other_library": "config.json has no usable 'architecture'",
    "reader": "config.json has model_args with checkpoint_path",
    "empty": "no weights; one of these files is needed: model.safetensors, pytorch_model.bin",
    "cut": "model.safetensors cannot be read as a state dict: ",
    "bomb": "pytorch_model.bin cannot be read as a state dict: ",
    "other_weights": "model.safetensors does not fit test_resnet with {}: ",
    "other_shape": "model.safetensors does not fit test_convnext",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_folder_that_cannot_be_used_says_why_in_one_line(
    defaults: Params, folders: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GalaxyError) as error:
        read(defaults, folders / name)
    assert str(error.value).startswith(f"local-dir:{folders / name}")
    assert REFUSED[name] in str(error.value)
    assert "\n" not in str(error.value)
    assert not Path("bomb").exists()


IN_THE_HUBS_REACH = """
import json, os, sys
from pathlib import Path
from galaxy.core import params
from galaxy.core.errors import GalaxyError
from galaxy.models import starts

cnn = params.load(Path(sys.argv[1])).models["cnn"]
for name in sys.argv[3:]:
    if name == "log in":
        os.environ["HF_TOKEN"] = sys.argv[2]
        continue
    try:
        start = starts.read(cnn.model_copy(update={"model": name, "pretrained": True}), 64)
        print(json.dumps([start.model, start.weights.origin["revision"]]))
    except GalaxyError as error:
        print(json.dumps([str(error)]))
"""


@pytest.fixture(scope="module")
def hub(folders: Path) -> Iterator[Hub]:
    """A hub on this machine; `me/encoder` has two commits."""
    with hub_server.serving() as server:
        kinds = {"gated": {"gated": True}, "private": {"private": True}}
        for name in ("encoder", "gated", "private", "no_config", "empty", "cut"):
            server.repositories[f"me/{name}"] = Repository(**kinds.get(name, {}))
        server.repositories["me/encoder"].commit(folders / "classifier")
        for name, repository in server.repositories.items():
            found = folders / name.removeprefix("me/")
            repository.commit(found if found.exists() else folders / "encoder")
        yield server


def in_reach(hub: Hub, cache: Path, *words: object, **rest: Any) -> str:
    """Return what Python prints that asks this hub."""
    variables = os.environ | {"HF_ENDPOINT": hub.url, "HF_HOME": str(cache), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *words], env=variables, capture_output=True, text=True, **rest)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_name_on_the_hub_is_a_commit_and_what_cannot_be_had_says_why(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, defaults: Params
):
    first, second = hub.repositories["me/encoder"].commits
    refused = {
        "hf-hub:me/encoder@v9": "the repository has no such revision",
        "hf-hub:me/unknown": f"no such repository at {hub.url}/me/unknown, or a private one; correct the name",
        "hf-hub:me/private": "or a private one; correct the name, or log in with `hf auth login` or set HF_TOKEN",
        "hf-hub:me/gated": f"its owner restricts access; ask for it on {hub.url}/me/gated, then log in",
        "hf-hub:me/no_config": "no config.json, so it is no network of timm's; name another repository",
        "hf-hub:me/empty": "no weights; one of these files is needed",
        "hf-hub:me/cut": "model.safetensors cannot be read as a state dict",
    }
    taken = ["hf-hub:me/encoder", f"hf-hub:me/encoder@{first}", "log in", "hf-hub:me/private", "hf-hub:me/gated"]
    said = in_reach(hub, tmp_path, "-c", IN_THE_HUBS_REACH, DEFAULTS, hub_server.TOKEN, *refused, *taken)
    found = [json.loads(line) for line in said.splitlines()]
    for (name, expected), (problem,) in zip(refused.items(), found[: len(refused)], strict=True):
        assert problem.startswith(name)
        assert expected in problem
    models, commits = zip(*found[len(refused) :], strict=True)
    assert set(models) == {NETWORK}
    assert commits[:2] == (second, first)

    asked = len(hub.asked)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    cached = starts.read(options(defaults, "hf-hub:me/encoder"), SIDE)
    assert cached.weights is not None
    assert cached.weights.origin["revision"] == second
    absent = f"cannot be reached, and config.json is not in the cache {tmp_path}"
    with pytest.raises(GalaxyError, match=absent):
        starts.read(options(defaults, "hf-hub:me/other"), SIDE)
    assert len(hub.asked) == asked


def test_a_model_that_started_from_the_hub_needs_it_no_more(
    hub: Hub, preprocessed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Train by the stage itself, then predict and write the card, without cache and network."""
    for name in ("galaxy", "stages"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(preprocessed, tmp_path / PATHS.preprocessed)
    source_info.write(tmp_path / PATHS.preprocessed, {"source": "simulated"})
    ids = pd.read_csv(preprocessed / "training.csv")["GalaxyID"].to_numpy()
    files.write_csv(tmp_path / PATHS.split, split(ids, 0.2, 0.1, 1))
    shutil.copyfile(DEFAULTS, tmp_path / "params.yaml")
    changed = {"model": "hf-hub:me/encoder", "pretrained": True, "epochs": 1, "precision": "32-true"}
    set_params(tmp_path, **{f"train_cnn__{key}": value for key, value in changed.items()})
    said = in_reach(hub, tmp_path / "cache", "-m", "stages.train", "cnn", cwd=tmp_path)
    commit = list(hub.repositories["me/encoder"].commits)[-1]
    assert f"starting from hf-hub:me/encoder, commit {commit}: 99 of 101 tensors; new: head.fc.weight" in said

    shutil.rmtree(tmp_path / "cache")

    def refuse(*where: object) -> None:
        raise AssertionError(where)

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    folder = tmp_path / PATHS.model("cnn")
    network, card = saved.load(folder)
    assert (network.spec.model, network.spec.model_args) == (NETWORK, {"global_pool": "avg"})
    assert network.spec.mean == (127.5, 127.5, 127.5)
    pixels = np.load(preprocessed / "test.npy")
    assert np.isfinite(predict(network, pixels, 4, packed=FieldOfView(212, 64))).all()
    assert card["params"]["model"] == "hf-hub:me/encoder"
    assert f"`hf-hub:me/encoder` at commit {commit}" in model_card.markdown("cnn", card)
