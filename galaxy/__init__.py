"""From the files of the Galaxy Zoo competition to a leaderboard submission.

The packages, in the order in which data flows; each imports only those above it:

* `core`       the decision tree, params, paths, metrics: what all others rest on;
* `simulator`  galaxies, pictures and volunteers, simulated;
* `ingest`     the competition's files: download, checks, decoding, packing;
* `data`       packed galaxies, splits, augmentation, batches;
* `models`     networks, heads, starting weights, prediction;
* `training`   objectives, the engine, resuming;
* `evaluation` scores, baselines, ensembles, figures;
* `report`     the HTML report, comparing two runs;
* `inference`  anybody's images, export, submission;
* `embeddings` similar and unusual images;
* `app`        the page in the browser;
* `tasks`      classification tasks on the same engine;
* `task_results` their scores, figures and report;
* `own_labels` training on anybody's labels;
* `cli`        the command `galaxy`.

For your own images: `galaxy.load("models/cnn").predict("images/")`, see `galaxy.inference.predictor`.
"""

import importlib
import os
from typing import Any

# Before anything imports torch: its threads then sleep while they wait for each other. By default they spin, which
# slows training to a tenth wherever another process wants a core, and gains nothing where none does.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

_HELD_BY = {"load": "galaxy.inference.predictor"}


def __getattr__(name: str) -> Any:
    """What the package offers itself; imported when it is asked for, because that takes seconds."""
    if name in _HELD_BY:
        return getattr(importlib.import_module(_HELD_BY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
