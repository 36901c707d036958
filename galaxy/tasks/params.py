"""Read a classification task's `params.yaml`: every setting, typed and validated like the pipeline's."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from galaxy.core.params import ModelName, Training
from galaxy.core.params_file import PARAMS_FILE, Section, read
from galaxy.core.params_views import RandomCrop

LABELLED, HELD_OUT, UNLABELLED = "labelled", "held_out", "unlabelled"
"""The data sets that a task may have: with labels; with the labels of classes kept for transfer; without labels."""


class Data(Section):
    name: Literal["galaxy10", "cifar10", "fashion_mnist", "sports"] = Field(description="The data set.")
    source: Literal["official", "local", "builtin"] = Field(
        description="The data set's own download, your own files, or a tiny sample that is made here."
    )
    local: str = Field(min_length=1, description="File or folder of source local.")
    size: int = Field(ge=8, le=1024, description="Side of the packed images: the central square, resized.")
    simulated: int | None = Field(
        None, ge=20, le=1_000_000, description="Of Galaxy10's source builtin: galaxies to simulate."
    )

    @model_validator(mode="after")
    def _simulates_galaxies_only(self) -> Self:
        if (self.simulated is not None) != (self.name == "galaxy10"):
            raise ValueError("data.simulated belongs to the data set galaxy10, and to no other")
        return self


class Split(Section):
    """Sizes of the sets, each with its share of every class; fewer images are split in the same proportion."""

    train: int = Field(ge=1, description="Images to train on.")
    valid: int = Field(ge=1, description="Images that choose the epoch.")
    test: int = Field(ge=0, description="Images that only the final scores use; 0: the data set has its own.")
    seed: int = Field(ge=0, description="Seed of the permutation.")


class HeldOut(Split):
    """Classes held out as a data set of their own, for transfer."""

    classes: int = Field(ge=2, description="Number of classes to hold out: the last ones.")


class Evaluate(Section):
    batch_size: int = Field(ge=1, description="Images predicted at a time.")
    mirrored: bool = Field(description="Predict the mean of each image and its mirror image, left to right.")


class Train(Training):
    """Training of a classifier."""

    input_size: int = Field(
        ge=8,
        description="Side of the network's input, in pixels. For scores: the central square of that side if "
        "augmentation.scale is null, else the whole image resized.",
    )
    label_smoothing: float = Field(ge=0, lt=1, description="Share of the target that is spread over all classes.")
    balance: bool = Field(description="Repeat training images of the smaller classes until all are equal in size.")
    augmentation: RandomCrop


class TaskParams(Section):
    """The whole file of a task."""

    data: Data
    split: Split
    held_out: HeldOut | None = None
    compared: list[str] = Field(min_length=1, description="The models to train and compare.")
    transferred: list[str] | None = Field(
        None, min_length=1, description="The models to train and compare on the classes held out."
    )
    train: dict[ModelName, Train] = Field(description="Models by name, each with the keys below.")
    evaluate: Evaluate

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for key, names in (("compared", self.compared), ("transferred", self.transferred or [])):
            if unknown := [name for name in names if name not in self.train]:
                raise ValueError(f"{key} names {', '.join(unknown)}; it may name {', '.join(self.train)}")
        if (self.held_out is None) != (self.transferred is None):
            raise ValueError("held_out and transferred belong together; write both, or leave both out")
        size = self.data.size
        for name, model in self.train.items():
            if model.input_size > size:
                raise ValueError(f"train.{name}.input_size ({model.input_size}) is above data.size ({size}); lower it")
        return self

    @property
    def models(self) -> dict[str, list[str]]:
        """The models that are trained and compared, by data set."""
        held_out = {} if self.transferred is None else {HELD_OUT: self.transferred}
        return {LABELLED: self.compared, **held_out}


def load(path: Path = PARAMS_FILE) -> TaskParams:
    """Read and validate a task's params file; see `galaxy.core.params_file.read`."""
    return read(path, TaskParams)
