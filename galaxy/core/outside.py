"""What a pipeline reads from outside of itself: files of yours, which DVC does not watch.

The stage `outside` runs each time and notes their state; the stages that read them depend on its notes.
"""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from galaxy.core import files
from galaxy.core.errors import GalaxyError
from galaxy.core.params import LOCAL_DIR, Params, Training
from galaxy.core.paths import PATHS, START
from galaxy.core.stage import stages

PACKAGE_PREFIX = "package:"
"""Of weights that a Python package holds."""


def locate(path: str | Path) -> Path:
    """Return where a file or folder outside of the pipeline is; a relative path starts from the pipeline's folder.

    DVC runs `exp run --temp` and `--queue` in a copy of the project, without files of yours. There, relative paths
    start from the original folder.
    """
    here = Path.cwd()
    for folder in here.parents:
        if folder.parts[-3:] == (".dvc", "tmp", "exps"):
            return folder.parents[2] / path
    return Path(path)


def note_pipeline(options: Params, folder: Path) -> None:
    """Note what a pipeline and its start read, see `note`."""
    for part, trainings in (("", options), (START, options.start)):
        if trainings is not None:
            models = trainings.models
            folds: list[int] | list[None] = options.train_folds or [None]
            weights = {name: model.weights for name, model in models.items()}
            teachers = {
                name: sorted({model.teacher.of_fold(fold) for fold in folds})
                for name, model in models.items()
                if model.teacher is not None
            }
            source, local = trainings.download.source, [trainings.download.local.folder]
            note(folder / part, source, local, weights, teachers, networks(models))


def networks(models: Mapping[str, Training]) -> dict[str, str]:
    """Return the folders with networks that models name, by model.

    What `hf-hub:` names is not watched: that would take the network each time. `@<commit>` pins it.
    """
    named = {name: model.model for name, model in models.items()}
    return {name: text.removeprefix(LOCAL_DIR) for name, text in named.items() if text.startswith(LOCAL_DIR)}


def is_noted(options: Params) -> bool:
    """Return whether what a pipeline reads is as when the stage `outside` ran last."""
    with tempfile.TemporaryDirectory() as name:
        now = Path(name)
        note_pipeline(options, now)
        names = [file.relative_to(now) for file in _files(now)]
        return all(
            (PATHS.outside / file).is_file() and (PATHS.outside / file).read_bytes() == (now / file).read_bytes()
            for file in names
        )


def note(
    folder: Path,
    source: str,
    local: Sequence[str],
    weights: dict[str, str | None],
    teachers: Mapping[str, Sequence[str]] = MappingProxyType({}),
    folders: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write the state of what a pipeline reads into `folder`: `source.json`, and `weights_<model>.json` for each model.

    Args:
        source, local: the kind of source that its params name, and its files or folders if that is `local`.
        weights: the param `weights` by model.
        teachers: the files of predictions by model that learns from another's.
        folders: see `networks`.

    Raises:
        GalaxyError: a file is a result of the pipeline itself that the stage does not depend on.
    """
    state = [entry for path in local for entry in _state(path)] if source == "local" else []
    files.write_json(folder / "source.json", {"source": source, "files": state})
    for model, path in weights.items():
        taught = {name: _digest(f"teacher.predictions of {model}", name) for name in teachers.get(model, ())}
        noted: dict[str, Any] = {"weights": path, "sha256": _digest(f"weights of {model}", path)}
        if taught:
            noted["teacher"] = taught
        if named := folders.get(model):
            noted["model"] = {named: _digest(f"model of {model}", named)}
        files.write_json(folder / f"weights_{model}.json", noted)


def _state(path: str) -> list[list[Any]]:
    """Return name, size and time of a file, or of each in a folder: 2 GB are not read each time."""
    root = locate(path)
    return [[file.relative_to(root).as_posix(), file.stat().st_size, file.stat().st_mtime_ns] for file in _files(root)]


def _digest(what: str, path: str | None) -> str | None:
    """Return the SHA-256 of a file or folder; None for what cannot change, or is watched by DVC already."""
    if path is None or path.startswith(PACKAGE_PREFIX):
        return None
    if any(Path(path).is_relative_to(dep) for stage in stages().values() for dep in stage["deps"]):
        return None
    made = (START, str(PATHS.models), str(PATHS.predictions), str(PATHS.submission.parent))
    if any(Path(path).is_relative_to(folder) for folder in made):
        raise GalaxyError(
            f"{what}: {path} is a result of this pipeline, which DVC may remove and make again; copy it "
            f"(cp -rL {path} data/{Path(path).name}) and name the copy, or add it to the stage's deps"
        )
    return hashlib.sha256(b"".join(files.sha256(file).encode() for file in _files(locate(path)))).hexdigest()


def _files(root: Path) -> list[Path]:
    """Return a file, or all in a folder but hidden ones, sorted, links followed; none if it is absent."""
    return [root] if root.is_file() else list(files.below(root)) if root.is_dir() else []
