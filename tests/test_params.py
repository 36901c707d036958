"""A params file with a mistake stops at once, with the key, what it holds and what it may hold."""

import sys
from pathlib import Path

import pytest
import yaml
from conftest import DEFAULTS, ROOT, augmentation, command
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import parse_yaml

from galaxy.cli.params import markdown
from galaxy.core import params, params_file
from galaxy.core.errors import GalaxyError
from galaxy.core.params import Training
from galaxy.own_labels import params as own_labels
from galaxy.tasks import params as tasks

VIEWS = augmentation().model_dump()


def write(tmp_path: Path, key: str, value: object) -> Path:
    """The default params with one key changed (`value` given) or removed (`value` is ...)."""
    content = yaml.safe_load(DEFAULTS.read_text())
    *sections, leaf = key.split(".")
    inner = content
    for section in sections:
        inner = inner[section]
    if value is ...:
        del inner[leaf]
    else:
        inner[leaf] = value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_the_projects_own_params_are_valid_and_the_packaged_ones_name_both_models(defaults: params.Params):
    params.load(ROOT / "params.yaml")
    assert list(defaults.models) == ["cnn", "resnet"]
    assert defaults.download.source == "simulated"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("train_cnn.epoch", 6, "unknown key train_cnn.epoch"),
        ("evalute", {}, "unknown section evalute; there are download, preprocess"),
        ("train_cnn.epochs", ..., "train_cnn.epochs is missing"),
        ("split", ..., "split is missing"),
        ("train_cnn.epochs", "six", "train_cnn.epochs is 'six': input should be a valid integer"),
        ("train_cnn.epochs", 0, "train_cnn.epochs is 0: input should be greater than or equal to 1"),
        ("train_cnn.epochs", 2.5, "train_cnn.epochs is 2.5"),
        ("train_cnn.learning_rate", -1, "train_cnn.learning_rate is -1: input should be greater than 0"),
        ("train_cnn.learning_rate", float("nan"), "train_cnn.learning_rate is nan"),
        ("train_cnn.batch_size", 1, "train_cnn.batch_size is 1: input should be greater than or equal to 2"),
        ("train_cnn.workers", -1, "train_cnn.workers is -1"),
        ("train_cnn.ema_decay", 1, "train_cnn.ema_decay is 1: input should be less than 1"),
        ("train_cnn.weights", "", "train_cnn.weights is ''"),
        ("train_cnn.model", "", "train_cnn.model is ''"),
        ("train_cnn.model_args", [1], "train_cnn.model_args is [1]"),
        ("train_cnn.augmentation.rotation", 181, "train_cnn.augmentation.rotation is 181"),
        ("download.simulated.training_galaxies", 19, "download.simulated.training_galaxies is 19"),
        ("download.local.folder", None, "download.local.folder is None"),
        ("evaluate.views.zooms", [], "evaluate.views.zooms is []"),
        ("evaluate.views.zooms", [0.0], "evaluate.views.zooms.0 is 0.0"),
        ("train_cnn.head", "softmax", "input should be 'sigmoid', 'decision_tree' or 'dirichlet'"),
        ("train_cnn.model", "hf-hub:a", "'hf-hub:a' is no repository; write hf-hub:<owner>/<name>, and @<revision> if"),
        ("train_cnn.model", "a/b", "'a/b' is no name of timm's; write hf-hub:<owner>/<name> or local-dir:<folder>"),
        ("train_cnn.pretrained", "yes", "train_cnn.pretrained is 'yes': input should be a valid boolean"),
        ("train_cnn.augmentation.zoom", 0.5, "train_cnn.augmentation.zoom is 0.5"),
        ("train_resnet.augmentation", None, "train_resnet.augmentation is None"),
        ("download.source", "web", "download.source is 'web': input should be 'simulated', 'local' or 'kaggle'"),
        ("preprocess.crop", 500, "preprocess.crop is 500: input should be less than or equal to 424"),
        ("preprocess.crop", 32, "preprocess.size (64) is above preprocess.crop (32)"),
        ("split.test", 0.95, "test + valid is 1.05; it must be below 1"),
        ("train_cnn.crop", 300, "train_cnn shows 300 pixels of the original, but preprocess.crop keeps 212"),
        ("train_cnn.augmentation", VIEWS | {"crop": [100, 240]}, "train_cnn shows 240 pixels of the original"),
        ("train_cnn.augmentation.crop", [200, 100], "its first number must not be above its second"),
        ("train", ["vit"], "train is ['vit']: input should be a valid dictionary"),
        ("train.vit", {}, "train.vit.model is missing"),
        ("train_vit", {}, "unknown section train_vit; there are"),
        ("make_submission.model", "vgg", "make_submission.model is 'vgg'; it may be best, mean, weighted, cnn, resnet"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, key: str, value: object, message: str):
    path = write(tmp_path, key, value)
    with pytest.raises(GalaxyError) as error:
        params.load(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)


def test_gradients_of_a_fused_optimizer_are_not_clipped_in_mixed_precision(tmp_path: Path):
    content = yaml.safe_load(DEFAULTS.read_text())
    content["train_cnn"] |= {"optimizer": "adamw", "optimizer_args": {"fused": True}, "gradient_clip": 1}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    assert params.load(path).models["cnn"].gradient_clip == 1
    content["train_cnn"]["precision"] = "bf16-mixed"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(
        GalaxyError, match="doesn't clip the gradients of a fused optimizer in mixed precision; remove fused"
    ):
        params.load(path)


def test_every_mistake_gets_a_line_of_its_own(tmp_path: Path):
    content = yaml.safe_load(write(tmp_path, "train_cnn.epochs", 0).read_text())
    content["preprocess"]["size"] = "small"
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(GalaxyError) as error:
        params.load(tmp_path / "params.yaml")
    assert len(str(error.value).splitlines()) == 2


STAGES = """
import runpy, sys
for words in sys.argv[1:]:
    sys.argv = words.split()
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as stop:
        print(sys.argv[0], stop.code)
heavy = {"torch", "lightning", "timm", "albumentations", "cv2", "pandas", "numpy", "scipy", "matplotlib"}
print(sorted(heavy & set(sys.modules)))
"""
"""Run stages one after another in one process, and print how each ends and which slow libraries they imported."""


@pytest.mark.parametrize("pipeline", [".", "recipes/cpu", "tasks/galaxy10", "tasks/sports"])
def test_a_mistake_in_any_section_stops_every_stage_before_it_imports_anything_slow(tmp_path: Path, pipeline: str):
    for name in ("galaxy", "stages"):
        (tmp_path / name).symlink_to(ROOT / name)
    content = yaml.safe_load((ROOT / pipeline / "params.yaml").read_text())
    content["evaluate"]["foo"] = 1  # as `dvc exp run -S '+evaluate.foo=1'` adds it
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    listed = yaml.safe_load((ROOT / pipeline / "dvc.yaml").read_text())["stages"].values()
    commands = [stage.get("do", stage)["cmd"].removeprefix("python -m ") for stage in listed]
    ended = command(sys.executable, "-c", STAGES, *commands, folder=tmp_path).stdout.splitlines()
    refused = "error: params.yaml: unknown key evaluate.foo; remove it or correct its spelling"
    assert ended == [*(f"{words.split()[0]} {refused}" for words in commands), "[]"]


@pytest.mark.parametrize("recipe", sorted((ROOT / "recipes").glob("*/params.yaml")), ids=lambda path: path.parent.name)
def test_a_recipe_is_complete_and_says_on_what_it_was_measured_or_from_what_it_is_expected(recipe: Path):
    assert params.load(recipe).models
    head = recipe.read_text().split("\n\n")[0]
    for label in ("Data:", "Machine:", "Time:", "Result:"):
        assert f"# {label} " in head
    assert "measured" in head or "expected" in head


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "\tx: 1", "!!python/object/apply:os.system ['true']"])
def test_what_is_no_yaml_is_said_to_be_none(tmp_path: Path, text: str):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(GalaxyError, match="is not valid YAML"):
        params.load(tmp_path / "params.yaml")


def test_what_is_no_text_is_said_to_be_no_yaml(tmp_path: Path):
    (tmp_path / "params.yaml").write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(GalaxyError, match="is not valid YAML: 'utf-8' codec can't decode"):
        params.load(tmp_path / "params.yaml")


def test_dvc_changes_one_line_of_the_file_for_one_param(tmp_path: Path):
    """`dvc exp run -S` writes the whole file; it is stored as DVC writes it."""
    path = tmp_path / "params.yaml"
    path.write_text(DEFAULTS.read_text())
    apply_overrides(path, ["train_resnet.epochs=77"])
    before, after = DEFAULTS.read_text().splitlines(), path.read_text().splitlines()
    assert [line for line in after if line not in before] == ["  epochs: 77"]
    assert len(after) == len(before)


def test_two_equal_keys_are_refused(tmp_path: Path):
    text = DEFAULTS.read_text()
    (tmp_path / "params.yaml").write_text(text.replace("  seed: 1\n", "  seed: 1\n  seed: 2\n", 1))
    with pytest.raises(GalaxyError, match="duplicate key 'seed'"):
        params.load(tmp_path / "params.yaml")


def test_numbers_may_be_written_with_an_exponent(tmp_path: Path):
    text = DEFAULTS.read_text()
    assert "learning_rate: 0.006\n" in text
    (tmp_path / "params.yaml").write_text(text.replace("learning_rate: 0.006\n", "learning_rate: 6e-3\n"))
    assert params.load(tmp_path / "params.yaml") == params.load(DEFAULTS)


@pytest.mark.parametrize("text", ["", "[1, 2]", "just words"])
def test_yaml_that_is_no_mapping_is_refused(tmp_path: Path, text: str):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(GalaxyError, match="input should be"):
        params.load(tmp_path / "params.yaml")


def test_an_absent_file_is_named(tmp_path: Path):
    with pytest.raises(GalaxyError, match="no such file; run in the folder of a pipeline"):
        params.load(tmp_path / "params.yaml")


def test_any_number_of_models_may_stand_in_the_file(tmp_path: Path, defaults: params.Params):
    section = defaults.models["resnet"].model_dump()
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(defaults.model_dump() | {"train": {"convnext_2": section, "vit": section}}))
    assert list(params.load(path).models) == ["cnn", "resnet", "convnext_2", "vit"]
    path.write_text(yaml.safe_dump(defaults.model_dump() | {"train": {"mean": section}}))
    with pytest.raises(GalaxyError, match=r"train\.mean: this name is taken"):
        params.load(path)


def test_a_file_without_a_model_is_refused(tmp_path: Path, defaults: params.Params):
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(defaults.model_dump() | {"train_cnn": None, "train_resnet": None}))
    with pytest.raises(GalaxyError, match="no model; write a section for one under train"):
        params.load(path)


SCALARS = "yes no on off true False ~ null 1e-3 1E3 1.5e+3 .5 5. 010 0 -7 1:30 1_000 .inf -.inf x"


def test_a_params_file_is_read_as_dvc_reads_it():
    """PyYAML alone would take `yes` for true, `1e-3` for text, `010` for 8 and `1:30` for 90."""
    text = "\n".join(f"k{i}: {word}" for i, word in enumerate(SCALARS.split())) + "\nempty:\n"
    text += "base: &base {a: 1, b: [1, x]}\nmerged: {<<: *base, a: 2}\n"
    assert params_file.read_yaml(text) == parse_yaml(text, "params.yaml", typ="safe")


def test_the_page_of_the_params_has_every_key_as_it_is(defaults: params.Params):
    assert markdown(defaults, defaults.models) in (ROOT / "docs/params.md").read_text()


def test_the_page_of_the_tasks_params_has_every_key_as_it_is():
    page = (ROOT / "docs/tasks/params.md").read_text()
    task = tasks.load(ROOT / "tasks/galaxy10/params.yaml")
    assert markdown(task, task.train) in page


def test_the_page_of_own_labels_has_every_key_of_its_own_as_it_is():
    page = (ROOT / "docs/own_labels.md").read_text()
    options = own_labels.load(ROOT / "tasks/own_labels/params.yaml")
    shared = {f"`<model>.{name}" for name in Training.model_fields} | {"`<model>.augmentation", "`start.", "`evaluate."}
    for row in markdown(options, options.train).splitlines():
        assert row in page or any(row.startswith(f"| {key}") for key in shared), row


def test_the_table_says_what_a_key_may_be(defaults: params.Params):
    table = markdown(defaults, defaults.models)
    assert "| `split.test` | `0.2` | number ≥ 0, < 1 |" in table
    assert "| `<model>.epochs` | `12` / `10` | whole number ≥ 1, ≤ 100000 |" in table
    assert "| `<model>.ema_decay` | `null` | number > 0, < 1 or null |" in table
    assert "| `<model>.head` | `decision_tree` | sigmoid, decision_tree, dirichlet |" in table
