"""The README and the pages under docs/ say what the code does."""

import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import dvc.cli
import pandas as pd
import pytest
import torch
import yaml
from conftest import ROOT, command, committed
from dvc.utils.hydra import apply_overrides, get_hydra_sweeps
from pages import PAGES, blocks, mentioned, shown

from galaxy.evaluation import realism
from galaxy import cli
from galaxy.models.network import build_network
from galaxy.models import saved
from galaxy.core import params
from galaxy.core import decision_tree
from galaxy.tasks import params as classification

SOURCE = "".join(path.read_text() for path in sorted(ROOT.glob("galaxy/**/*.py")))
STAGES: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]

COMMANDS = sorted({words for page in PAGES for words in shown(page) | mentioned(page)})


def of(program: str) -> Any:
    chosen = [words[1:] for words in COMMANDS if words[0] == program]
    return pytest.mark.parametrize("words", chosen, ids=" ".join)


NEEDED = {"predict": ["IMAGE"], "compare": ["HEAD", "workspace"]}
"""What a command needs that is only named in passing."""


@of("galaxy")
def test_every_command_is_one_that_the_program_takes(words: tuple[str, ...]):
    name, *rest = words
    if not rest or rest[0].startswith("--"):
        rest = NEEDED.get(name, []) + rest
    cli.parser().parse_args([name, *rest])


@of("dvc")
def test_every_command_of_dvc_is_one_that_it_takes_for_stages_and_params_that_there_are(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    arguments = dvc.cli.parse_args(list(words))
    if words[0] in ("repro", "checkout") or words[:2] == ("exp", "run"):
        for target in arguments.targets:
            assert (ROOT / target).is_file() or target.split("@")[0] in STAGES, target
    for change in getattr(arguments, "set_param", None) or []:
        file, value = change.split(":") if ":" in change.split("=")[0] else ("params.yaml", change)
        for overrides in get_hydra_sweeps({file: [value]}):
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            if not (tmp_path / file).exists():
                shutil.copyfile(ROOT / file, tmp_path / file)
            apply_overrides(tmp_path / file, overrides[file])
    monkeypatch.chdir(tmp_path)
    for file in tmp_path.rglob("params.yaml"):
        params.load() if file.parent == tmp_path else classification.load(file.parent.name)


@of("python")
def test_every_module_and_script_that_is_called_is_there(words: tuple[str, ...]):
    path = words[1].replace(".", "/") + ".py" if words[0] == "-m" else words[0]
    assert (ROOT / path).is_file()


def test_the_tree_is_the_codes():
    assert decision_tree.markdown() in (ROOT / "docs/tree.md").read_text()
    assert all(f"`{column}`" in decision_tree.markdown() for column in decision_tree.COLUMNS)


def test_the_graph_is_dvcs():
    (shown,) = blocks(ROOT / "docs/graph.md", "mermaid")
    assert shown == command("dvc", "dag", "--mermaid", folder=ROOT).stdout


def test_the_table_of_stages_has_all_that_they_read_and_write():
    rows = re.findall(r"^\| `([\w@<>]+)` \|.*?\| (.*?) \| (.*?) \| (.*?) \|$", section("docs/graph.md", "Stages"), re.M)
    assert [name.removesuffix("@<name>") for name, *_ in rows] == list(STAGES)
    for name, *cells in rows:
        reads, writes, sections = (re.findall(r"`(.*?)`", cell) for cell in cells)
        stage = yaml.safe_load(yaml.safe_dump(STAGES[name.removesuffix("@<name>")]).replace("${item.model}", "<name>"))
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
    table = pd.read_csv(io.StringIO(committed("metrics/calibration.csv")))
    content = json.loads(committed("metrics/calibration.json"))
    assert content["source"] == "simulated"
    assert content["rows_within_limit"] == content["rows"]
    assert content["central_pixel_below_column_means"]
    assert realism.terminal_table(table, content) in (ROOT / "docs/simulator.md").read_text()


def test_every_error_that_is_explained_is_one_that_the_code_raises():
    cells = re.findall(r"^\| (`.*?) \|", (ROOT / "docs/troubleshooting.md").read_text(), re.MULTILINE)
    assert len(cells) > 15
    for cell in cells:
        for fragment in re.findall(r"`([^`]+)`", cell):
            assert fragment in SOURCE.replace('"\n            f"', "").replace('"\n            "', ""), fragment


def test_the_example_backbone_is_a_model_that_the_params_can_name(model: Path):
    (code,) = [block for block in blocks(ROOT / "docs/extending.md", "python") if "register_model" in block]
    exec(compile(code, "extending.md", "exec"), {"__name__": "galaxy.models.architectures"})  # noqa: S102
    network = build_network(saved.load(model)[0].spec.model_copy(update={"model": "tiny_net"}))
    assert network.eval()(torch.zeros((2, 64, 64, 3), dtype=torch.uint8)).shape == (2, 37)


def anchors(page: Path) -> set[str]:
    """What a link to a heading of a page may end in, as GitHub makes it."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_picture_leads_somewhere(page: Path):
    for link in re.findall(r"\]\((?!http)([^)]+)\)", page.read_text()):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link
