"""The Lightning module that trains any network for any objective."""

from typing import Any

import lightning as L  # noqa: N812 (the library's own name)
import torch
from timm.optim import create_optimizer_v2
from torch import nn

from galaxy.core import stage
from galaxy.core.errors import GalaxyError
from galaxy.core.params import Training
from galaxy.data.field_of_view import Cutout
from galaxy.data.test_time_views import View
from galaxy.models.network import Network
from galaxy.training.history import EVALUATED
from galaxy.training.loggers import RunLog
from galaxy.training.objectives import Objective
from galaxy.training.schedule import schedule


class DivergedError(GalaxyError):
    """The loss or a metric became NaN or infinite; later weights are useless."""

    def __init__(self, event: str) -> None:
        super().__init__(f"training diverged: {event}; lower learning_rate, or set gradient_clip")


CHECKED_BATCHES = 50
"""Number of batches whose losses are checked and logged together, because reading them makes a GPU wait.

Where a step is computed in parts, each of them is a batch, and those that complete the step are added.
"""


class Engine(L.LightningModule):
    """Train a network for an objective and score it after each epoch.

    Args:
        cutout: what the network sees of the images that it is scored on; None: all.
        run_log: what logs the loss of each step; None: nothing does.

    Raises:
        DivergedError: a metric is NaN or infinite, or a loss is (noticed within `CHECKED_BATCHES` batches, and before
            the epoch is scored).
    """

    def __init__(
        self,
        network: Network,
        objective: Objective,
        options: Training,
        cutout: Cutout | None = None,
        run_log: RunLog | None = None,
    ) -> None:
        super().__init__()
        self.network, self.objective, self.options, self.cutout = network, objective, options, cutout
        self.run_log = run_log
        self.scores = {name: objective.metrics() for name in EVALUATED}
        self._registered = nn.ModuleList(self.scores.values())  # so that they move to the device
        self._losses: list[torch.Tensor] = []  # of the batches since the last check

    def on_train_epoch_start(self) -> None:
        stage.check()  # the last epoch is saved, so that a training resumes when its params are put back
        if self.options.freeze_epochs:
            self.network.freeze(self.current_epoch < self.options.freeze_epochs)

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], batch_idx: int) -> torch.Tensor:
        # Dropout's random draws depend on the batch and the process only, so a resumed training repeats them.
        parts = self.options.gradient_accumulation
        part = self.global_step * parts + batch_idx % parts
        torch.manual_seed(self.options.seed * 1_000_003 + part + self.global_rank * 2**32)
        images, targets = batch
        predict = self.network.logits if self.objective.on_logits else self.network
        loss = self.objective.loss(predict(images), targets)
        self._losses.append(loss.detach())
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        batches, parts = int(self.trainer.num_training_batches), self.options.gradient_accumulation
        done = batch_idx + 1
        if done < batches and (len(self._losses) < CHECKED_BATCHES or done % parts):
            return
        losses, first = torch.stack(self._losses), batch_idx + 2 - len(self._losses)
        self._losses.clear()
        # All processes check the same means, so that they stop together. A mean is finite only if all its losses are.
        losses = torch.as_tensor(self.trainer.strategy.reduce(losses, reduce_op="mean"))
        if self.run_log is not None:
            self.run_log.losses(self.global_step, losses.unflatten(0, (-1, parts)).mean(dim=1).tolist())
        bad = losses.isfinite().logical_not().nonzero()
        if len(bad):
            place = f"epoch {self.current_epoch + 1}, batch {first + int(bad[0])} of {batches}"
            raise DivergedError(f"the loss is {float(losses[bad[0]])} in {place}")

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int, dataloader_idx: int) -> None:
        images, targets = batch
        predicted = self.network(View()(images, self.cutout))
        self.scores[EVALUATED[dataloader_idx]].update(predicted, self.objective.scored(targets))

    def on_validation_epoch_end(self) -> None:
        for name, score in self.scores.items():
            for metric, value in score.compute().items():
                if not value.isfinite():
                    epoch = self.current_epoch + 1 if self.trainer.state.fn == "fit" else 0
                    raise DivergedError(f"{name}_{metric} is {float(value)} after epoch {epoch}")
                self.log(f"{name}_{metric}", value, sync_dist=True)
            score.reset()

    def configure_optimizers(self) -> Any:
        options = self.options
        try:
            optimizer = create_optimizer_v2(
                self.network.backbone,
                opt=options.optimizer,
                lr=options.learning_rate,
                weight_decay=options.weight_decay,
                layer_decay=options.layer_decay,
                **options.optimizer_args,
            )
        except (TypeError, ValueError) as error:
            refused = f"optimizer {options.optimizer!r} does not take {options.optimizer_args}"
            raise GalaxyError(f"{refused}: {error}; change optimizer_args") from None
        for group in optimizer.param_groups:
            group["lr"] *= group.get("lr_scale", 1)  # timm's own schedules would do that
        steps = int(self.trainer.estimated_stepping_batches)
        rates = schedule(optimizer, options, steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": rates, "interval": "step"}}
