"""`params.yaml` of the pipeline: every setting, typed and validated.

There are no hidden defaults: a params file holds every key. The models are the sections `train_cnn` and `train_resnet`
(each has its own stage in the root's `dvc.yaml`) and the sections in the mapping `train`, by name.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from galaxy.core.errors import GalaxyError
from galaxy.core.params_file import PARAMS_FILE, Section, read
from galaxy.core.params_views import Augmentation, Views
from galaxy.core.paths import fold_name

BEST, MEAN, WEIGHTED, BY_QUESTION = "best", "mean", "weighted", "weighted_by_question"
"""Ways to combine models: the best on valid; their mean; their sum with fitted weights, of models or, where that
predicts other galaxies better, of models and questions (folds only)."""

DIRICHLET, DIRICHLET_MULTINOMIAL = "dirichlet", "dirichlet_multinomial"
"""A head and a loss that belong together."""

MOST_EPOCHS = 100_000

HUB, LOCAL_DIR = "hf-hub:", "local-dir:"
"""Of the names of networks that a repository on the Hub describes, or a folder."""

Fraction = Annotated[float, Field(gt=0, lt=1)]
ModelName = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]


class Simulated(Section):
    training_galaxies: int = Field(ge=20, le=1_000_000, description="Labelled galaxies to simulate.")
    test_galaxies: int = Field(ge=1, le=1_000_000, description="Unlabelled galaxies to simulate.")
    seed: int = Field(ge=0, description="Seed of galaxies and volunteers.")
    volunteers: int = Field(ge=16, le=1000, description="Median number of volunteers per galaxy.")
    seeing: float = Field(gt=0, le=10, description="Full width at half maximum of the point spread, in arcseconds.")
    noise: float = Field(ge=0, le=20, description="Factor on the sky noise; 1 is the Sloan survey's.")


class Local(Section):
    folder: str = Field(description="Folder with the competition's zips, their unpacked folders, or one zip of all.")


class Download(Section):
    source: Literal["simulated", "local", "kaggle"] = Field(description="Where the competition's files come from.")
    simulated: Simulated
    local: Local


class Preprocess(Section):
    crop: int = Field(ge=8, le=424, description="Side of the central square that is kept, in pixels of the original.")
    size: int = Field(ge=8, le=424, description="Side to which the square is resized, in pixels.")


class Split(Section):
    test: float = Field(
        ge=0, lt=1, description="Share of the labelled galaxies that only scores (test); 0: valid scores."
    )
    valid: Fraction = Field(description="Share of the labelled galaxies that chooses the epoch (valid).")
    seed: int = Field(ge=0, description="Seed of the permutation.")

    @model_validator(mode="after")
    def _some_left_to_train(self) -> Self:
        if self.test + self.valid >= 1:
            raise ValueError(f"test + valid is {self.test + self.valid:g}; it must be below 1")
        return self


class SplitOrFolds(Split):
    folds: int | None = Field(
        None, ge=2, le=100, description="Deal the labelled galaxies into so many folds; each is predicted without it."
    )

    @model_validator(mode="after")
    def _one_way_to_score(self) -> Self:
        if self.folds is not None and self.test:
            raise ValueError(f"folds is {self.folds}, so every galaxy is scored in its fold; set test to 0")
        return self


class Training(Section):
    """Params of every training, of vote fractions or of classes."""

    model: str = Field(
        min_length=1,
        description="Name in timm's registry, ours (course_cnn, …) among them; hf-hub:<owner>/<name>[@<revision>], or "
        "local-dir:<folder>, a network that timm saved.",
    )
    model_args: dict[str, Any] = Field(description="Further arguments of timm.create_model.")
    pretrained: bool = Field(
        description="Start from timm's published weights (fetched from its hub), or those of model."
    )
    weights: str | None = Field(
        min_length=1,
        description="Start from these weights: a model's folder, a .safetensors or .pth file, or "
        "package:efficientnet_lite0, 1 or 2 (ImageNet's; extra `weights`).",
    )
    freeze_epochs: int = Field(ge=0, description="First epochs in which only the last layer learns.")
    optimizer: str = Field(min_length=1, description="Name of one of timm's optimizers.")
    optimizer_args: dict[str, Any] = Field(description="Further arguments of timm's optimizer factory, like momentum.")
    learning_rate: float = Field(gt=0, le=100, description="Learning rate (its peak, if there is a schedule).")
    weight_decay: float = Field(ge=0, le=10, description="Weight decay, except for norms and biases.")
    schedule: Literal["constant", "cosine", "one_cycle", "steps"] = Field(
        description="Course of the learning rate; steps: a tenth after 60 % of training, a hundredth after 85 %."
    )
    warmup_epochs: float = Field(ge=0, description="Linear warm-up, in epochs (one_cycle has its own).")
    layer_decay: float | None = Field(
        gt=0, le=1, description="Each layer's learning rate is this share of the next layer's; null: all are equal."
    )
    epochs: int = Field(ge=1, le=MOST_EPOCHS, description="Epochs at most; the best on valid is kept.")
    early_stopping: int | None = Field(ge=1, description="Stop after so many epochs without a better one; null: never.")
    batch_size: int = Field(ge=2, description="Images per step, of all processes together.")
    gradient_accumulation: int = Field(
        ge=1, description="Parts in which a batch is computed, one after another, to need less memory; 1: at once."
    )
    gradient_clip: float | None = Field(gt=0, description="Largest gradient; null: no limit.")
    gradient_clip_by: Literal["norm", "value"] = Field(description="Limit the gradient's norm, or each value.")
    ema_decay: float | None = Field(gt=0, lt=1, description="Decay of averaged weights per step; null: no averaging.")
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = Field(
        description="Arithmetic, by Lightning's names; auto: bf16-mixed where the device computes in it natively, "
        "else 32-true."
    )
    channels_last: bool = Field(description="Order of the network's arrays in memory; faster for some networks.")
    workers: int = Field(ge=0, le=256, description="Processes that load and augment; 0: the training process.")
    devices: int = Field(ge=1, le=1024, description="GPUs to use per machine; without GPUs, processes.")
    num_nodes: int = Field(ge=1, le=1024, description="Machines; see docs/many_gpus.md.")
    strategy: Literal["auto", "ddp", "ddp_find_unused_parameters_true"] = Field(
        description="How several processes train together, by Lightning's names; auto: ddp if there are several."
    )
    seed: int = Field(ge=0, description="Seed of weights, order and augmentation.")
    logger: Literal["tensorboard", "csv", "dvclive", "mlflow", "wandb"] | None = Field(
        description="Also log the training under runs/, see docs/loggers.md; null: the history and the metrics only."
    )
    deterministic: bool = Field(
        description="Slower, but the same seed gives the same bits on a GPU too (on a CPU it always does)."
    )

    @property
    def processes(self) -> int:
        """The number of processes that train together."""
        return self.devices * self.num_nodes

    @field_validator("model")
    @classmethod
    def _whole_name(cls, model: str) -> str:
        if model.startswith(HUB) and not re.fullmatch(HUB + r"[\w.-]+/[\w.-]+(@[^@\s]+)?", model):
            raise ValueError(f"{model!r} is no repository; write {HUB}<owner>/<name>, and @<revision> if you like")
        if model == LOCAL_DIR or (re.search("[:/]", model) and not model.startswith((HUB, LOCAL_DIR))):
            raise ValueError(f"{model!r} is no name of timm's; write {HUB}<owner>/<name> or {LOCAL_DIR}<folder>")
        return model

    @model_validator(mode="after")
    def _compatible(self) -> Self:
        if self.pretrained and self.weights is not None:
            raise ValueError("pretrained and weights both name a start; set pretrained to false or weights to null")
        if self.gradient_clip is not None and self.precision.endswith("mixed") and self.optimizer_args.get("fused"):
            raise ValueError(
                f"optimizer_args has fused: true, gradient_clip is {self.gradient_clip:g} and precision "
                f"{self.precision}, but Lightning doesn't clip the gradients of a fused optimizer in mixed precision; "
                "remove fused, or set gradient_clip to null or precision to 32-true"
            )
        if self.batch_size % (self.processes * self.gradient_accumulation):
            raise ValueError(
                f"batch_size is {self.batch_size}, but devices × num_nodes × gradient_accumulation is "
                f"{self.processes * self.gradient_accumulation}; choose a multiple, so that a batch has equal parts"
            )
        return self

    @property
    def part_size(self) -> int:
        """The number of images, of all processes together, that are computed at once."""
        return self.batch_size // self.gradient_accumulation


FOLD = "{fold}"
"""Stands for the number of a fold in the path of a teacher's predictions."""


class Teacher(Section):
    """Predictions for the unlabelled test images, which a model learns from beside the labelled images."""

    predictions: str = Field(
        min_length=1,
        description="CSV with GalaxyID and the 37 columns for the test images; {fold} stands for the fold's number.",
    )
    share: Fraction = Field(description="Share of each batch that is drawn from these images.")

    def of_fold(self, fold: int | None) -> str:
        """Return the path of the predictions for the training of a fold; None: there are no folds."""
        return self.predictions.replace(FOLD, str(fold))


class Train(Training):
    """The training of a model of vote fractions."""

    head: Literal["sigmoid", "decision_tree", "dirichlet"] = Field(
        description="sigmoid: each column by itself. decision_tree: softmax within each question, times its parent. "
        "dirichlet: a Dirichlet distribution for each question, along the tree (with loss dirichlet_multinomial)."
    )
    output_bias: bool = Field(description="Start from last-layer biases that predict train's column means.")
    crop: int | None = Field(
        ge=8, description="Side of the central square that the network gets, in pixels of the original; null: all."
    )
    size: int | None = Field(ge=8, description="Side to which that square is resized, in pixels; null: as packed.")
    loss: Literal["mse", "bce", "dirichlet_multinomial"] = Field(
        description="Mean squared error, or binary cross-entropy, of the fractions; or the likelihood of the votes "
        "(with head dirichlet)."
    )
    volunteers: int = Field(
        ge=1,
        le=1000,
        description="Volunteers behind each galaxy's fractions, for loss dirichlet_multinomial; simulated galaxies "
        "have their own numbers.",
    )
    teacher: Teacher | None = Field(
        description="Learn from another model's predictions for the unlabelled test images, too: `predictions`, a CSV "
        "such as a submission (`{fold}` in its path stands for the number of the fold), and `share`, of each batch; "
        "null: no."
    )
    augmentation: Augmentation

    @model_validator(mode="after")
    def _head_and_loss(self) -> Self:
        if (self.head == DIRICHLET) != (self.loss == DIRICHLET_MULTINOMIAL):
            raise ValueError(
                f"head is {self.head} and loss {self.loss}, but {DIRICHLET} and {DIRICHLET_MULTINOMIAL} belong "
                "together; set both, or neither"
            )
        return self

    @model_validator(mode="after")
    def _both_kinds_in_each_batch(self) -> Self:
        if self.teacher is not None and round(self.teacher.share * self.batch_size) not in range(1, self.batch_size):
            raise ValueError(
                f"teacher.share is {self.teacher.share:g}, which leaves no labelled or no other image in a batch of "
                f"{self.batch_size}; choose another share"
            )
        return self


class Evaluate(Section):
    batch_size: int = Field(ge=1, description="Galaxies predicted at a time.")
    views: Views


class MakeSubmission(Section):
    model: str = Field(
        description="mean: of all models; weighted: by weights fitted on valid; best: on valid; or a model's name. "
        "With folds, weights are fitted on the held-out galaxies, and weighted_by_question has some by question."
    )
    batch_size: int = Field(ge=1, description="Galaxies predicted at a time.")
    views: Views


OWN_SECTIONS = ("cnn", "resnet")
"""Models whose sections are `train_<name>`: the root's `dvc.yaml` has a stage for each."""


def _key(model: str) -> str:
    """Return the key of a model's section."""
    return f"train_{model}" if model in OWN_SECTIONS else f"train.{model}"


class Trainings(Section):
    """The sections from the files to trained models: what a pipeline and its start have in common."""

    download: Download
    preprocess: Preprocess
    split: Split
    train: dict[ModelName, Train] = Field(description="Models by name, each with the keys below.")

    @property
    def models(self) -> dict[str, Train]:
        """The sections of all models, by name."""
        return self.train

    @property
    def folds(self) -> int | None:
        """The number of folds into which the labelled galaxies are dealt; None: they are split once."""
        return None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.models:
            raise ValueError("no model; write a section for one under train")
        if self.preprocess.size > self.preprocess.crop:
            raise ValueError(
                f"preprocess.size ({self.preprocess.size}) is above preprocess.crop ({self.preprocess.crop}): "
                "enlarging adds no detail; lower size or raise crop"
            )
        for name, model in self.models.items():
            widest = max(model.crop or 0, *(model.augmentation.crop or [0]))
            if widest > self.preprocess.crop:
                raise ValueError(
                    f"{_key(name)} shows {widest} pixels of the original, but preprocess.crop keeps "
                    f"{self.preprocess.crop}; raise preprocess.crop or lower crop"
                )
        return self


class Params(Trainings):
    """The whole file.

    Only the root has `train_cnn` and `train_resnet`; a recipe's models may start from a `start`; `split.folds` and
    `train_folds` belong to a pipeline of folds.
    """

    split: SplitOrFolds
    start: Trainings | None = None
    train_folds: list[Annotated[int, Field(ge=0)]] | None = Field(
        None, min_length=1, description="The folds to train, counted from 0: all of split.folds, or some of them."
    )
    train_cnn: Train | None = None
    train_resnet: Train | None = None
    evaluate: Evaluate
    make_submission: MakeSubmission

    @property
    def models(self) -> dict[str, Train]:
        """The sections of all models, by name: `cnn`, `resnet`, and those under `train`."""
        own = {"cnn": self.train_cnn, "resnet": self.train_resnet}
        return {name: section for name, section in own.items() if section is not None} | self.train

    @property
    def folds(self) -> int | None:
        return self.split.folds

    @property
    def trained(self) -> list[str]:
        """The names of all trained models: of each model one, or one for each fold to train."""
        if self.train_folds is None:
            return list(self.models)
        return [fold_name(name, fold) for name in self.models for fold in self.train_folds]

    @model_validator(mode="after")
    def _folds_to_train(self) -> Self:
        folds, chosen = self.folds, self.train_folds
        if (folds is None) != (chosen is None):
            raise ValueError("split.folds and train_folds belong together; write both, or neither")
        taught = [model.teacher.predictions for model in self.models.values() if model.teacher is not None]
        if folds is None and (named := [path for path in taught if FOLD in path]):
            raise ValueError(f"teacher.predictions is {named[0]}, but this pipeline has no folds; name one file")
        if folds is not None and chosen is not None and chosen != sorted(set(chosen) & set(range(folds))):
            raise ValueError(
                f"train_folds is {chosen}, but split.folds is {folds}; it may be {list(range(folds))} or a part of it"
            )
        return self

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        taken = (*OWN_SECTIONS, BEST, MEAN, WEIGHTED, BY_QUESTION, "column_means", "central_pixel")
        if reserved := [name for name in self.train if name in taken]:
            raise ValueError(f"train.{reserved[0]}: this name is taken ({', '.join(taken)} are); choose another")
        choices = [BEST, MEAN, WEIGHTED, *([BY_QUESTION] if self.folds else []), *self.models]
        if self.make_submission.model not in choices:
            raise ValueError(f"make_submission.model is {self.make_submission.model!r}; it may be {', '.join(choices)}")
        return self


def load(path: Path = PARAMS_FILE) -> Params:
    """Read and validate the pipeline's params file; see `galaxy.core.params_file.read`."""
    return read(path, Params)


def load_folds(path: Path = PARAMS_FILE) -> tuple[Params, list[int]]:
    """Read the params of a pipeline of folds; return them and the folds to train.

    Raises:
        GalaxyError: as `load`, or the file has no folds.
    """
    options = load(path)
    if options.train_folds is None:
        raise GalaxyError(f"{path} has no folds; run in a pipeline that has (recipes/folds), or add split.folds")
    return options, options.train_folds
