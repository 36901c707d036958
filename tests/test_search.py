"""Several values of a param queue up as experiments, and one command reads many, as docs/experiments.md says."""

import csv
import io
import itertools
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, command, copy_project
from dvc.utils.hydra import get_hydra_sweeps
from pages import blocks

PAGE = ROOT / "docs/experiments.md"
RATES, OPTIMIZERS = (0.002, 0.004, 0.006), ("adamw", "sgd")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of the working tree's files, without results of stages, in which a grid is queued."""
    folder = tmp_path_factory.mktemp("project")
    copy_project(folder)
    author = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    command("git", "init", "--quiet", folder=folder)
    command("git", "add", "--all", folder=folder)
    command("git", *author, "commit", "--quiet", "--message", "baseline", folder=folder)
    queue(folder, "train_cnn.learning_rate=range(0.002,0.007,0.002)", "train_cnn.optimizer=choice(adamw,sgd)")
    return folder


def queue(folder: Path, *changes: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Queue the experiments that these values of `-S` make."""
    words = [word for change in changes for word in ("-S", change)]
    return command("dvc", "exp", "run", "--queue", *words, folder=folder, check=check)


def queued(folder: Path) -> list[dict[str, str]]:
    """What `dvc exp show` has of each queued experiment, by column."""
    table = command("dvc", "exp", "show", "--csv", "--hide-workspace", folder=folder).stdout
    return [row for row in csv.DictReader(io.StringIO(table)) if row["State"] == "Queued"]


def test_a_range_and_a_choice_make_an_experiment_for_each_pair_that_differs_in_nothing_else(project: Path):
    params = [
        yaml.safe_load(command("git", "show", f"{row['rev']}:params.yaml", folder=project).stdout)
        for row in queued(project)
    ]
    pairs = {(each["train_cnn"].pop("learning_rate"), each["train_cnn"].pop("optimizer")) for each in params}
    assert len(params) == 6
    assert pairs == set(itertools.product(RATES, OPTIMIZERS))
    assert all(each == params[0] for each in params)


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ("0.002,0.004,0.006", ["0.002", "0.004", "0.006"]),
        ("choice(adamw,sgd)", ["adamw", "sgd"]),
        ("range(2,5)", ["2", "3", "4"]),
        ("range(10,31,10)", ["10", "20", "30"]),
        ("range(0.002,0.008,0.002)", ["0.002", "0.004", "0.006", "0.008"]),
        ("[0.9,1.1],[0.8,1.2]", ["[0.9,1.1]", "[0.8,1.2]"]),
    ],
)
def test_the_page_says_what_each_kind_of_value_makes(value: str, made: list[str]):
    assert re.search(rf"`'?{re.escape(value)}'?`", PAGE.read_text())
    sweeps = get_hydra_sweeps({"params.yaml": [f"key={value}"]})
    assert [overrides["params.yaml"] for overrides in sweeps] == [[f"key={each}"] for each in made]


def test_a_range_of_fractions_may_lack_its_end_and_hold_noise():
    values = [
        [overrides["params.yaml"][0] for overrides in get_hydra_sweeps({"params.yaml": [f"key={value}"]})]
        for value in ("range(0.001,0.004,0.001)", "range(0.001,0.0105,0.001)")
    ]
    assert values[0] == ["key=0.001", "key=0.002", "key=0.003"]
    assert "key=0.009000000000000001" in values[1]


def test_the_table_has_a_row_for_each_experiment_and_only_what_differs_in_80_columns(project: Path):
    """Of experiments that did run, tests/walks_root.py reads the table; here they are queued: nothing hides those."""
    (block,) = (block for block in blocks(PAGE) if "--csv" in block)
    shown = block.partition("galaxy compare")[0].replace("--hide-queued ", "")
    header, *rows = command("bash", "-euo", "pipefail", "-c", shown, folder=project).stdout.splitlines()
    columns = ["Experiment", "rmse.mean", "valid_rmse.mean", "cnn.optimizer", "cnn.learning_rate"]
    assert header.split() == columns
    assert max(map(len, (header, *rows))) <= 80
    names = {row["Experiment"] for row in queued(project)}
    assert sorted(row.split()[0] for row in rows) == sorted({"HEAD"} | names)


def test_an_unknown_key_is_refused_and_nothing_is_queued(project: Path):
    before = len(queued(project))
    refused = queue(project, "train_cnn.learning_rat=0.1,0.2", check=False)
    assert refused.returncode
    assert "Could not override 'train_cnn.learning_rat'" in refused.stderr
    assert len(queued(project)) == before
