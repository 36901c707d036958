"""The README shows what is there."""

import json
import re

import pytest
import yaml
from conftest import ROOT, committed
from pages import blocks

from galaxy.evaluation import scores

README = (ROOT / "README.md").read_text()


def test_its_first_block_is_two_commands_that_install_and_run_and_test():
    block = re.search(r"^```\w*\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert block
    run, test = block[1].splitlines()
    assert run.endswith("&& dvc repro")
    assert test == "pytest"


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md"])
def test_its_table_and_the_tutorials_is_that_of_the_committed_metrics(page: str):
    text = (ROOT / page).read_text()
    reports = (json.loads(content) for (content,) in committed("metrics/evaluate.json"))
    report = next(report for report in reports if scores.terminal_table(report) in text)
    assert report["source"] == "simulated"


def test_its_picture_of_the_graph_has_every_stage():
    (picture,) = blocks(ROOT / "README.md", "mermaid")
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert set(re.findall(r"\w+", picture)) - {"flowchart", "LR"} == set(stages) - {"train"}


def test_it_is_short_and_leads_to_every_page():
    assert len(README.splitlines()) <= 180
    for page in ROOT.glob("docs/**/*.md"):
        assert f"]({page.relative_to(ROOT)})" in README, page
