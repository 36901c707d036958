"""The params of a classification task, `classification/<task>/params.yaml`: typed and validated like the pipeline's."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from galaxy.core import params
from galaxy.core.errors import GalaxyError
from galaxy.core.params import ModelSections
from galaxy.core.params import RandomCrop
from galaxy.core.params import Section
from galaxy.core.params import Training


class Data(Section):
    source: Literal["official", "local", "builtin"] = Field(
        description="The data set's own download, files as found, or a tiny sample that is made here."
    )
    local: str = Field(min_length=1, description="File or folder of source local.")
    size: int = Field(
        ge=8, le=1024, description="Side of the packed images: others are resized, and their longer side cropped."
    )


class Split(Section):
    """Sizes of the sets; a data set with fewer images is split in the same proportion."""

    train: int = Field(ge=1, description="Images to train on.")
    valid: int = Field(ge=1, description="Images that choose the epoch.")
    test: int = Field(ge=0, description="Images that are only reported on; 0: the data set brings its own.")
    seed: int = Field(ge=0, description="Seed of the permutation.")


class HeldOut(Split):
    """Classes of a data set of their own, for transfer."""

    classes: int = Field(ge=2, description="How many classes, the last ones, are held out.")


class Evaluate(Section):
    batch_size: int = Field(ge=1, description="Images predicted at a time.")
    mirrored: bool = Field(description="Predict the mean of each image and its mirror image, left to right.")


class Train(Training):
    """The training of a classifier."""

    input_size: int = Field(
        ge=8,
        description="Side that the network sees, in pixels. Scored: the central square of that side where "
        "augmentation.scale is null, else the whole image resized to it.",
    )
    label_smoothing: float = Field(ge=0, lt=1, description="Share of the target that goes to all classes alike.")
    balance: bool = Field(description="Draw training images of the smaller classes again until all are equal.")
    augmentation: RandomCrop


class TaskParams(ModelSections[Train]):
    """The whole file of a task."""

    data: Data
    split: Split
    compared: list[str] = Field(min_length=1, description="The models that are trained and compared.")
    evaluate: Evaluate

    @model_validator(mode="after")
    def _fits(self) -> Self:
        unknown = [name for name in self.compared if name not in self.models]
        if unknown:
            raise ValueError(f"compared names {', '.join(unknown)}; it may name {', '.join(self.models)}")
        for name, model in self.models.items():
            if model.input_size > self.data.size:
                raise ValueError(
                    f"train_{name}.input_size ({model.input_size}) is above data.size ({self.data.size}); lower it"
                )
        return self


class Galaxy10Params(TaskParams):
    held_out: HeldOut


SCHEMAS: dict[str, type[TaskParams]] = {
    "galaxy10": Galaxy10Params,
    "cifar10": TaskParams,
    "fashion_mnist": TaskParams,
    "sports": TaskParams,
}


def load(task: str) -> TaskParams:
    """Read and validate a task's params file.

    Raises:
        GalaxyError: no such task, or a mistake in the file, see `galaxy.params.read`.
    """
    if task not in SCHEMAS:
        raise GalaxyError(f"unknown task {task!r}; there are {', '.join(SCHEMAS)}")
    return params.read(Path("classification") / task / "params.yaml", SCHEMAS[task])
