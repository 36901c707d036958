"""What a training starts from: a network by timm's name, its arguments, and its weights.

Params name the network by timm's registry, or by where its description lies: `hf-hub:<owner>/<name>[@<revision>]` or
`local-dir:<folder>`. Both hold what timm's `save_for_hf` writes: `config.json` with the architecture, its arguments and
the pixel statistics, and the weights. All that is needed to use the trained model goes into its own card, so that
nobody needs the repository or the folder again.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import galaxy.models.network  # noqa: F401 (it registers our networks with timm)
from galaxy.core import files, outside
from galaxy.core.errors import GalaxyError, describe
from galaxy.core.params import HUB, LOCAL_DIR, Training
from galaxy.core.runtime import say
from galaxy.models import hub, initial_weights
from galaxy.models.initial_weights import Weights
from galaxy.models.network import image_size

CONFIG = "config.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin", "pytorch_model.pth", "model.pth")
"""Names of weights in a repository or folder; the first that is there counts. Pickles are read for tensors only."""

CHANNELS = 3

OURS = ("num_classes", "in_chans")
"""Arguments of timm's that are not taken from a config, because the images and the outputs decide them."""

REFUSED = ("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir", "features_only")
"""Arguments that would make timm read other files or build something else than a network."""


@dataclass(frozen=True)
class Start:
    """A network by timm's name, the arguments of `timm.create_model`, and weights.

    If `weights` is None, they are random, or timm's published ones if the params ask for those.
    """

    model: str
    model_args: dict[str, Any]
    weights: Weights | None


def read(options: Training, size: int) -> Start:
    """Read what the params name as a start for a network that takes images of `size`×`size` pixels.

    Raises:
        GalaxyError: the weights, the repository or the folder cannot be used; see `initial_weights.read` and `find`.
    """
    if not options.model.startswith((HUB, LOCAL_DIR)):
        weights = initial_weights.read(options.weights, options.model)
        return Start(options.model, options.model_args, weights)
    found = find(options.model)
    arguments = found.arguments(size) | options.model_args
    if options.pretrained:
        return Start(found.architecture, arguments, found.weights(arguments, size))
    weights = initial_weights.read(options.weights, found.architecture)
    without = "; its own weights are not used (pretrained: true uses them)"
    say(f"{found.name}: the architecture {found.architecture}{without}")
    return Start(found.architecture, arguments, weights)


class _Config(BaseModel):
    """What `config.json` says, as far as it matters here."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())

    architecture: str
    num_classes: int | None = Field(None, ge=0)
    model_args: dict[str, Any] = {}
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    input_size: tuple[int, ...] | None = None
    label_offset: int | None = None
    license: str | None = None


@dataclass(frozen=True)
class Named:
    """A repository or folder with a network.

    Args:
        name: as the params have it.
        folder: where its files lie on this machine; of a repository at one commit.
        repository: None for a folder.
    """

    name: str
    folder: Path
    repository: hub.Repository | None
    config: _Config

    @property
    def architecture(self) -> str:
        """The network's name in timm's registry."""
        return self.config.architecture

    def arguments(self, size: int) -> dict[str, Any]:
        """Return the arguments of `timm.create_model` that the config names, for images of `size`×`size` pixels."""
        arguments = {name: value for name, value in self.config.model_args.items() if name not in OURS}
        if "img_size" in arguments:
            arguments["img_size"] = size
        return arguments

    def weights(self, arguments: dict[str, Any], size: int) -> Weights:
        """Read its weights; a network without a last layer (an encoder) is as good as one with.

        Raises:
            GalaxyError: there are none, they are damaged, or they do not fit the architecture.
        """
        path = self._file(WEIGHTS)
        if path is None:
            raise GalaxyError(f"{self.name}: no weights; one of these files is needed: {', '.join(WEIGHTS)}")
        what = f"{self.name}, {path.name}"
        tensors = self._as_timm_names_them(initial_weights.read_tensors(path, what), arguments, size, what)
        origin = {
            "path": self.name,
            "file": path.name,
            "revision": None if self.repository is None else self.folder.name,
            "sha256": files.sha256(path),
            "licence": self.config.license,
        }
        return Weights(tensors, self._statistics("mean"), self._statistics("std"), origin)

    def _file(self, names: tuple[str, ...]) -> Path | None:
        if self.repository is not None:
            return hub.Repository(self.repository.id, self.folder.name).fetch(names)
        return next((self.folder / name for name in names if (self.folder / name).is_file()), None)

    def _as_timm_names_them(
        self, tensors: dict[str, torch.Tensor], arguments: dict[str, Any], size: int, what: str
    ) -> dict[str, torch.Tensor]:
        """Let timm load the weights: it renames and resizes what other versions and image sizes have otherwise."""
        published = timm.get_pretrained_cfg(self.architecture)
        classes = 1000 if self.config.num_classes is None else self.config.num_classes
        last = getattr(published, "classifier", None)
        names = (last,) if isinstance(last, str) else tuple(last or ())
        headless = not any(name.startswith(tuple(f"{layer}." for layer in names)) for name in tensors)
        problem = ""
        for number in dict.fromkeys([classes, 0] if headless else [classes]):
            stated: dict[str, Any] = {"num_classes": number, "label_offset": self.config.label_offset or 0}
            if channels := self.config.model_args.get("in_chans") or (self.config.input_size or (None,))[0]:
                stated["input_size"] = (channels, size, size)  # timm fits the first layer to three channels
            source: dict[str, Any] = {"state_dict": dict(tensors), "custom_load": False}
            try:
                network = timm.create_model(
                    self.architecture,
                    pretrained=True,
                    pretrained_cfg_overlay=stated | source,
                    num_classes=number,
                    in_chans=CHANNELS,
                    **image_size(self.architecture, size) | arguments,
                )
            except Exception as error:  # timm's parts raise errors of any type
                problem = problem or describe(error)
            else:
                return network.state_dict()
        raise GalaxyError(f"{what} does not fit {self.architecture} with {arguments}: {problem}")

    def _statistics(self, name: str) -> tuple[float, ...]:
        """Return the mean or the deviation of pixels that the weights expect, per channel, 0–255."""
        values = getattr(self.config, name) or getattr(timm.get_pretrained_cfg(self.architecture), name)
        if len(values) not in (1, CHANNELS):
            raise GalaxyError(f"{self.name}: {CONFIG} has {name} of {len(values)} channels, not of {CHANNELS}")
        return tuple((np.array(values * (CHANNELS // len(values))) * 255).tolist())


def find(name: str) -> Named:
    """Return the repository or folder that `name` means, and what its config says; fetch the config only.

    Raises:
        GalaxyError: it is absent or cannot be reached, or its config names no network of this version of timm.
    """
    repository = None
    if name.startswith(HUB):
        repository = hub.Repository.parse(name.removeprefix(HUB))
        path = repository.fetch([CONFIG])
        if path is None:
            raise GalaxyError(f"{name}: no {CONFIG}, so it is no network of timm's; name another repository")
    else:
        path = outside.locate(name.removeprefix(LOCAL_DIR)) / CONFIG
        if not path.is_file():
            reason = f"no {CONFIG} in it" if path.parent.is_dir() else "no such folder"
            raise GalaxyError(f"{name}: {reason}; name a folder that timm's save_for_hf wrote")
    return Named(name, path.parent, repository, _read_config(name, path))


def _read_config(name: str, path: Path) -> _Config:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        statistics = content.get("pretrained_cfg", {})  # older files have all on one level
        config = _Config.model_validate(statistics | {key: content[key] for key in content if content[key] is not None})
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors()[0]["loc"])
        problem = f"{CONFIG} has no usable {key!r} ({describe(Exception(error.errors()[0]['msg']))})"
        raise GalaxyError(f"{name}: {problem}; it must be as timm's save_for_hf writes it") from None
    except (ValueError, AttributeError, TypeError) as error:
        raise GalaxyError(f"{name}: {CONFIG} is damaged: {describe(error)}") from None
    if not timm.is_model(config.architecture):
        reason = f"its architecture {config.architecture!r} is unknown to timm {timm.__version__}"
        raise GalaxyError(f"{name}: {reason}; install a version that has it, or name another network")
    if refused := [argument for argument in REFUSED if argument in config.model_args]:
        raise GalaxyError(f"{name}: {CONFIG} has model_args with {refused[0]}, which is not for a network; remove it")
    return config.model_copy(update={"architecture": config.architecture.partition(".")[0]})
