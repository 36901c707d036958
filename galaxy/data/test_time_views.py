"""Test-time views: a galaxy turned, mirrored and zoomed in fixed ways, whose predictions are averaged.

The votes for a galaxy do not depend on how it lies, but a network's answers do a little; their mean is better.
"""

import itertools
import math
from dataclasses import dataclass

import torch
from torch.nn import functional

from galaxy.core.errors import GalaxyError
from galaxy.data.field_of_view import Cutout
from galaxy.core.params import Views

MOST = 360
"""Views at most, a degree apart."""


@dataclass(frozen=True)
class View:
    """Mirror, then turn by `angle` degrees anticlockwise, then enlarge by `zoom`, all about the centre."""

    angle: float = 0.0
    zoom: float = 1.0
    mirrored: bool = False

    def __call__(self, images: torch.Tensor, frame: Cutout | None = None) -> torch.Tensor:
        """B×H×W×C pixels (H = W) to what the frame shows of them, all by default.

        Quarter turns of whole images move pixels; all else is one resampling of them.
        """
        if self.mirrored:
            images = images.flip(2)
        side = images.shape[1]
        share, size = (1.0, side) if frame is None else (frame.share, frame.seen.size)
        if self.zoom == 1 and self.angle % 90 == 0 and (share, size) == (1, side):
            return images.rot90(round(self.angle / 90), (1, 2))
        cos, sin = (f(math.radians(self.angle)) * share / self.zoom for f in (math.cos, math.sin))
        matrix = torch.tensor([[cos, -sin, 0], [sin, cos, 0]], device=images.device)
        pixels = images.permute(0, 3, 1, 2).float()
        shape = [*pixels.shape[:2], size, size]
        grid = functional.affine_grid(matrix.expand(len(pixels), 2, 3), shape, align_corners=False)
        turned = functional.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)
        return turned.permute(0, 2, 3, 1)


ONE = (View(),)
"""The image as it is, alone."""


def views(options: Views) -> tuple[View, ...]:
    """All combinations of the turns, zooms and mirrorings that the options ask for; the first leaves all as it is."""
    angles = [360 * turn / options.rotations for turn in range(options.rotations)]
    mirrorings = (False, True) if options.flip else (False,)
    return tuple(View(*combination) for combination in itertools.product(angles, options.zooms, mirrorings))


def of_number(count: int) -> tuple[View, ...]:
    """That many views: 8 are the quarter turns, as they are and mirrored; any other number is as many turns.

    Raises:
        GalaxyError: no such number of views.
    """
    if not 1 <= count <= MOST:
        raise GalaxyError(f"views is {count}; it may be 1 to {MOST} (8: quarter turns, each mirrored too)")
    flip = count == 8
    return views(Views(rotations=4 if flip else count, flip=flip, zooms=[1.0]))
