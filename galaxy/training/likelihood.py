"""The loss dirichlet_multinomial: how likely the votes are under the Dirichlet distributions that a network predicts.

A galaxy has shares for the answers to a question, drawn from a Dirichlet distribution, with which each volunteer who is
asked it answers. So the numbers of answers follow a Dirichlet-multinomial distribution. The likelihood is that of each
question, for the volunteers who were asked it.
"""

from collections.abc import Sequence

import torch

from galaxy.core.decision_tree import STEPS, Block, Step, of_blocks
from galaxy.models.heads import Dirichlet


def loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return the negative logarithms of two likelihoods, added: the mean over galaxies and questions, per volunteer.

    The first is that of the votes under the Dirichlet distributions. Where galaxies divide their volunteers in other
    ways than such a distribution, its likeliest mean is not the mean of the votes, and the RMSE is worse. So the second
    is added: that of the votes if everybody answered with the mean shares, which is highest at the mean of the votes.
    It does not depend on the totals. Per volunteer, the loss is about as large as the binary cross-entropy.

    Args:
        logits: B×37, see `galaxy.models.heads.Dirichlet`.
        targets: B×38, the 37 vote fractions and the number of volunteers.
    """
    with torch.autocast(logits.device.type, enabled=False):
        logs = Dirichlet.log_concentrations(logits.float())
        volunteers = targets[:, -1:].float()
        answers = answers_given(targets[:, :-1].float(), volunteers)
        votes, means = log_likelihood(logs.exp(), answers), log_likelihood_of_means(logs, answers)
        return -((votes + means) / volunteers).mean()


def loss_of_counts(logits: torch.Tensor, targets: torch.Tensor, questions: Sequence[Block]) -> torch.Tensor:
    """Return what `loss` does for the votes for the answers of another tree.

    Args:
        logits: B×K.
        targets: B×2K, of which the first half are the numbers of votes.
        questions: the tree's.
    """
    with torch.autocast(logits.device.type, enabled=False):
        logs, steps, answers = Dirichlet.log_concentrations(logits.float()), of_blocks(questions), targets.float()
        answers = answers[:, : logits.shape[1]]
        volunteers = answers[:, steps[0].block].sum(dim=1, keepdim=True)
        votes = log_likelihood(logs.exp(), answers, steps)
        means = log_likelihood_of_means(logs, answers, steps)
        return -((votes + means) / volunteers).mean()


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
    asked, totals = _sums(answers, steps), _sums(concentrations, steps)
    return _sums(by_answer, steps) + (asked + 1).lgamma() + totals.lgamma() - (totals + asked).lgamma()


def log_likelihood_of_means(
    log_concentrations: torch.Tensor, answers: torch.Tensor, steps: Sequence[Step] = STEPS
) -> torch.Tensor:
    """Return the logarithm of the likelihood if everybody answers with the mean shares, as `log_likelihood` does.

    What depends on the answers alone is left out.
    """
    log_totals = torch.stack([log_concentrations[:, step.block].logsumexp(dim=1) for step in steps], dim=1)
    return _sums(answers * log_concentrations, steps) - _sums(answers, steps) * log_totals


def _sums(values: torch.Tensor, steps: Sequence[Step]) -> torch.Tensor:
    """Return the sums over each question's answers, B×questions, of B×C values."""
    return torch.stack([values[:, step.block].sum(dim=1) for step in steps], dim=1)
