"""Heads: from a network's logits to its predictions, 37 vote fractions or the logits of classes."""

from collections.abc import Callable

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


LOGITS = "logits"
"""A classifier's head, which changes nothing: loss and likeliest class are computed from the logits."""

HEADS: dict[str, type[nn.Module]] = {"sigmoid": Sigmoid, "decision_tree": DecisionTree, LOGITS: nn.Identity}

LOGITS_OF: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "sigmoid": lambda fractions: fractions.logit(eps=1e-4),
    "decision_tree": lambda fractions: fractions.clamp(min=1e-4).log(),  # softmax ignores a factor
}
"""By head: from 37 vote fractions to 37 logits that the head turns into them."""
