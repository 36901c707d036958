"""Heads: from a backbone's logits to what its loss takes, and from that to what is shown to users.

A further head is a class here and an entry in `HEADS`. All commands then predict with it: they take the names of its
columns from `Spec.outputs`, and their values from `Head.predictions`.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import nn

from galaxy.core import decision_tree

FRACTIONS, PROBABILITIES = "fractions", "probabilities"
SHARES = (FRACTIONS, PROBABILITIES)
"""Kinds of predictions that lie within 0 and 1. Of probabilities, one belongs to each class of which one is right."""


class Head(nn.Module):
    """What all heads share. `gives` says in one word what they predict; a value of `SHARES` lies within 0 and 1."""

    gives: ClassVar[str] = FRACTIONS

    def predictions(self, values: torch.Tensor) -> torch.Tensor:
        """Turn what `forward` gives into B×outputs values that users are shown, and of which means are taken."""
        return values


class Sigmoid(Head):
    """Predict each column independently, in (0, 1)."""

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        """Turn B×37 logits into B×37 fractions."""
        return logits.sigmoid()


class DecisionTree(Head):
    """Take a softmax per question, times the parent's column: all sums of the tree hold by construction."""

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        """Turn B×37 logits into B×37 fractions."""
        parts: dict[str, torch.Tensor] = {}
        for question in sorted(decision_tree.QUESTIONS, key=decision_tree.depth):  # parents first
            shares = logits[:, decision_tree.column_slice(question)].softmax(dim=1)
            if question.parent is not None:
                shares = shares * parts[question.parent].unsqueeze(1)
            parts |= zip(question.columns, shares.unbind(1), strict=True)
        return torch.stack([parts[column] for column in decision_tree.COLUMNS], dim=1)


class Numbers(Head):
    """Predict numbers in the units of their labels, from logits in units of the labels' spread.

    Args:
        means, deviations: mean and standard deviation of each of K labels.
    """

    gives = "numbers"

    means: torch.Tensor
    deviations: torch.Tensor

    def __init__(self, means: Sequence[float], deviations: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("means", torch.tensor(means), persistent=False)
        self.register_buffer("deviations", torch.tensor(deviations), persistent=False)

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        """Turn B×K logits into B×K numbers."""
        return logits * self.deviations + self.means


class Logits(Head):
    """A classifier's head: the loss takes the logits, and users are shown the classes' probabilities."""

    gives = PROBABILITIES

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        return logits

    def predictions(self, values: torch.Tensor) -> torch.Tensor:
        """Turn B×classes logits into B×classes probabilities."""
        return values.softmax(dim=1)


LOGITS = "logits"

HEADS: dict[str, type[Head]] = {
    "sigmoid": Sigmoid,
    "decision_tree": DecisionTree,
    "numbers": Numbers,
    LOGITS: Logits,
}

LOGITS_OF: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "sigmoid": lambda fractions: fractions.logit(eps=1e-4),
    "decision_tree": lambda fractions: fractions.clamp(min=1e-4).log(),  # softmax ignores a factor
}
"""By head: from 37 vote fractions to 37 logits that the head turns into them."""
