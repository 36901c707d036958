"""The README shows what is there."""

import re
from pathlib import Path

import pandas as pd
from conftest import ROOT

from galaxy import calibration, evaluation, files

README = (ROOT / "README.md").read_text()


def test_its_first_block_is_two_commands_that_install_and_run_and_test():
    block = re.search(r"^```\w*\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert block
    run, test = block[1].splitlines()
    assert run.endswith("&& dvc repro")
    assert test == "pytest"


def test_its_table_is_that_of_the_committed_metrics():
    report = files.read_json(ROOT / "metrics/evaluate.json")
    assert report["source"] == "simulated"
    assert evaluation.terminal_table(report) in README


def test_its_calibration_is_that_of_the_committed_metrics():
    table = pd.read_csv(ROOT / "metrics/calibration.csv")
    content = files.read_json(ROOT / "metrics/calibration.json")
    assert content["source"] == "simulated"
    assert content["rows_within_limit"] == content["rows"]
    assert content["central_pixel_below_column_means"]
    assert calibration.terminal_table(table, content) in README


def test_every_picture_and_file_that_it_links_is_there():
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert Path(ROOT, link).is_file(), link
