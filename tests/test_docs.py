"""The pages under docs/ say what the code does."""

import re
import shlex
from pathlib import Path

import pytest
import torch
from conftest import ROOT

from galaxy import cli, models, tree, tree_page

PAGES = sorted((ROOT / "docs").glob("*.md"))
SOURCE = "".join(path.read_text() for path in sorted(ROOT.glob("galaxy/**/*.py")))


def blocks(page: Path, language: str = "") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


COMMANDS = sorted(
    {
        command
        for page in [*PAGES, ROOT / "README.md"]
        for command in [
            *(line for block in blocks(page) for line in block.splitlines()),
            *re.findall(r"`(galaxy [^`]+)`", page.read_text()),
        ]
        if re.match(r"galaxy \w+ \S", command)
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one_that_the_program_takes(command: str):
    words = shlex.split(command)[1:]
    if words[-1] == "--model":  # named in passing
        words.append("FOLDER")
    if words[0] == "predict" and words[1].startswith("--"):
        words.insert(1, "IMAGE")
    cli.parser().parse_args(words)


def test_the_tree_is_the_codes():
    assert tree_page.markdown() in (ROOT / "docs/tree.md").read_text()
    assert all(f"`{column}`" in tree_page.markdown() for column in tree.COLUMNS)


def test_every_error_that_is_explained_is_one_that_the_code_raises():
    cells = re.findall(r"^\| (`.*?) \|", (ROOT / "docs/troubleshooting.md").read_text(), re.MULTILINE)
    assert len(cells) > 15
    for cell in cells:
        for fragment in re.findall(r"`([^`]+)`", cell):
            assert fragment in SOURCE.replace('"\n            f"', "").replace('"\n            "', ""), fragment


def test_the_example_backbone_is_a_model_that_the_params_can_name(model: Path):
    (code,) = [block for block in blocks(ROOT / "docs/extending.md", "python") if "register_model" in block]
    exec(compile(code, "extending.md", "exec"), {"__name__": "galaxy.networks"})  # noqa: S102
    network = models.build(models.load(model)[0].spec.model_copy(update={"model": "tiny_net"}))
    assert network.eval()(torch.zeros((2, 64, 64, 3), dtype=torch.uint8)).shape == (2, 37)


def test_every_link_leads_somewhere():
    for page in PAGES:
        for link in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text()):
            assert (page.parent / link).is_file(), (page.name, link)
