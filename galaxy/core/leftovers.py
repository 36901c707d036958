"""Results of models that the params no longer name: DVC forgets their stages and leaves their files."""

import re
import shutil
from collections.abc import Collection
from pathlib import Path

from galaxy.core import files
from galaxy.core.params_file import read_yaml
from galaxy.core.runtime import say

LOCK = Path("dvc.lock")

KINDS = ("train", "transfer", "predict", "train_part")
"""Stages that there are for each of several models."""


def remove(items: Collection[str]) -> None:
    """Remove the files and the lock entry of each stage of `KINDS`, such as `train@<item>`, that is not in `items`.

    DVC's cache still holds them, so that an earlier commit or experiment can bring them back.
    """
    text = LOCK.read_text() if LOCK.exists() else ""
    stages = (read_yaml(text) or {}).get("stages", {})
    for stage in stages:
        kind, _, item = stage.partition("@")
        if kind not in KINDS or item in items or not item:
            continue
        for out in stages[stage]["outs"]:
            path = Path(out["path"])
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        # The text of an entry ends where a line is indented as little: the rest of the file stays as DVC wrote it.
        text = re.sub(rf"^  {re.escape(stage)}:\n(?:   .*\n)+", "", text, flags=re.MULTILINE)
        with files.atomic(LOCK) as part:  # DVC does not start with a part of it
            part.write_text(text)
        say(f"removed the results of {stage}, which the params no longer name; DVC's cache still has them")
