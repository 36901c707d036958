"""The paths that a training writes to."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outs:
    """Where a training leaves what it makes, and keeps its checkpoints (and, on request, event files) meanwhile."""

    model: Path
    history: Path
    metrics: Path
    checkpoints: Path
    events: Path
