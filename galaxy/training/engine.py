"""The Lightning module that trains any network for any objective."""

class DivergedError(GalaxyError):
    """A loss or a score that is no finite number; of no use is whatever training goes on from there."""

    def __init__(self, where: str) -> None:
        super().__init__(f"training diverged: {where}; lower learning_rate, or set gradient_clip")


CHECKED_BATCHES = 50
"""Batches after which losses are looked at: to look at one makes a GPU wait, so many are looked at together."""


class Engine(L.LightningModule):
    """A network, its task, how it is optimised, and what it sees of the images that it is scored on (None: all).

    Raises:
        DivergedError: a loss that is no finite number (at the latest `CHECKED_BATCHES` later, and before the epoch is
            scored), or such a score.
    """

    def __init__(self, network: Network, task: Task, options: Training, frame: Cutout | None = None) -> None:
        super().__init__()
        self.network, self.task, self.options, self.frame = network, task, options, frame
        self.scores = {name: task.metrics() for name in EVALUATED}
        self._registered = nn.ModuleList(self.scores.values())  # or they would not move to the device
        self._losses: list[torch.Tensor] = []  # of the batches since they were last looked at

    def on_train_epoch_start(self) -> None:
        if self.options.freeze_epochs:
            self.network.freeze(self.current_epoch < self.options.freeze_epochs)

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int) -> torch.Tensor:
        # Dropout and the like: the same draws in a step whether or not the training was interrupted before it, and
        # others in each process.
        torch.manual_seed(self.options.seed * 1_000_003 + self.global_step + self.global_rank * 2**32)
        images, targets = batch
        loss = self.task.loss(self.network(images), targets)
        self._losses.append(loss.detach())
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        batches = int(self.trainer.num_training_batches)
        if len(self._losses) < CHECKED_BATCHES and batch_idx + 1 < batches:
            return
        losses, first = torch.stack(self._losses), batch_idx + 2 - len(self._losses)
        self._losses.clear()
        # Together, lest one process stops and the others wait for it. A mean of losses is finite if they all are.
        losses = torch.as_tensor(self.trainer.strategy.reduce(losses, reduce_op="mean"))
        bad = losses.isfinite().logical_not().nonzero()
        if len(bad):
            place = f"epoch {self.current_epoch + 1}, batch {first + int(bad[0])} of {batches}"
            raise DivergedError(f"the loss is {float(losses[bad[0]])} in {place}")

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], _: int, dataloader_idx: int) -> None:
        images, targets = batch
        self.scores[EVALUATED[dataloader_idx]].update(self.network(View()(images, self.frame)), targets)

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
            reason = f"optimizer {options.optimizer!r} does not take {options.optimizer_args}"
            raise GalaxyError(f"{reason}: {error}; change optimizer_args") from None
        for group in optimizer.param_groups:
            group["lr"] *= group.get("lr_scale", 1)  # timm leaves that to its own schedules
        steps = int(self.trainer.estimated_stepping_batches)
        rates = schedule(optimizer, options, steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": rates, "interval": "step"}}
