"""Heads: from a network's logits to its predictions: vote fractions, numbers, or the logits of classes."""

from collections.abc import Callable, Sequence

import torch
from torch import nn

from galaxy.core import decision_tree


class Sigmoid(nn.Module):
    """Predict each column independently, in (0, 1)."""

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        """Turn B×37 logits into B×37 fractions."""
        return logits.sigmoid()


class DecisionTree(nn.Module):
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


class Numbers(nn.Module):
    """Predict numbers in the units of their labels, from logits in units of the labels' spread.

    Args:
        means, deviations: mean and standard deviation of each of K labels.
    """

    means: torch.Tensor
    deviations: torch.Tensor

    def __init__(self, means: Sequence[float], deviations: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("means", torch.tensor(means), persistent=False)
        self.register_buffer("deviations", torch.tensor(deviations), persistent=False)

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        """Turn B×K logits into B×K numbers."""
        return logits * self.deviations + self.means


LOGITS = "logits"
"""A classifier's head, which changes nothing: loss and likeliest class are computed from the logits."""

HEADS: dict[str, type[nn.Module]] = {
    "sigmoid": Sigmoid,
    "decision_tree": DecisionTree,
    "numbers": Numbers,
    LOGITS: nn.Identity,
}

LOGITS_OF: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "sigmoid": lambda fractions: fractions.logit(eps=1e-4),
    "decision_tree": lambda fractions: fractions.clamp(min=1e-4).log(),  # softmax ignores a factor
}
"""By head: from 37 vote fractions to 37 logits that the head turns into them."""
