"""What each part of a recipe is worth on real galaxies: `python benchmarks/ablations.py REAL [--only NAME …]`.

REAL is a folder with the competition's zips. One recipe for a ResNet-18, and the same with one part changed at a time;
then the course's CNN as it was, and the same with one part changed at a time.
A seed draws the split (a fifth for the test, a tenth for the choice of the epoch), the weights and the augmentation
anew; every variant is trained on the same splits, so differences to the recipe are taken pair by pair. RMSE is that of
the test galaxies, from one view but where the variant is about views.

`--simulated` names the folder of a ResNet-18 trained on simulated galaxies (`benchmarks/transfer.py` leaves one).
Trainings and their scores are kept under `--work`; what is there is not made again. The table has what is there.
"""

import argparse
import fnmatch
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import common
import numpy as np
import pandas as pd
import small_convolutions

from galaxy.core import files
from galaxy.core.params import Train
from galaxy.data.field_of_view import FieldOfView
from galaxy.data.split import split
from galaxy.data.test_time_views import ONE, of_number

CROP, SKY = 212, 300
"""Sides in pixels of the original: what networks see, and what is packed, so that turned views have real corners."""

EPOCHS = 8
AUGMENTATION = {"flip": True, "rotation": 180.0, "zoom": 1.2, "shift": 0.03}
RECIPE: dict[str, Any] = {
    "model": "resnet18",
    "batch_size": 32,
    "optimizer": "adamw",
    "optimizer_args": {"fused": True},
    "learning_rate": 0.001,
    "weight_decay": 0.05,
    "schedule": "one_cycle",
    "epochs": EPOCHS,
    "precision": "bf16-mixed",
    "channels_last": True,
    "augmentation": AUGMENTATION,
}
TOGETHER: dict[str, Any] = {"output_bias": True, "schedule": "one_cycle", "epochs": 18}
"""What makes the course's CNN better, each by itself."""

EFFICIENTNET: dict[str, Any] = {"model": "tf_efficientnet_lite0", "precision": "32-true"}
VIEWS = (1, 8, 32)
SCORES = "scores.json"


@dataclass(frozen=True)
class Variant:
    """The recipe with some changes, at another input size, or both; compared with the variant `to`."""

    what: str
    changes: dict[str, Any] = field(default_factory=dict)
    size: int = 64
    to: str = "recipe"
    base: str | None = None
    """The one of the course's networks that is changed; None: the recipe."""


def augmentation(**changes: Any) -> dict[str, Any]:
    return {"augmentation": AUGMENTATION | changes}


def variants(simulated: Path) -> dict[str, Variant]:
    """All of them, by name."""
    off = {"flip": False, "rotation": 0.0, "zoom": 1.0, "shift": 0.0}
    recipe = {
        "recipe": Variant("ResNet-18, 64 pixels, sigmoid, mean squared error, all augmentation"),
        "decision_tree": Variant("head: decision tree", {"head": "decision_tree"}),
        "no_augmentation": Variant("augmentation: none", augmentation(**off)),
        "flips": Variant("augmentation: flips", augmentation(**off | {"flip": True})),
        "rotation": Variant("augmentation: flips, rotation", augmentation(zoom=1.0, shift=0.0)),
        "ema": Variant("averaged weights (EMA 0.99)", {"ema_decay": 0.99}),
        "bce": Variant("loss: cross-entropy", {"loss": "bce"}),
        "size_96": Variant("input: 96 pixels", size=96),
        "size_128": Variant("input: 128 pixels", size=128),
        "simulated": Variant("weights: simulated galaxies", {"weights": str(simulated)}),
        "efficientnet": Variant("EfficientNet-Lite0, random weights", EFFICIENTNET),
        "imagenet": Variant(
            "the same, ImageNet's weights",
            EFFICIENTNET | {"weights": "package:efficientnet_lite0"},
            to="efficientnet",
        ),
    }
    course = {
        name: Variant(what, changes, to="course", base="course_cnn")
        for name, what, changes in (
            ("course", "the course's CNN as it was, 6 epochs", {}),
            ("course_dropout", "dropout of 0.3 before the last layer", {"model_args": {"drop_rate": 0.3}}),
            ("course_decay", "AdamW, weight decay 0.05", {"optimizer": "adamw", "weight_decay": 0.05}),
            ("course_augmentation", "flips, any rotation, zoom, shifts", {"augmentation": AUGMENTATION}),
            ("course_cross_entropy", "loss: cross-entropy", {"loss": "bce"}),
            ("course_tree", "head: decision tree", {"head": "decision_tree"}),
            ("course_bias", "output bias of the mean fractions", {"output_bias": True}),
            ("course_rate", "learning rate 0.001", {"learning_rate": 0.001}),
            ("course_one_cycle", "one cycle", {"schedule": "one_cycle"}),
            ("course_epochs", "18 epochs", {"epochs": 18}),
            ("course_together", "output bias, one cycle and 18 epochs", TOGETHER),
        )
    }
    other = {"course_resnet": Variant("the course's ResNet-18, 3 epochs", to="course", base="resnet18")}
    return recipe | course | other


def options_of(variant: Variant, seed: int) -> Train:
    changes = {"crop": CROP, "size": variant.size, "seed": seed} | variant.changes
    return common.section(RECIPE | changes) if variant.base is None else common.section(changes, variant.base)


def kept(variant: Variant, seed: int, folder: Path) -> dict[str, float] | None:
    """The scores in `folder`, if they are there and of the same params."""
    path = folder / SCORES
    content = json.loads(path.read_text()) if path.exists() else {"params": None}
    if content["params"] != options_of(variant, seed).model_dump():
        return None
    return dict(content["rmse"])


def run(name: str, variant: Variant, seed: int, real: Path, work: Path) -> dict[str, float]:
    """Train and score it; RMSE on the test galaxies by number of views."""
    folder, options = work / name / str(seed), options_of(variant, seed)
    asked = FieldOfView(SKY, round(variant.size * SKY / CROP))
    galaxies = common.packed(real, work / f"packed_{variant.size}", asked)
    table = split(galaxies.ids, test=0.2, valid=0.1, seed=seed)
    network = common.trained(folder, options, galaxies, table, "local")
    rows = galaxies.rows(table)["test"]
    numbers = VIEWS if name == "recipe" else (1,)
    seen = {n: ONE if n == 1 else of_number(n) for n in numbers}
    fractions = {n: common.predicted(network, galaxies, rows, views) for n, views in seen.items()}
    rmse = {f"views_{n}": common.score(found, galaxies.votes[rows])[0] for n, found in fractions.items()}
    with files.atomic(folder / SCORES) as part:
        part.write_text(json.dumps({"params": options.model_dump(), "rmse": rmse}))
    return rmse


def table(found: pd.DataFrame, known: dict[str, Variant]) -> str:
    """Mean and standard deviation over the seeds of RMSE, and of the difference to what a variant is compared with."""
    lines = ["| | RMSE | difference | seeds |", "|---|---|---|---|"]
    by_name: dict[Any, pd.DataFrame] = {
        name: rows.set_index("seed") for name, rows in found.groupby("name", sort=False)
    }

    def line(what: str, scores: pd.Series, other: pd.Series | None) -> str:
        difference = "" if other is None else _spread((scores - other).dropna(), "+")
        return f"| {what} | {_spread(scores)} | {difference} | {len(scores)} |"

    for name, rows in by_name.items():
        variant = known[name]
        other = None if name == variant.to or variant.to not in by_name else by_name[variant.to]["views_1"]
        lines.append(line(variant.what, rows["views_1"], other))
        lines += [
            line(f"the same model, {n} views", rows[f"views_{n}"], rows["views_1"])
            for n in (VIEWS[1:] if name == "recipe" else ())
        ]
    return "\n".join(lines)


def _spread(values: pd.Series, sign: str = "") -> str:
    spread = f" ± {values.std():.4f}" if len(values) > 1 else ""
    return f"{values.mean():{sign}.4f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("real", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=["*"], help="variants to train, as course*; all by default")
    parser.add_argument("--simulated", type=Path, default=Path("data/transfer/simulated_only_1"))
    parser.add_argument("--work", type=Path, default=Path("data/ablations"))
    arguments = parser.parse_args()
    known, work = variants(arguments.simulated), arguments.work
    small_convolutions.use()
    if unknown := [pattern for pattern in arguments.only if not fnmatch.filter(known, pattern)]:
        parser.error(f"no variant {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = {name for pattern in arguments.only for name in fnmatch.filter(known, pattern)}
    rows: list[dict[str, Any]] = []
    for seed in map(int, np.arange(arguments.seeds) + 1):
        for name, variant in known.items():
            rmse = kept(variant, seed, work / name / str(seed))
            if rmse is None and name in chosen:
                rmse = run(name, variant, seed, arguments.real, work)
                print(name, seed, rmse, flush=True)
            if rmse is not None:
                rows.append({"name": name, "seed": seed, **rmse})
    order = {name: i for i, name in enumerate(known)}
    print(table(pd.DataFrame(sorted(rows, key=lambda row: (order[str(row["name"])], row["seed"]))), known))


if __name__ == "__main__":
    main()
