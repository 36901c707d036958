"""From a network's logits to what it predicts: 37 vote fractions, or the logits of classes."""

from collections.abc import Callable

import torch
from torch import nn

from galaxy.core import decision_tree


class Sigmoid(nn.Module):
    """Each column by itself, in (0, 1)."""

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        """B×37 logits to B×37 fractions."""
        return logits.sigmoid()


class DecisionTree(nn.Module):
    """Softmax in each question, times the parent's column: every sum of the tree holds by construction."""

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        """B×37 logits to B×37 fractions."""
        parts: dict[str, torch.Tensor] = {}
        for question in sorted(decision_tree.QUESTIONS, key=decision_tree.depth):  # parents before what hangs on them
            shares = logits[:, decision_tree.column_slice(question)].softmax(dim=1)
            if question.parent is not None:
                shares = shares * parts[question.parent].unsqueeze(1)
            parts |= zip(question.columns, shares.unbind(1), strict=True)
        return torch.stack([parts[column] for column in decision_tree.COLUMNS], dim=1)


LOGITS = "logits"
"""The head of a classifier: none, its loss and its likeliest class are taken from the logits."""

HEADS: dict[str, type[nn.Module]] = {"sigmoid": Sigmoid, "decision_tree": DecisionTree, LOGITS: nn.Identity}

LOGITS_OF: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "sigmoid": lambda fractions: fractions.logit(eps=1e-4),
    "decision_tree": lambda fractions: fractions.clamp(min=1e-4).log(),  # a softmax takes no notice of a factor
}
"""By head, 37 logits that make those 37 vote fractions."""
