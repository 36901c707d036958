"""`dvc.yaml` says what the stages really use."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml
from conftest import ROOT

from galaxy.core.params import TRAIN_PREFIX

GRAPH: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())
STAGES: dict[str, Any] = GRAPH["stages"]
TASKS: dict[str, dict[str, Any]] = {
    path.parent.name: yaml.safe_load(path.read_text())["stages"]
    for path in sorted((ROOT / "classification").glob("*/dvc.yaml"))
}
PARAMS: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("galaxy", "stages", cache_dir=None)


def leaves(content: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in content.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def files(modules: set[str]) -> set[str]:
    """The files of modules, and of the packages that importing them runs."""
    names = {".".join(module.split(".")[: depth + 1]) for module in modules for depth in range(module.count(".") + 1)}
    paths = {Path(*name.split(".")) for name in names}
    return {
        str(found)
        for path in paths
        for found in (path.with_suffix(".py"), path / "__init__.py")
        if (ROOT / found).is_file()
    }


@pytest.mark.parametrize(
    "stage",
    [*STAGES.values(), *(stage for task in TASKS.values() for stage in task.values())],
    ids=lambda stage: stage["cmd"].removeprefix("python -m stages."),
)
def test_deps_are_the_closure_of_the_stages_imports(stage: dict[str, Any], imports: grimp.ImportGraph):
    module = stage["cmd"].split()[2]
    needed = files({module} | imports.find_upstream_modules(module))
    listed = {dep for dep in stage["deps"] if dep.endswith(".py")}
    assert listed == needed


@pytest.mark.parametrize("task", TASKS)
def test_every_param_of_a_task_is_read_by_a_stage_and_none_is_unknown(task: str):
    path = f"classification/{task}/params.yaml"
    content = yaml.safe_load((ROOT / path).read_text())
    models = {key for key in content if key.startswith(TRAIN_PREFIX)}
    read = {key for stage in TASKS[task].values() for key in stage["params"][0][path]}
    if "train_${item.model}" in read:
        read = read - {"train_${item.model}"} | models  # whichever of them are compared
    assert read == models | {key for key in leaves(content) if not key.startswith(TRAIN_PREFIX)}


def test_the_tasks_stages_differ_where_their_data_do():
    common = ["prepare", "train", "evaluate"]
    assert {task: list(stages) for task, stages in TASKS.items()} == {
        "cifar10": common,
        "fashion_mnist": common,
        "galaxy10": [*common, "transfer", "evaluate_transfer"],
        "sports": [*common, "submission"],
    }
    for stages in TASKS.values():
        for out in stages["prepare"]["outs"]:
            assert next(iter(out.values())) == {"push": False}


def test_stages_and_their_order_are_those_designed():
    assert list(STAGES) == [
        *("download", "explore", "calibrate", "preprocess", "split", "train_cnn", "train_resnet", "train"),
        *("evaluate", "make_submission", "report"),
    ]
    made_by = {out: stage for stage in STAGES for out in outs(stage)}
    upstream = {
        stage: {by for out, by in made_by.items() for dep in STAGES[stage]["deps"] if overlap(out, dep)}
        for stage in STAGES
    }
    assert upstream == {
        "download": set(),
        "explore": {"download"},
        "calibrate": {"download"},
        "preprocess": {"download"},
        "split": {"preprocess"},
        "train_cnn": {"preprocess", "split"},
        "train_resnet": {"preprocess", "split"},
        "train": {"preprocess", "split"},
        "evaluate": {"preprocess", "split", "train_cnn", "train_resnet", "train"},
        "make_submission": {"preprocess", "train_cnn", "train_resnet", "train", "evaluate"},
        "report": {"preprocess", "split", "train_cnn", "train_resnet", "evaluate"},
    }


def overlap(out: str, dep: str) -> bool:
    """Whether one is the other or a folder above it."""
    return (dep + "/").startswith(out + "/") or (out + "/").startswith(dep + "/")


def outs(stage: str) -> list[str]:
    """Everything that a stage makes."""
    items = [item for kind in ("outs", "metrics", "plots") for item in STAGES[stage].get(kind, [])]
    return [item if isinstance(item, str) else next(iter(item)) for item in items]


def test_every_leaf_of_the_params_is_read_by_a_stage_and_none_is_unknown():
    read = {param for name, stage in STAGES.items() if name != "report" for param in stage.get("params", [])}
    assert read == {*leaves(PARAMS), "train_${item.model}"}
    assert STAGES["report"]["params"] == [{"params.yaml": None}]  # it says what differs from the defaults


def test_each_model_reads_its_own_section_whole_and_no_other():
    for stage in STAGES:
        if stage.startswith(TRAIN_PREFIX):
            own = {param for param in STAGES[stage]["params"] if not param.startswith("preprocess.")}
            assert own == set(leaves(PARAMS[stage], f"{stage}."))
            assert STAGES[stage]["cmd"] == f"python -m stages.train {stage}"


def test_every_stage_is_described_and_only_metrics_and_plots_are_in_git():
    for name, stage in STAGES.items():
        assert stage["desc"], name
        for kind in ("metrics", "plots"):
            for item in stage.get(kind, []):
                assert next(iter(item.values())) == {"cache": False}, (name, item)
        for item in stage.get("outs", []):
            options = {} if isinstance(item, str) else next(iter(item.values()))
            assert set(options) <= {"push"}, (name, item)


def test_images_of_the_competition_are_never_pushed():
    for stage, out in (("download", "data/raw"), ("preprocess", "data/preprocessed"), ("report", "data/report")):
        assert {out: {"push": False}} in STAGES[stage]["outs"]


def test_no_stage_that_needs_no_network_training_waits_for_torch(imports: grimp.ImportGraph):
    """Importing torch takes seconds: stages that do not predict start at once."""
    graph = grimp.build_graph("galaxy", "stages", include_external_packages=True, cache_dir=None)
    for stage in ("download", "explore", "calibrate", "preprocess", "split", "report"):
        used = graph.find_upstream_modules(f"stages.{stage}")
        assert not used & {"torch", "timm", "lightning"}, stage


def test_every_model_is_registered_as_an_artifact():
    assert {artifact["path"] for artifact in GRAPH["artifacts"].values()} == {
        f"models/{stage}" for stage in STAGES if stage.startswith(TRAIN_PREFIX)
    }
