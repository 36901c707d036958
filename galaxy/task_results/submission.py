"""Write predicted classes of unlabelled images as a CSV: `name` and `label`, one row per image."""

from pathlib import Path

import numpy as np
import pandas as pd

from galaxy.core import files
from galaxy.core.errors import GalaxyError, list_problems
from galaxy.ingest import archives
from galaxy.models import saved
from galaxy.models.predict import predict
from galaxy.task_results.scores import views
from galaxy.tasks.examples import Examples
from galaxy.tasks.params import Evaluate


def write(path: Path, folder: Path, unlabelled: Examples, options: Evaluate) -> None:
    """Predict the images with the model saved in `folder`, and write the CSV."""
    network, _ = saved.load(folder, any_outputs=True)
    images = unlabelled.network_input(network.spec.crop, network.spec.size)
    label = f"predict {folder.name}, unlabelled"
    logits = predict(network, images, options.batch_size, views=views(options), label=label)
    labels = np.array(network.spec.outputs, dtype=object)[logits.argmax(axis=1)]
    files.write_csv(path, pd.DataFrame({"name": unlabelled.table["name"], "label": labels}))


def validate(path: Path, unlabelled: Examples) -> int:
    """Check that a CSV has the header, one row per image, and known classes; return the number of rows.

    Raises:
        GalaxyError: something is wrong; the message says what.
    """
    table = archives.read_table(path, str(path))
    if list(table.columns) != ["name", "label"]:
        raise GalaxyError(f"{path}: columns {', '.join(table.columns)}; they must be name, label")
    names, known = set(unlabelled.table["name"]), set(unlabelled.classes)
    problems = [f"{name}: no such image" for name in table["name"] if name not in names]
    problems += [f"{name}: for the second time" for name in table["name"][table["name"].duplicated()]]
    problems += [f"{name}: no row" for name in sorted(names - set(table["name"]))]
    problems += [f"{label}: no such class" for label in table["label"] if label not in known]
    if problems:
        raise list_problems(f"{path}: rows and images do not match", problems, "Write it again (dvc repro).")
    return len(table)
