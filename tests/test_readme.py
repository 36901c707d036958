"""The README shows what is there."""

import json
import re

from conftest import ROOT, committed

from galaxy.evaluation import scores

README = (ROOT / "README.md").read_text()


def test_its_first_block_is_two_commands_that_install_and_run_and_test():
    block = re.search(r"^```\w*\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert block
    run, test = block[1].splitlines()
    assert run.endswith("&& dvc repro")
    assert test == "pytest"


def test_its_table_is_that_of_the_committed_metrics():
    report = json.loads(committed("metrics/evaluate.json"))
    assert report["source"] == "simulated"
    assert scores.terminal_table(report) in README


def test_it_is_short_and_leads_to_every_page():
    assert len(README.splitlines()) <= 180
    for page in ROOT.glob("docs/**/*.md"):
        assert f"]({page.relative_to(ROOT)})" in README, page
