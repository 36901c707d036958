"""The loss dirichlet_multinomial: how likely the votes are under the Dirichlet distributions that a network predicts.

Each volunteer who is asked a question gives an answer with the shares that a Dirichlet distribution draws for the
galaxy, so the numbers of answers follow a Dirichlet-multinomial distribution. The likelihood is that of each question,
for the volunteers who were asked it.
"""

from collections.abc import Sequence

import torch

from galaxy.core.decision_tree import STEPS, Step
from galaxy.models.heads import Dirichlet


def loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the negative log-likelihood in nats, the mean over galaxies and questions.

    Args:
        logits: B×37, see `galaxy.models.heads.Dirichlet`.
        targets: B×38, the 37 vote fractions and the number of volunteers.
    """
    with torch.autocast(logits.device.type, enabled=False):
        concentrations = Dirichlet.log_concentrations(logits.float()).exp()
        answers = answers_given(targets[:, :-1].float(), targets[:, -1:].float())
        return -log_likelihood(concentrations, answers).mean()


def answers_given(fractions: torch.Tensor, volunteers: torch.Tensor, steps: Sequence[Step] = STEPS) -> torch.Tensor:
    """Return how many volunteers gave each answer, B×C, for B×C fractions and B×1 volunteers.

    They need not be whole numbers, because the competition's fractions are of weighted votes. The fractions of a
    question that was renormalised, which others lead to but whose answers sum to 1 (question 6, and 8 below it), are of
    those who were asked it.
    """
    given: dict[int, torch.Tensor] = {}
    factors: dict[int, torch.Tensor] = {}
    for step in steps:
        if step.parent is not None:
            factor = factors[step.parent]
        elif step.leads_here:
            factor = torch.stack([given[column] for column in step.leads_here], dim=1).sum(dim=1)
        else:
            factor = volunteers[:, 0]
        for column in range(step.block.start, step.block.stop):
            given[column], factors[column] = fractions[:, column] * factor, factor
    return torch.stack([given[column] for column in range(fractions.shape[1])], dim=1)


def log_likelihood(concentrations: torch.Tensor, answers: torch.Tensor, steps: Sequence[Step] = STEPS) -> torch.Tensor:
    """Return the logarithm of the likelihood of the answers to each question, B×questions, in the order of `steps`.

    Where the numbers of answers (B×C) are not whole, gamma functions extend the factorials.
    """
    by_answer = (concentrations + answers).lgamma() - concentrations.lgamma() - (answers + 1).lgamma()
    asked = torch.stack([answers[:, step.block].sum(dim=1) for step in steps], dim=1)
    totals = torch.stack([concentrations[:, step.block].sum(dim=1) for step in steps], dim=1)
    by_question = torch.stack([by_answer[:, step.block].sum(dim=1) for step in steps], dim=1)
    return by_question + (asked + 1).lgamma() + totals.lgamma() - (totals + asked).lgamma()
