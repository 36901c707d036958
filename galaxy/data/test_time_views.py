"""Fixed views for prediction: an image turned, mirrored and zoomed; the predictions for all of them are averaged.

The votes for a galaxy do not depend on its orientation, but a network's predictions do a little; their mean is better.
"""

import itertools
import math
from dataclasses import dataclass

import torch
from torch.nn import functional

from galaxy.core.errors import GalaxyError
from galaxy.core.params_views import Views
from galaxy.data.field_of_view import Cutout

MOST = 360
"""The largest number of views: one per degree."""


@dataclass(frozen=True)
class View:
    """Mirror, then turn by `angle` degrees anticlockwise, then enlarge by `zoom`, all about the centre."""

    angle: float = 0.0
    zoom: float = 1.0
    mirrored: bool = False

    def __call__(self, images: torch.Tensor, cutout: Cutout | None = None) -> torch.Tensor:
        """Return this view of B×H×W×C images (H = W), cut out as `cutout` says, whole by default.

        Quarter turns of whole images move pixels; every other view resamples them once.
        """
        if self.mirrored:
            images = images.flip(2)
        side = images.shape[1]
        share, size = (1.0, side) if cutout is None else (cutout.share, cutout.input.size)
        if self.zoom == 1 and self.angle % 90 == 0 and (share, size) == (1, side):
            return images.rot90(round(self.angle / 90), (1, 2))
        cos = math.cos(math.radians(self.angle)) * share / self.zoom
        sin = math.sin(math.radians(self.angle)) * share / self.zoom
        matrix = torch.tensor([[cos, -sin, 0], [sin, cos, 0]], device=images.device)
        pixels = images.permute(0, 3, 1, 2).float()
        shape = [*pixels.shape[:2], size, size]
        grid = functional.affine_grid(matrix.expand(len(pixels), 2, 3), shape, align_corners=False)
        turned = functional.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)
        return turned.permute(0, 2, 3, 1)


ONE = (View(),)
"""Only the image as it is."""


def views(options: Views) -> tuple[View, ...]:
    """Return all combinations of the turns, zooms and mirrorings in the options, the unturned image first."""
    angles = [360 * turn / options.rotations for turn in range(options.rotations)]
    mirrorings = (False, True) if options.flip else (False,)
    return tuple(View(*combination) for combination in itertools.product(angles, options.zooms, mirrorings))


def of_number(count: int) -> tuple[View, ...]:
    """Return that many views: 8 are the quarter turns, each mirrored too; any other number is as many turns.

    Raises:
        GalaxyError: the number is not 1 to 360.
    """
    if not 1 <= count <= MOST:
        raise GalaxyError(f"views is {count}; it may be 1 to {MOST} (8: quarter turns, each mirrored too)")
    flip = count == 8
    return views(Views(rotations=4 if flip else count, flip=flip, zooms=[1.0]))
