"""The README and the pages under docs/ say what the code does."""

import io
import json
import re
import shutil
from itertools import takewhile
from pathlib import Path
from typing import Any

import dvc.cli
import nbformat
import pandas as pd
import pytest
import torch
import yaml
from conftest import ROOT, command, committed
from dvc.utils.hydra import apply_overrides, get_hydra_sweeps
from pages import NOTEBOOK, PAGES, Command, blocks, in_blocks, in_text

from galaxy import cli
from galaxy.core import decision_tree, params
from galaxy.evaluation import realism
from galaxy.models import saved
from galaxy.models.network import build_network
from galaxy.own_labels import params as own_labels
from galaxy.tasks import params as tasks

SOURCE = "".join(path.read_text() for path in sorted(ROOT.glob("galaxy/**/*.py")))
COMMANDS = sorted({command for page in PAGES for command in in_blocks(page) | in_text(page)})


def of(program: str) -> Any:
    """Run a test for each command of a program: its folder, and the words after the program's name, up to a pipe."""
    own = {Command(command.folder, tuple(takewhile("|".__ne__, command.words))) for command in COMMANDS}
    chosen = [Command(command.folder, command.words[1:]) for command in sorted(own) if command.words[0] == program]
    return pytest.mark.parametrize("command", chosen, ids=lambda it: f"{it.folder} {' '.join(it.words)}")


def stages(folder: str = ".") -> dict[str, Any]:
    """Return the stages of a pipeline; of one that is made for each item, what is made."""
    listed = yaml.safe_load((ROOT / folder / "dvc.yaml").read_text())["stages"]
    return {name: stage.get("do", stage) for name, stage in listed.items()}


NEEDED = {
    "predict": ["IMAGE"],
    "embed": ["IMAGE"],
    "similar": ["QUERY"],
    "unusual": ["FILE"],
    "compare": ["HEAD", "workspace"],
}
"""What a command needs that a sentence only names."""


@of("galaxy")
def test_every_command_is_one_that_the_program_takes(command: Command):
    name, *rest = command.words
    if not rest or rest[0].startswith("--"):
        rest = NEEDED.get(name, []) + rest
    cli.parser().parse_args([name, *rest])


@of("dvc")
def test_every_command_of_dvc_is_one_that_it_takes_for_stages_and_params_that_there_are(
    command: Command, tmp_path: Path
):
    arguments = dvc.cli.parse_args(list(command.words))
    if command.words[0] in ("repro", "checkout") or command.words[:2] == ("exp", "run"):
        for target in arguments.targets:
            assert target.split("@")[0] in stages(command.folder), target
    for change in getattr(arguments, "set_param", None) or []:
        for overrides in get_hydra_sweeps({"params.yaml": [change]}):
            if not (tmp_path / "params.yaml").exists():
                shutil.copyfile(ROOT / command.folder / "params.yaml", tmp_path / "params.yaml")
            apply_overrides(tmp_path / "params.yaml", overrides["params.yaml"])
    if (tmp_path / "params.yaml").exists():
        own = own_labels.load if command.folder == "tasks/own_labels" else tasks.load
        (own if command.folder.startswith("tasks/") else params.load)(tmp_path / "params.yaml")


@of("python")
def test_every_module_and_script_that_is_called_is_there(command: Command):
    first, *rest = command.words
    path = rest[0].replace(".", "/") + ".py" if first == "-m" else first
    assert (ROOT / command.folder / path).is_file()


def test_the_tree_is_the_codes():
    assert decision_tree.markdown() in (ROOT / "docs/tree.md").read_text()
    assert all(f"`{column}`" in decision_tree.markdown() for column in decision_tree.COLUMNS)


def test_the_graph_is_dvcs():
    (graph,) = blocks(ROOT / "docs/graph.md", "mermaid")
    assert graph == command("dvc", "dag", "--mermaid", folder=ROOT).stdout


def test_the_table_of_stages_has_all_that_they_read_and_write():
    rows = re.findall(r"^\| `([\w@<>]+)` \|.*?\| (.*?) \| (.*?) \| (.*?) \|$", section("docs/graph.md", "Stages"), re.M)
    assert [name.removesuffix("@<name>") for name, *_ in rows] == list(stages())
    for name, *cells in rows:
        reads, writes, sections = (re.findall(r"`(.*?)`", cell) for cell in cells)
        stage = yaml.safe_load(yaml.safe_dump(stages()[name.removesuffix("@<name>")]).replace("${key}", "<name>"))
        made = [key for kind in ("outs", "metrics", "plots") for key in paths(stage.get(kind, []))]
        read = [dep for dep in paths(stage["deps"]) if not dep.startswith(("galaxy/", "stages/"))]
        for listed, there in ((reads, read), (writes, made)):
            assert all(any(within(path, folder) for folder in listed) for path in there), (name, there)
            assert all(any(within(path, folder) for path in there) for folder in listed), (name, listed)
        if name != "report":
            assert set(sections) == {key.partition(".")[0] for key in stage.get("params", [])}, name


def within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.removesuffix("/") + "/")


def paths(items: list[Any]) -> list[str]:
    return [item if isinstance(item, str) else next(iter(item)) for item in items]


def section(page: str, title: str) -> str:
    return (ROOT / page).read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_calibration_is_that_of_the_committed_metrics():
    page = (ROOT / "docs/simulator.md").read_text()
    versions = committed("metrics/calibration.csv", "metrics/calibration.json")
    pairs = ((pd.read_csv(io.StringIO(table)), json.loads(content)) for table, content in versions)
    content = next(content for table, content in pairs if realism.terminal_table(table, content) in page)
    assert content["source"] == "simulated"
    assert content["rows_within_limit"] == content["rows"]
    assert content["central_pixel_below_column_means"]


def test_every_error_that_is_explained_is_one_that_the_code_raises():
    cells = re.findall(r"^\| (`.*?) \|", (ROOT / "docs/troubleshooting.md").read_text(), re.MULTILINE)
    assert len(cells) > 15
    source = re.sub(r'"\n +f?"', "", SOURCE)  # a text on several lines is one
    for cell in cells:
        for fragment in re.findall(r"`([^`]+)`", cell):
            assert fragment in source, fragment


def test_the_example_backbone_is_a_model_that_the_params_can_name(model: Path):
    (code,) = [block for block in blocks(ROOT / "docs/extending.md", "python") if "register_model" in block]
    exec(compile(code, "extending.md", "exec"), {"__name__": "galaxy.models.architectures"})  # noqa: S102
    network = build_network(saved.load(model)[0].spec.model_copy(update={"model": "tiny_net"}))
    assert network.eval()(torch.zeros((2, 64, 64, 3), dtype=torch.uint8)).shape == (2, 37)


def test_the_notebook_is_valid_and_holds_no_outputs():
    book = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(book)
    assert [cell.id for cell in book.cells if cell.get("outputs") or cell.get("execution_count")] == []


def test_the_workflow_calls_the_checks_on_the_oldest_python():
    (job,) = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"].values()
    assert job["steps"][-1] == {"run": ".ci/run"}
    (version,) = [step["with"]["python-version"] for step in job["steps"] if "setup-python" in step.get("uses", "")]
    assert f'requires-python = ">={version}"' in (ROOT / "pyproject.toml").read_text()


def anchors(page: Path) -> set[str]:
    """Return what links to headings of a page end in, as GitHub makes it."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, NOTEBOOK], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_picture_leads_somewhere(page: Path):
    for link in re.findall(r"\]\((?!http)([^)]+)\)", page.read_text()):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link
