"""Each pipeline's `dvc.yaml` says what its stages really use, and the library's packages import downwards only."""

import re
from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml
from conftest import ROOT, command, copy_project

LAYERS = (
    *(
        "cli",
        "own_labels",
        "task_results",
        "tasks",
        "app",
        "embeddings",
        "inference",
        "report",
        "evaluation",
        "training",
        "models",
        "data",
        "ingest",
        "simulator",
        "core",
    ),
)
"""The packages of the library; each may import those after it."""

PIPELINES = {
    str(path.parent.relative_to(ROOT)): yaml.safe_load(path.read_text())
    for path in [ROOT / "dvc.yaml", *sorted(ROOT.glob("recipes/*/dvc.yaml")), *sorted(ROOT.glob("tasks/*/dvc.yaml"))]
}
"""By folder, `.` the root's."""


def stages(pipeline: str) -> dict[str, Any]:
    """The stages by name; of a stage for each of several models, what it does for one."""
    return {name: stage.get("do", stage) for name, stage in PIPELINES[pipeline]["stages"].items()}


STAGES = [(pipeline, name) for pipeline in PIPELINES for name in stages(pipeline)]


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("galaxy", "stages", include_external_packages=True, cache_dir=None)


def outs(stage: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Everything that a stage makes, with its options."""
    items = [item for kind in ("outs", "metrics", "plots") for item in stage.get(kind, [])]
    return {
        path: options for item in items for path, options in (item if isinstance(item, dict) else {item: {}}).items()
    }


def test_packages_import_downwards_only(imports: grimp.ImportGraph):
    folders = {path.parent.name for path in ROOT.glob("galaxy/*/__init__.py")}
    assert folders == set(LAYERS)
    broken = imports.find_illegal_dependencies_for_layers(layers=LAYERS, containers={"galaxy"})
    assert {(found.importer, found.imported) for found in broken} == set()


def test_the_library_lies_in_packages_that_list_their_modules():
    assert [path.name for path in ROOT.glob("galaxy/*.py")] == ["__init__.py"]
    for package in LAYERS:
        folder = ROOT / "galaxy" / package
        text = (folder / "__init__.py").read_text()
        for module in folder.glob("*.py"):
            assert module.stem == "__init__" or f"`{module.stem}`" in text, module


@pytest.mark.parametrize(("pipeline", "name"), STAGES, ids="-".join)
def test_deps_are_the_packages_that_the_stage_imports(pipeline: str, name: str, imports: grimp.ImportGraph):
    stage = stages(pipeline)[name]
    module = stage["cmd"].split()[2]
    used = {found for found in imports.find_upstream_modules(module) | {module} if "." in found}
    packages = {"/".join(found.split(".")[:2]) for found in used if found.startswith("galaxy.")}
    scripts = {found.replace(".", "/") + ".py" for found in used if found.startswith("stages.")}
    scripts -= {"stages/tasks.py", "stages/folds.py", "stages/own_labels.py"}  # packages
    assert {dep for dep in stage["deps"] if dep.startswith(("galaxy/", "stages/"))} == packages | scripts


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_every_section_of_the_params_is_read_by_a_stage_and_none_is_unknown(pipeline: str):
    content = yaml.safe_load((ROOT / pipeline / "params.yaml").read_text())
    read = {
        re.sub(r"\.\$\{.*|^make_submission\..*", lambda found: found[0].partition(".")[0], param)
        for stage in stages(pipeline).values()
        for param in stage.get("params", [])
        if isinstance(param, str)
    }
    whole = {"start"} & read
    parts = {f"start.{section}" for section in content.get("start", ()) if section != "train" and not whole}
    sections = (content.keys() - {"start"}) | whole | parts
    start = {param for param in read if param.startswith("start.train")}
    assert read - start == sections
    assert start in ({"start.train"}, {f"start.train.{name}" for name in content.get("start", {}).get("train", ())})


@pytest.mark.parametrize(("pipeline", "name"), STAGES, ids="-".join)
def test_every_stage_is_described_and_only_metrics_and_plots_are_in_git(pipeline: str, name: str):
    stage = stages(pipeline)[name]
    assert stage["desc"]
    for path, options in outs(stage).items():
        if path.removeprefix("start/").startswith("metrics/"):
            assert options == {"cache": False}
        else:
            assert set(options) <= {"push"}
    for path in ("raw", "explore", "preprocessed", "report", "labelled", "held_out", "unlabelled", "figures"):
        assert outs(stage).get(f"data/{path}", {"push": False}) == {"push": False}, "images of others are not pushed"


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_a_training_leaves_its_files_where_all_do(pipeline: str):
    for stage in stages(pipeline).values():
        words = stage["cmd"].split()
        if words[2].endswith(".train"):
            part = "start/" if words[-1] == "--start" else ""
            model = words[4 if words[2] == "stages.tasks.train" else 3]
            model += f"-{words[-1]}" if "--fold" in words else ""
            paths = ["models/{}", "metrics/train/{}.json", "metrics/train/{}_history.csv"]
            paths += ["metrics/train/{}_time.json"] if words[2] == "stages.tasks.train" else []
            assert sorted(outs(stage)) == sorted(part + path.format(model) for path in paths)


def test_stages_and_their_order_are_those_designed():
    root = stages(".")
    assert list(root) == [
        *("outside", "download", "explore", "calibrate", "preprocess", "split", "train_cnn", "train_resnet", "train"),
        *("evaluate", "make_submission", "report"),
    ]
    needed = {
        name: {
            other
            for other in root
            for out in outs(root[other])
            for dep in stage["deps"]
            if f"{dep}/".startswith(f"{out}/") or f"{out}/".startswith(f"{dep}/")
        }
        for name, stage in root.items()
    }
    trained = {"train_cnn", "train_resnet", "train"}
    assert needed == {
        "outside": set(),
        "download": {"outside"},
        "explore": {"download"},
        "calibrate": {"download"},
        "preprocess": {"download"},
        "split": {"preprocess"},
        **{name: {"outside", "preprocess", "split"} for name in trained},
        "evaluate": {"preprocess", "split"} | trained,
        "make_submission": {"preprocess", "evaluate"} | trained,
        "report": set(root) - {"outside", "download", "report"},  # so that `dvc repro` ends with its table of scores
    }


def test_graphs_are_short():
    for pipeline, limit in ((".", 170), *((name, 80) for name in PIPELINES if name.startswith("tasks/"))):
        assert len((ROOT / pipeline / "dvc.yaml").read_text().splitlines()) <= limit, pipeline


@pytest.mark.parametrize("task", ["cifar10", "fashion_mnist"])
def test_the_published_recipes_have_the_stages_of_their_task(task: str):
    """No link to its file: of an earlier commit DVC reads the link's target as text."""
    ours, published = (ROOT / "tasks" / name / "dvc.yaml" for name in (task, f"{task}_published"))
    assert not published.is_symlink()
    assert published.read_bytes() == ours.read_bytes()


def test_no_stage_that_needs_no_network_training_waits_for_torch(imports: grimp.ImportGraph):
    """Importing torch takes seconds: stages that do not predict start at once."""
    for stage in ("outside", "download", "explore", "calibrate", "preprocess", "split", "report"):
        used = imports.find_upstream_modules(f"stages.{stage}")
        assert not used & {"torch", "timm", "lightning"}, stage


def test_every_model_of_the_root_is_registered_as_an_artifact():
    assert {artifact["path"] for artifact in PIPELINES["."]["artifacts"].values()} == {"models/cnn", "models/resnet"}


@pytest.mark.parametrize("pipeline", [name for name in PIPELINES if name != "."])
def test_recipes_and_tasks_are_projects_of_their_own_that_share_code_and_cache(pipeline: str):
    folder = ROOT / pipeline
    for name in ("galaxy", "stages"):
        assert (folder / name).is_symlink()
        assert Path(folder / name).resolve() == ROOT / name
    assert (folder / ".dvcignore").read_text() == (ROOT / ".dvcignore").read_text()
    assert (folder / ".dvc" / "../../../.dvc/cache").resolve() == ROOT / ".dvc/cache"
    assert "dir = ../../../.dvc/cache" in (folder / ".dvc/config").read_text()
    assert "html_template = ../../../.dvc/plots/page.html" in (folder / ".dvc/config").read_text()


def test_the_roots_commands_show_its_own_pipeline_without_a_warning(tmp_path: Path):
    copy_project(tmp_path)
    command("git", "init", "--quiet", folder=tmp_path)
    for words in (("dag",), ("metrics", "show"), ("plots", "show"), ("stage", "list")):
        shown = command("dvc", *words, folder=tmp_path)
        assert "WARNING" not in shown.stdout + shown.stderr, shown
        assert "recipes/" not in shown.stdout
        assert "tasks/" not in shown.stdout


def test_dvc_finds_the_stages_of_each_recipe_and_task_in_its_own_folder(tmp_path: Path):
    copy_project(tmp_path)
    command("git", "init", "--quiet", folder=tmp_path)
    for pipeline in PIPELINES:
        params = yaml.safe_load((ROOT / pipeline / "params.yaml").read_text())
        several = params.get("compared", params["train"])
        items = {"train": several, "pretrain": params.get("start", {}).get("train", ())}
        items["transfer"] = params.get("transferred", ())
        if "train_folds" in params:
            items["train"] = items["predict"] = [f"{name}-{fold}" for name in several for fold in params["train_folds"]]
        items["train_part"] = params.get("few_labels", {}).get("counts", ())
        one = [name for name, stage in PIPELINES[pipeline]["stages"].items() if not {"foreach", "matrix"} & set(stage)]
        expected = {f"{name}@{item}" for name in items.keys() - one for item in items[name]} | set(one)
        listed = command("dvc", "stage", "list", "--name-only", folder=tmp_path / pipeline).stdout
        assert set(listed.split()) == expected, pipeline


def test_a_clone_has_the_same_bytes_where_git_would_change_line_ends(tmp_path: Path):
    """As Git for Windows does by default; DVC compares checksums of what lies in the folder."""
    copy_project(tmp_path / "project")
    for words in (["init", "--quiet"], ["add", "--all"], ["-c", "user.name=t", "-c", "user.email=t", "commit", "-qm1"]):
        command("git", *words, folder=tmp_path / "project")
    command("git", "-c", "core.autocrlf=true", "clone", "--quiet", "project", "clone", folder=tmp_path)
    for name in ("dvc.yaml", "galaxy/core/errors.py", "metrics/evaluate/history.png", "tests/walks.py"):
        assert (tmp_path / "clone" / name).read_bytes() == (tmp_path / "project" / name).read_bytes()
