"""`params.yaml`: every setting of the pipeline, typed and validated.

There are no hidden defaults: a params file holds every key, and `dvc.yaml` lists the keys that each stage reads. An
unknown key, a missing one, a wrong type or a value out of range stops a run at once with the key's name, what it
holds and what it may hold. Sections named `train_<model>` are the models; any number of them may stand in the file.
"""

import re
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML, YAMLError

from galaxy.core.errors import GalaxyError
from galaxy.core.errors import describe
from galaxy.data.field_of_view import FieldOfView

PARAMS_FILE = Path("params.yaml")
TRAIN_PREFIX = "train_"

OWN_STAGE = ("cnn", "resnet")
"""The models with a stage of their own in `dvc.yaml`; the stage `train` trains all others, one after another."""

FURTHER = "further"
"""The folder, under those of models and of metrics, with what is made of the other models."""


def out(root: Path, name: str, ending: str = "") -> Path:
    """The path under `root` of what is made of the model `name`: `train_<name>` and an ending."""
    return (root if name in OWN_STAGE else root / FURTHER) / f"{TRAIN_PREFIX}{name}{ending}"


BEST, MEAN, WEIGHTED = "best", "mean", "weighted"
"""What is chosen or made of the models: the best on valid, their mean, their sum with weights fitted on valid."""

Fraction = Annotated[float, Field(gt=0, lt=1)]
Schema = TypeVar("Schema", bound=BaseModel)


class Section(BaseModel):
    """A mapping in the file: keys as declared and no others, types as declared and no conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Simulated(Section):
    training_galaxies: int = Field(ge=20, le=1_000_000, description="Labelled galaxies to simulate.")
    test_galaxies: int = Field(ge=1, le=1_000_000, description="Unlabelled galaxies to simulate.")
    seed: int = Field(ge=0, description="Seed of galaxies and volunteers.")
    volunteers: int = Field(ge=16, le=1000, description="Median number of volunteers a galaxy.")
    seeing: float = Field(gt=0, le=10, description="Full width at half maximum of the point spread, in arcseconds.")
    noise: float = Field(ge=0, le=20, description="Factor on the sky noise; 1 is the Sloan survey's.")


class Local(Section):
    folder: str = Field(description="Folder with the competition's zips, or their unpacked folders.")


class Download(Section):
    source: Literal["simulated", "local", "kaggle"] = Field(description="Where the competition's files come from.")
    simulated: Simulated
    local: Local


class Preprocess(Section):
    crop: int = Field(ge=8, le=424, description="Side of the central square that is kept, in pixels of the original.")
    size: int = Field(ge=8, le=424, description="Side of the square that it is resized to, in pixels.")

    @property
    def window(self) -> FieldOfView:
        """What the packed images show."""
        return FieldOfView(self.crop, self.size)


class Split(Section):
    test: float = Field(
        ge=0, lt=1, description="Share of the labelled galaxies that is only reported on; 0: scores are on valid."
    )
    valid: Fraction = Field(description="Share of the labelled galaxies that chooses the epoch.")
    seed: int = Field(ge=0, description="Seed of the permutation.")

    @model_validator(mode="after")
    def _some_left_to_train(self) -> "Split":
        if self.test + self.valid >= 1:
            raise ValueError(f"test + valid is {self.test + self.valid:g}; it must be below 1")
        return self


class Augmentation(Section):
    flip: bool = Field(description="Mirror half of the views, left to right and top to bottom.")
    rotation: float = Field(ge=0, le=180, description="Rotate by up to this many degrees either way; 180 is any angle.")
    zoom: float = Field(ge=1, le=4, description="Zoom by a factor from 1/zoom to zoom, uniform in its logarithm.")
    crop: list[Annotated[int, Field(ge=8)]] | None = Field(
        min_length=2,
        max_length=2,
        description="Show a square of that many pixels of the original, from least to most, for a zoom; null: zoom.",
    )
    shift: float = Field(ge=0, le=0.5, description="Shift by up to this share of the side, in both directions.")
    brightness: float = Field(ge=0, le=1, description="Change brightness by up to this share of the full range.")
    contrast: float = Field(ge=0, le=1, description="Change contrast by up to this share.")
    colour: float = Field(
        ge=0,
        le=1,
        description="Shift colours along the first principal axis of the training pixels: standard deviation of the "
        "shift, in theirs.",
    )

    @model_validator(mode="after")
    def _one_scale(self) -> Self:
        if self.crop is not None and self.crop[0] > self.crop[1]:
            raise ValueError(f"crop is {self.crop}; its first number must not be above its second")
        if self.crop is not None and self.zoom > 1:
            raise ValueError("crop and zoom both say how large a galaxy is shown; set crop to null or zoom to 1")
        return self


class RandomCrop(Section):
    """Augmentation for classes of things that have an up and a down, unlike galaxies."""

    flip: bool = Field(description="Mirror half of the views, left to right.")
    scale: list[Annotated[float, Field(gt=0, le=1)]] | None = Field(
        min_length=2, max_length=2, description="Least and largest share of the area to resize; null: crop, no resize."
    )
    pad: int = Field(
        ge=0, le=64, description="Mirror so many pixels onto each side, and cut the view out of that (scale null)."
    )
    ratio: list[Annotated[float, Field(gt=0.1, lt=10)]] = Field(
        min_length=2, max_length=2, description="Least and largest ratio of width to height of what is resized."
    )
    brightness: float = Field(ge=0, le=1, description="Change brightness by up to this share of the full range.")
    contrast: float = Field(ge=0, le=1, description="Change contrast by up to this share.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.pad and self.scale is not None:
            raise ValueError("pad is for views that are not resized; set scale to null or pad to 0")
        for name, pair in (("scale", self.scale), ("ratio", self.ratio)):
            if pair is not None and pair[0] > pair[1]:
                raise ValueError(f"{name} is {pair}; its first number must not be above its second")
        return self


class Training(Section):
    """What every training needs, whatever it is trained for."""

    model: str = Field(min_length=1, description="Name in timm's registry, ours (course_cnn) among them.")
    model_args: dict[str, Any] = Field(description="Further arguments of timm.create_model.")
    pretrained: bool = Field(description="Start from timm's published weights (fetched from its hub).")
    weights: str | None = Field(
        min_length=1,
        description="Start from the weights there: a model's folder, a .safetensors or .pth file, or "
        "package:efficientnet_lite0, 1 or 2 (ImageNet's; extra `weights`).",
    )
    freeze_epochs: int = Field(ge=0, description="First epochs in which only the last layer learns.")
    optimizer: str = Field(min_length=1, description="Name of one of timm's optimizers.")
    optimizer_args: dict[str, Any] = Field(description="Further arguments of timm's optimizer factory: momentum, say.")
    learning_rate: float = Field(gt=0, le=100, description="Learning rate (its peak, where there is a schedule).")
    weight_decay: float = Field(ge=0, le=10, description="Weight decay; norms and biases are left out.")
    schedule: Literal["constant", "cosine", "one_cycle", "steps"] = Field(
        description="How the learning rate runs; steps: a tenth of it from 60 %, a hundredth from 85 % of training on."
    )
    warmup_epochs: float = Field(ge=0, description="Linear warm-up (not of one_cycle), in epochs.")
    layer_decay: float | None = Field(
        gt=0, le=1, description="Each layer's learning rate is this share of the next one's; null: all have the same."
    )
    epochs: int = Field(ge=1, le=100_000, description="Epochs at most; the best on valid is kept.")
    early_stopping: int | None = Field(ge=1, description="Stop after so many epochs without a better one; null: never.")
    batch_size: int = Field(ge=2, description="Images a step, of all processes together.")
    gradient_clip: float | None = Field(gt=0, description="Largest gradient; null: any.")
    gradient_clip_by: Literal["norm", "value"] = Field(description="Largest norm of it all, or largest single value.")
    ema_decay: float | None = Field(gt=0, lt=1, description="Decay a step of averaged weights; null: no averaging.")
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field(description="Arithmetic, by Lightning's names.")
    channels_last: bool = Field(description="Order of the network's arrays in memory: faster or slower, by network.")
    workers: int = Field(ge=0, le=256, description="Processes that load and augment; 0: the training process.")
    devices: int = Field(ge=1, le=1024, description="GPUs of a machine to use; without GPUs, processes.")
    num_nodes: int = Field(ge=1, le=1024, description="Machines; see docs/many_gpus.md.")
    strategy: Literal["auto", "ddp", "ddp_find_unused_parameters_true"] = Field(
        description="How several processes work together, by Lightning's names; auto: ddp where there are several."
    )
    seed: int = Field(ge=0, description="Seed of weights, order and augmentation.")
    tensorboard: bool = Field(description="Write event files for TensorBoard under runs/ (extra `tensorboard`).")
    deterministic: bool = Field(
        description="Slower, but the same seed gives the same bits on a GPU too, as it always does on a CPU."
    )

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        if self.pretrained and self.weights is not None:
            raise ValueError("pretrained and weights both say what to start from; set one of them to false or null")
        return self

    @model_validator(mode="after")
    def _clipped_or_fused(self) -> Self:
        if self.gradient_clip is not None and self.precision != "32-true" and self.optimizer_args.get("fused"):
            raise ValueError(
                f"optimizer_args has fused: true, gradient_clip is {self.gradient_clip:g} and precision "
                f"{self.precision}, but Lightning doesn't clip the gradients of a fused optimizer in mixed precision; "
                "take fused out, or set gradient_clip to null or precision to 32-true"
            )
        return self

    @property
    def processes(self) -> int:
        """Processes that train together."""
        return self.devices * self.num_nodes

    @model_validator(mode="after")
    def _equal_shares(self) -> Self:
        if self.batch_size % self.processes:
            raise ValueError(
                f"batch_size is {self.batch_size}, but devices × num_nodes is {self.processes}; "
                "take a multiple, so that each process gets the same share of a batch"
            )
        return self


class Train(Training):
    """The training of a model of vote fractions."""

    head: Literal["sigmoid", "decision_tree"] = Field(
        description="sigmoid: each column by itself. decision_tree: softmax in each question, times its parent."
    )
    output_bias: bool = Field(description="Start from biases of the last layer that predict train's column means.")
    crop: int | None = Field(
        ge=8, description="Side of the central square that the network sees, in pixels of the original; null: all."
    )
    size: int | None = Field(ge=8, description="Side that it sees that in, in pixels; null: as packed.")
    loss: Literal["mse", "bce"] = Field(description="Mean squared error, or binary cross-entropy, of the fractions.")
    augmentation: Augmentation


class Views(Section):
    rotations: int = Field(ge=1, le=360, description="Turns, equally far from each other; 4: quarter turns.")
    flip: bool = Field(description="Each turn as it is and mirrored.")
    zooms: list[Annotated[float, Field(gt=0.2, lt=5)]] = Field(
        min_length=1, description="Each of those at these zooms; 1 is the image as it is."
    )


class Evaluate(Section):
    batch_size: int = Field(ge=1, description="Galaxies predicted at a time.")
    views: Views


class MakeSubmission(Section):
    model: str = Field(
        description="mean: of all models; weighted: by weights fitted on valid; best: on valid; or a model's name."
    )
    batch_size: int = Field(ge=1, description="Galaxies predicted at a time.")
    views: Views


Section_ = TypeVar("Section_", bound=Training)


class ModelSections(BaseModel, Generic[Section_]):
    """A whole file: sections as declared, and any number of `train_<model>` sections (`Section_`) beside them.

    `models` has those by `<model>`, in the file's order.
    """

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    __pydantic_extra__: dict[str, Section_] = Field(init=False)

    @model_validator(mode="before")
    @classmethod
    def _known_sections(cls, content: Any) -> Any:
        if isinstance(content, dict):
            for key in content:
                if key not in cls.model_fields and not re.fullmatch(TRAIN_PREFIX + "[a-z0-9_]+", str(key)):
                    sections = ", ".join(cls.model_fields)
                    raise ValueError(f"unknown section {key!r}; there are {sections} and {TRAIN_PREFIX}<model>")
        return content

    @model_validator(mode="after")
    def _some_model(self) -> Self:
        if not self.models:
            raise ValueError(f"no {TRAIN_PREFIX}<model> section; at least one model is needed")
        return self

    @property
    def models(self) -> dict[str, Section_]:
        return {name.removeprefix(TRAIN_PREFIX): train for name, train in self.__pydantic_extra__.items()}


class Params(ModelSections[Train]):
    """The pipeline's file."""

    download: Download
    preprocess: Preprocess
    split: Split
    further_models: list[str] = Field(
        description="The models, besides cnn and resnet, that are trained, scored and averaged; each has a section."
    )
    evaluate: Evaluate
    make_submission: MakeSubmission

    @model_validator(mode="after")
    def _consistent(self) -> "Params":
        if self.preprocess.size > self.preprocess.crop:
            raise ValueError(
                f"preprocess.size ({self.preprocess.size}) is above preprocess.crop ({self.preprocess.crop}): "
                "enlarging adds no detail; lower size or raise crop"
            )
        expected = {*OWN_STAGE, *self.further_models}
        taken = (*OWN_STAGE, BEST, MEAN, WEIGHTED)
        if len(set(self.further_models) - {*taken}) != len(self.further_models):
            raise ValueError(f"further_models is {self.further_models}; each once, and none of {', '.join(taken)}")
        if missing := sorted(expected - set(self.models)):
            raise ValueError(
                f"no section {TRAIN_PREFIX}{missing[0]}; write it, or take {missing[0]} off further_models"
            )
        if untrained := sorted(set(self.models) - expected):
            raise ValueError(f"no stage trains {TRAIN_PREFIX}{untrained[0]}; add {untrained[0]} to further_models")
        for name, model in self.models.items():
            widest = max(model.crop or 0, *(model.augmentation.crop or [0]))
            if widest > self.preprocess.crop:
                raise ValueError(
                    f"{TRAIN_PREFIX}{name} shows {widest} pixels of the original, but preprocess.crop keeps "
                    f"{self.preprocess.crop}; raise that or lower crop"
                )
        choices = [BEST, MEAN, WEIGHTED, *self.models]
        if self.make_submission.model not in choices:
            raise ValueError(f"make_submission.model is {self.make_submission.model!r}; it may be {', '.join(choices)}")
        return self


def load(path: Path = PARAMS_FILE) -> Params:
    """Read and validate the pipeline's params file; see `read`."""
    return read(path, Params)


def read(path: Path, schema: type[Schema]) -> Schema:
    """Read a params file and validate it against a schema.

    Raises:
        GalaxyError: naming each key that is unknown, missing, of a wrong type or out of range.
    """
    try:
        content = _yaml(path.read_text())
    except FileNotFoundError:
        raise GalaxyError(f"{path}: no such file; run from the project's root") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise GalaxyError(f"{path} is not valid YAML: {describe(error)}") from None
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        lines = [_describe(detail) for detail in error.errors()]
        raise GalaxyError(f"{path}: " + f"\nerror: {path}: ".join(lines)) from None


def defaults() -> dict[str, Any]:
    """All leaves of the params as they come with the project, by dotted key."""
    return leaves(_yaml((files("galaxy") / "default_params.yaml").read_text()))


def _yaml(text: str) -> Any:
    """What a YAML file says, read as DVC reads it: two equal keys are an error, and `1e-3` is a number."""
    return YAML(typ="safe", pure=True).load(text)


def leaves(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The leaves of nested sections by dotted key: `{"split.test": 0.2, …}`."""
    found: dict[str, Any] = {}
    for key, value in content.items():
        found |= leaves(value, f"{prefix}{key}.") if isinstance(value, dict) and value else {f"{prefix}{key}": value}
    return found


def _describe(detail: Any) -> str:
    """One validation problem as `key: what it holds, what it may hold`."""
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"unknown key {key}; remove it or correct its spelling"
    if detail["type"] == "missing":
        return f"{key} is missing"
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "value_error":
        return f"{key}: {message}" if key else message
    return f"{key} is {detail['input']!r}: {message[0].lower() + message[1:]}"
