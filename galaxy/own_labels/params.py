"""`params.yaml` of a pipeline that trains on own labels: every setting, typed and validated."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from galaxy.core import outside
from galaxy.core.decision_tree import Block, one_question
from galaxy.core.errors import GalaxyError
from galaxy.core.params import Evaluate, ModelName, Simulated, Training
from galaxy.core.params import Preprocess as StartPreprocess
from galaxy.core.params import Split as StartSplit
from galaxy.core.params import Train as StartTrain
from galaxy.core.params_file import PARAMS_FILE, Section, read
from galaxy.core.params_views import Augmentation

Kind = Literal["class", "fraction", "number", "counts"]
Share = Annotated[float, Field(gt=0, lt=1)]
Column = Annotated[str, Field(min_length=1)]


class Data(Section):
    source: Literal["example", "local"] = Field(
        description="A list of simulated galaxies that is made here, or your own list of images."
    )
    local: str = Field(min_length=1, description="Your list, of source local: CSV, TSV or Parquet, a row per image.")
    images: str | None = Field(
        min_length=1, description="Folder or zip from which the paths in the list start; null: the list's folder."
    )
    hdu: str | None = Field(min_length=1, description="FITS extension to read, name or number; null: by the names.")
    bands: str | None = Field(min_length=1, description="Bands of the planes of FITS files, as i,r,g; null: by header.")
    survey: Literal["sdss", "legacy", "panstarrs", "hsc", "des"] | None = Field(
        description="The survey that FITS files are from: zero point, pixel and bands; null: by header."
    )
    fits_scale: float | None = Field(
        gt=0,
        description="Of other surveys: factor from pixels of FITS files to nanomaggies per 0.396 arcsecond pixel; "
        "null: by header.",
    )
    bad_rows: Literal["stop", "leave_out"] = Field(
        description="What happens to rows whose label or image cannot be used: name them and stop, or leave them out."
    )
    crop: float = Field(
        gt=0, le=1, description="Central square of each image that is kept, as a share of its shorter side."
    )
    size: int = Field(ge=16, le=1024, description="Side of the kept square in pixels, resized.")


def local(data: Data) -> Path:
    """Return the list of source local.

    Raises:
        GalaxyError: it is absent.
    """
    path = outside.locate(data.local)
    if not path.is_file():
        raise GalaxyError(f"data.local is {path}: no such file; name your list, a CSV with a row per image")
    return path


class Question(Section):
    answers: list[Column] = Field(min_length=2, description="Columns with the votes for its answers.")
    after: Column | None = Field(description="The answer that leads to it; null: everybody is asked.")


class Target(Section):
    """What is learned."""

    kind: Kind = Field(
        description="class: a name per image. fraction: numbers from 0 to 1. number: any numbers. counts: votes per "
        "answer of a question."
    )
    columns: list[Column] = Field(
        min_length=1, description="Columns of the list with the labels: one for a class, one per answer for counts."
    )
    questions: dict[str, Question] | None = Field(
        description="Of counts of a whole tree: each question's `answers`, columns, and the earlier answer `after` "
        "which it is asked, or null; null: one question."
    )
    split: str | None = Field(
        min_length=1, description="Column that says train, valid or test; null: drawn by the section split."
    )

    @model_validator(mode="after")
    def _as_many_as_the_kind_needs(self) -> Self:
        if len(set(self.columns)) < len(self.columns):
            raise ValueError(f"columns names a column twice: {', '.join(self.columns)}")
        if self.kind == "class" and len(self.columns) > 1:
            raise ValueError(f"kind is class, but columns names {len(self.columns)} columns; name one")
        if self.kind == "counts" and len(self.columns) < 2:
            raise ValueError("kind is counts, but columns names one column; name one per answer, at least two")
        return self

    @model_validator(mode="after")
    def _a_tree(self) -> Self:
        if self.questions is None:
            return self
        if self.kind != "counts":
            raise ValueError(f"questions are for counts, but kind is {self.kind}; set questions to null")
        earlier: list[str] = []
        for name, question in self.questions.items():
            if question.after is not None and question.after not in earlier:
                known = ", ".join(earlier) or "none"
                raise ValueError(
                    f"questions.{name}.after is {question.after!r}, which is no answer to an earlier question ({known})"
                )
            earlier += question.answers
        if earlier != self.columns:
            raise ValueError(f"columns must be the answers of questions in their order: {', '.join(earlier)}")
        return self

    @property
    def blocks(self) -> list[Block]:
        """The questions whose votes the columns hold; of other kinds than counts it means nothing."""
        if self.questions is None:
            return one_question(len(self.columns))
        blocks: list[Block] = []
        for question in self.questions.values():
            start = self.columns.index(question.answers[0])
            parent = None if question.after is None else self.columns.index(question.after)
            blocks.append((start, start + len(question.answers), parent))
        return blocks


class Split(StartSplit):
    """Shares of the images, where the list does not say."""

    test: Share = Field(description="Share that only scores.")
    valid: Share = Field(description="Share that chooses the epoch.")


class FewLabels(Section):
    """Trainings on a part of the labels, to see what more of them would give."""

    model: str = Field(description="The model that is trained on them, a key of train.")
    counts: list[Annotated[int, Field(ge=10)]] = Field(
        description="Numbers of labels, of train and valid together; []: none."
    )


class Train(Training):
    """The training of a model of own labels."""

    crop: float = Field(
        gt=0, le=1, description="Central square that the network sees, as a share of the image's shorter side."
    )
    size: int = Field(ge=8, description="Side to which that square is resized, in pixels.")
    output_bias: bool = Field(description="Start from last-layer biases that predict train's means or shares.")
    label_smoothing: float = Field(ge=0, lt=1, description="Share of a class's target spread over all (class only).")
    balance: bool = Field(description="Draw all classes equally often in training (class only).")
    augmentation: Augmentation


class Start(Section):
    """A model trained on simulated galaxies and their vote fractions, for a model of own labels to start from."""

    simulated: Simulated
    preprocess: StartPreprocess
    split: StartSplit
    model: StartTrain = Field(description="Its training.")


class OwnLabels(Section):
    """The whole file."""

    data: Data
    target: Target
    split: Split
    few_labels: FewLabels
    start: Start | None = Field(description="What models may start from, as start/models/simulated; null: nothing.")
    train: dict[ModelName, Train] = Field(min_length=1, description="Models by name, each with the keys below.")
    evaluate: Evaluate

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.few_labels.counts and self.few_labels.model not in self.train:
            raise ValueError(f"few_labels.model is {self.few_labels.model!r}; it may be {', '.join(self.train)}")
        for name, model in self.train.items():
            if model.crop > self.data.crop:
                raise ValueError(
                    f"train.{name}.crop is {model.crop:g}, but data.crop keeps {self.data.crop:g} of the image; lower "
                    "the first or raise the second"
                )
            if model.augmentation.crop is not None:
                raise ValueError(f"train.{name}.augmentation.crop: set it to null and use zoom")
            uses_classes = model.balance or model.label_smoothing
            if uses_classes and self.target.kind != "class":
                raise ValueError(
                    f"train.{name}: balance and label_smoothing are for classes, but target.kind is "
                    f"{self.target.kind}; set them to false and 0"
                )
            if self.start is None and model.weights is not None and model.weights.startswith("start/"):
                raise ValueError(f"train.{name}.weights is {model.weights}, but start is null; write the section start")
        return self


def load(path: Path = PARAMS_FILE) -> OwnLabels:
    """Read and validate the params file; see `galaxy.core.params_file.read`."""
    return read(path, OwnLabels)
