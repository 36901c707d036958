"""Test-time views: what is done to the pixels, and that a prediction is the mean over them."""

import re

import numpy as np
import pytest
import torch
from conftest import spec
from torch import nn

from galaxy.core import decision_tree
from galaxy.core.params_views import Views
from galaxy.data.test_time_views import ONE, View, views
from galaxy.models.network import Network
from galaxy.models.predict import predict


@pytest.fixture
def images() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8))


class Corner(nn.Module):
    """Answers every column with the brightness of one corner: a network that is far from indifferent to turns."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels[:, :1, 0, 0].expand(-1, len(decision_tree.COLUMNS))


def corner() -> Network:
    return Network(spec(model="resnet18", crop=8, size=8), Corner())


def test_four_turns_and_their_mirror_images_are_the_eight_ways_to_lay_a_square(images):
    eight = views(Views(rotations=4, flip=True, zooms=[1.0]))
    seen = {view(images).numpy().tobytes() for view in eight}
    assert len(seen) == 8
    transposed = images.transpose(1, 2).contiguous().numpy().tobytes()
    assert {images.numpy().tobytes(), transposed} <= seen
    assert all(view(images).dtype == torch.uint8 for view in eight)


def test_the_first_view_is_the_image_as_it_is(images):
    assert torch.equal(views(Views(rotations=3, flip=True, zooms=[1.0, 1.2]))[0](images), images)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("angle", [90.0, 180.0, 270.0])
def test_resampling_turns_the_same_way_as_moving_pixels(images, angle, mirrored):
    resampled = View(angle, 1 + 1e-7, mirrored)(images)
    assert resampled.shape == images.shape
    assert torch.allclose(resampled, View(angle, 1.0, mirrored)(images).float(), atol=0.01)


def test_zoom_enlarges_about_the_centre():
    image = torch.zeros(1, 64, 64, 3, dtype=torch.uint8)
    image[:, 28:36, 28:36] = 255
    assert View(0.0, 2.0)(image).sum() / image.sum() == pytest.approx(4, rel=0.02)


def test_nothing_black_comes_in_from_outside():
    white = torch.full((1, 32, 32, 3), 200, dtype=torch.uint8)
    for view in views(Views(rotations=7, flip=True, zooms=[0.8, 1.0, 1.3])):
        assert torch.allclose(view(white).float(), torch.tensor(200.0), atol=0.01)


def test_a_prediction_is_the_mean_over_the_views(images):
    network, eight = corner(), views(Views(rotations=4, flip=True, zooms=[1.0]))
    each = [predict(network, view(images).numpy(), 2) for view in eight]
    assert predict(network, images.numpy(), 2, views=eight) == pytest.approx(np.mean(each, axis=0), abs=1e-6)
    assert np.array_equal(predict(network, images.numpy(), 2, views=ONE), each[0])


def test_in_a_log_a_bar_is_one_line_at_its_start_and_one_at_its_end(images, capfd: pytest.CaptureFixture[str]):
    predict(corner(), images.numpy(), 1, label="predict corner, valid")
    lines = r"predict corner, valid: 2 images\npredict corner, valid: done in \d+\.\d s\n"
    assert re.fullmatch(lines, capfd.readouterr().err)
