"""What docs/security.md promises: nothing from a file is run, no shell, no network that nobody asked for."""

import ast
import configparser
import sys
from pathlib import Path

import cv2
import pytest
import yaml
from conftest import DEFAULTS, ROOT, command, copy_project, download_options, in_process, set_params

from galaxy.ingest import download
from stages import explore

GALLERIES = ("likeliest_raw.png", "likeliest_preprocessed.png")

DANGEROUS = "S102,S103,S105,S106,S107,S113,S301,S302,S306,S307,S310,S323,S501,S506,S602,S604,S605,S609,S610,S701"
"""flake8-bandit, in ruff: exec, passwords in code, pickle, eval, unsafe YAML, a shell, …"""

OFFLINE = """
import runpy, sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        raise AssertionError(f"{event} {arguments}")

sys.addaudithook(refuse)
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


def test_the_code_has_no_dangerous_call_and_none_is_excused():
    command(
        *("ruff", "check", "--isolated", "--ignore-noqa", "--select", DANGEROUS, "galaxy", "stages"),
        folder=ROOT,
    )


def test_torch_loads_weights_only():
    for path in [*ROOT.glob("galaxy/**/*.py"), *ROOT.glob("stages/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("torch.load", "np.load"):
                given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                assert given.get("allow_pickle") is None, path
                assert ast.unparse(node.func) == "np.load" or given["weights_only"] == "True", path


def test_a_dangerous_call_would_be_found(tmp_path: Path):
    (tmp_path / "bad.py").write_text(
        "import os, pickle, subprocess, yaml\n"
        "pickle.load(open('a'))\nyaml.load('a')\nos.system('a b' + x)\n"
        "subprocess.run('a' + x, shell=True)\neval(x)\n"
    )
    found = command(
        *("ruff", "check", "--isolated", "--select", DANGEROUS, "--output-format", "concise", "bad.py"),
        folder=tmp_path,
        check=False,
    ).stdout
    for rule in ("S301", "S307", "S506", "S602", "S605"):
        assert rule in found, rule


@pytest.mark.parametrize("module", ["stages.download", "stages.train"])
def test_no_stage_asks_the_network_where_the_data_are_simulated(tmp_path: Path, module: str):
    """The train stage gets as far as its data: all that is imported has been by then, albumentations and timm too."""
    for name in ("galaxy", "stages"):
        (tmp_path / name).symlink_to(ROOT / name)
    content = yaml.safe_load(DEFAULTS.read_text())
    content["download"]["simulated"] |= {"training_galaxies": 20, "test_galaxies": 1}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    words = [module, *(["cnn"] if module == "stages.train" else [])]
    result = command(sys.executable, "-c", OFFLINE, *words, folder=tmp_path, check=False)
    assert "AssertionError" not in result.stderr
    if module == "stages.train":
        assert result.stderr == (
            "error: data/preprocessed/training.npy: no such file; run the stages before this one (dvc repro)\n"
        )
    else:
        assert result.returncode == 0


def test_dvc_calls_nobody():
    config = configparser.ConfigParser()
    config.read(ROOT / ".dvc/config")
    assert config["core"]["analytics"] == "false"
    assert config["core"]["check_update"] == "false"


@pytest.mark.parametrize("source", ["simulated", "local"])
def test_only_galleries_of_simulated_galaxies_are_drawn_where_git_looks(source: str, raw: Path, tmp_path: Path):
    for name in ("galaxy", "stages", "params.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    download.download(download_options(source, raw), tmp_path / "data/raw")
    in_process(explore.main, folder=tmp_path)
    for name in GALLERIES:
        gallery, tracked = tmp_path / "data/explore" / name, tmp_path / "metrics/explore" / name
        assert len(cv2.imread(str(gallery))) > 900
        if source == "simulated":
            assert tracked.read_bytes() == gallery.read_bytes()
        else:
            assert len(cv2.imread(str(tracked))) < 100  # a line of text


def test_an_experiment_with_real_galaxies_puts_no_gallery_into_git(raw: Path, tmp_path: Path):
    copy_project(tmp_path)
    set_params(tmp_path, download__local__folder=str(raw))
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org")
    for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "before")):
        command(*git, *words, folder=tmp_path)
    command("dvc", "exp", "run", "--set-param", "download.source=local", "explore", folder=tmp_path)
    refs = command("git", "for-each-ref", "--format=%(refname)", "refs/exps/*/*/*", folder=tmp_path).stdout.split()
    listed = "".join(command("git", "ls-tree", "-r", ref, folder=tmp_path).stdout for ref in refs)
    assert "metrics/explore/likeliest_raw.png" in listed
    assert "data/explore" not in listed
    for name in GALLERIES:
        blob = command("git", "hash-object", f"data/explore/{name}", folder=tmp_path).stdout.strip()
        assert command("git", "cat-file", "-e", blob, folder=tmp_path, check=False).returncode != 0
