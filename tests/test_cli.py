"""The command `galaxy` itself: its help, its version, completion in shells, and output that nobody reads to its end."""

import shutil
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, command

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_without_a_command_it_prints_its_help(tmp_path: Path):
    assert command("galaxy", folder=tmp_path).stdout == command("galaxy", "--help", folder=tmp_path).stdout
    wrong = command("galaxy", "predikt", folder=tmp_path, check=False)
    assert wrong.returncode == 2
    assert "invalid choice: 'predikt'" in wrong.stderr


def test_its_version_is_the_packages_and_the_citations(tmp_path: Path):
    assert command("galaxy", "--version", folder=tmp_path).stdout == f"galaxy {PROJECT['version']}\n"
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("galaxy comp", "compare"),
        ("galaxy compare --br", "--brief"),
        ("galaxy predict --st", "--strict"),
        ("galaxy predict gala", "galaxies.zip"),
        ("galaxy predict --model mod", "models"),
        ("galaxy --print-completion z", "zsh"),
    ],
)
def test_bash_completes_commands_options_and_files(tmp_path: Path, words: str, completed: str):
    (tmp_path / "galaxies.zip").touch()
    (tmp_path / "models").mkdir()
    script = (
        'eval "$(galaxy --print-completion bash)"; '
        f'COMP_WORDS=({words}); COMP_CWORD={len(words.split()) - 1}; _shtab_galaxy; echo "${{COMPREPLY[@]}}"'
    )
    assert command("bash", "-c", script, folder=tmp_path).stdout.split() == [completed]


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_the_other_shells_take_their_scripts(tmp_path: Path, shell: str):
    script = command("galaxy", "--print-completion", shell, folder=tmp_path).stdout
    assert "predict" in script
    if shutil.which(shell):
        (tmp_path / "script").write_text(script)
        command(shell, "-n", "script", folder=tmp_path)


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path):
    code = "from galaxy.core import errors; errors.run(lambda: print('x\\n' * 100_000))"
    stopped = command("bash", "-c", f'set -o pipefail; python -c "{code}" | head -1', folder=tmp_path, check=False)
    assert (stopped.returncode, stopped.stdout, stopped.stderr) == (141, "x\n", "")
