"""Heads: from a backbone's logits to what its loss takes, and from that to what is shown to users.

A further head is a class here and an entry in `HEADS`. All commands then predict with it: they take the names of its
columns from `Spec.outputs`, and their values from `Head.predictions`.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import nn

from galaxy.core.decision_tree import STEPS, Block, Step, by_column, of_blocks
from galaxy.core.params import DIRICHLET

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

    def __init__(self, steps: Sequence[Step] = STEPS) -> None:
        super().__init__()
        self.steps = steps

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        """Turn B×C logits, C columns of the tree, into B×C fractions."""
        parts: dict[int, torch.Tensor] = {}
        for step in self.steps:  # parents first
            shares = logits[:, step.block].softmax(dim=1)
            if step.parent is not None:
                shares = shares * parts[step.parent].unsqueeze(1)
            parts |= zip(range(step.block.start, step.block.stop), shares.unbind(1), strict=True)
        return torch.stack([parts[column] for column in range(logits.shape[1])], dim=1)


class Dirichlet(DecisionTree):
    """Predict a Dirichlet distribution for each question: of the shares of those asked who give its answers.

    A logit, bounded, is the logarithm of an answer's concentration. The fractions are the expected ones: a question's
    mean shares, times the parent's fraction. The larger the sum of a question's concentrations, its total, the surer
    the network is of the shares.

    Args:
        questions: the tree; None: Galaxy Zoo 2's.
    """

    def __init__(self, questions: Sequence[Block] | None = None) -> None:
        super().__init__(STEPS if questions is None else of_blocks(questions))

    LARGEST = 7.0
    """Bound of the logarithm of a concentration, which lies between 0.0009 and 1,097."""

    FIRST_TOTAL = 5.0
    """Total of each question that training starts from, if it starts from column means."""

    @classmethod
    def log_concentrations(cls, logits: torch.Tensor) -> torch.Tensor:
        """Return the logarithms of the concentrations, B×C."""
        return cls.LARGEST * (logits / cls.LARGEST).tanh()

    @classmethod
    def logits_of(cls, fractions: torch.Tensor, steps: Sequence[Step] = STEPS) -> torch.Tensor:
        """Return C logits with which the head predicts C fractions, with the first total."""
        small = fractions.clamp(min=1e-4)
        shares = torch.cat([small[step.block] / small[step.block].sum() for step in by_column(steps)])
        return cls.LARGEST * ((shares * cls.FIRST_TOTAL).log() / cls.LARGEST).clamp(-0.99, 0.99).atanh()

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        """Turn B×C logits into B×C expected fractions."""
        return super().forward(self.log_concentrations(logits))

    def log_totals(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the logarithm of each question's total, B×questions, in the order of the columns."""
        logs = self.log_concentrations(logits)
        return torch.stack([logs[:, step.block].logsumexp(dim=1) for step in by_column(self.steps)], dim=1)


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
    DIRICHLET: Dirichlet,
    "numbers": Numbers,
    LOGITS: Logits,
}

LOGITS_OF: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "sigmoid": lambda fractions: fractions.logit(eps=1e-4),
    "decision_tree": lambda fractions: fractions.clamp(min=1e-4).log(),  # softmax ignores a factor
    DIRICHLET: Dirichlet.logits_of,
}
"""By head: from 37 vote fractions to 37 logits that the head turns into them."""
