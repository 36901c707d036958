"""Random views: what they do to the pixels, and what part of the packed images they show."""

import numpy as np
import pytest
import torch
from conftest import augmentation, whole

from galaxy.data.augmentation import Augment, colour_axis
from galaxy.data.field_of_view import Cutout, FieldOfView
from galaxy.data.test_time_views import View


def test_no_augmentation_is_none_at_all():
    assert Augment.of(augmentation(), whole(64), seed=1) is None


def test_flips_are_exact_and_of_four_kinds():
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    augment = Augment.of(augmentation(flip=True), whole(16), seed=1)
    kinds = {v.tobytes() for v in (image, image[::-1], image[:, ::-1], image[::-1, ::-1])}
    assert {augment(image, key).tobytes() for key in range(40)} == kinds


def test_a_rotation_turns_about_the_centre_and_leaves_no_black_corner():
    image = np.full((65, 65, 3), 100, np.uint8)
    image[30:35, 30:35] = 255
    augment = Augment.of(augmentation(rotation=180), whole(65), seed=1)
    views = np.stack([augment(image, key) for key in range(20)])
    assert views.min() >= 99
    bright = np.argwhere(views[..., 0] > 180)
    assert np.abs(bright[:, 1:].mean(axis=0) - 32).max() < 0.5
    assert len({view.tobytes() for view in views}) == 20


def test_zooms_are_as_often_in_as_out():
    image = np.zeros((64, 64, 3), np.uint8)
    image[24:40, 24:40] = 200
    augment = Augment.of(augmentation(zoom=2), whole(64), seed=1)
    sides = np.sqrt([(augment(image, key)[..., 0] > 100).sum() for key in range(200)])
    assert sides.min() <= 10
    assert sides.max() > 27
    assert np.median(sides) == pytest.approx(16, abs=2)


def test_a_view_has_real_sky_where_the_packed_image_has_it():
    draw = np.random.default_rng(0)
    image = np.full((96, 96, 3), 10, np.uint8)
    image[16:80, 16:80] = draw.integers(100, 256, (64, 64, 3))  # what lies beyond the frame is dark
    augment = Augment.of(augmentation(rotation=180), Cutout(FieldOfView(128, 64), FieldOfView(192, 96)), seed=1)
    views = np.stack([augment(image, key) for key in range(20)])
    assert views.shape == (20, 64, 64, 3)
    corners = views[:, [0, 0, -1, -1], [0, -1, 0, -1]].reshape(20, -1)
    assert (corners.max(axis=1) < 20).mean() > 0.5  # reflection would show the bright square again
    assert views[:, 32, 32].min() > 50


def test_without_a_random_part_the_network_sees_the_same_in_training_and_when_it_is_scored():
    smooth = np.add.outer(np.arange(60), 2 * np.arange(60)).astype(np.uint8)[..., None].repeat(3, axis=2)
    frame = Cutout(FieldOfView(80, 32), FieldOfView(120, 60))
    trained = Augment.of(augmentation(), frame, seed=1)(smooth, 0)
    scored = View()(torch.from_numpy(smooth[None]), frame)[0].numpy()
    assert trained.shape == scored.shape == (32, 32, 3)
    assert np.abs(trained - scored).max() <= 1.01


def test_crops_are_drawn_uniformly_in_pixels_of_the_original():
    image = np.zeros((96, 96, 3), np.uint8)
    image[32:64, 32:64] = 200  # 64 pixels of the original
    augment = Augment.of(augmentation(crop=[80, 160]), Cutout(FieldOfView(128, 64), FieldOfView(192, 96)), seed=1)
    sides = np.sqrt([(augment(image, key)[..., 0] > 100).sum() for key in range(300)])
    crops = 64 * 64 / sides
    assert crops.min() == pytest.approx(80, abs=3)
    assert crops.max() == pytest.approx(160, abs=5)
    assert crops.mean() == pytest.approx(120, abs=4)


def test_colours_shift_along_the_first_axis_of_the_pixels():
    draw = np.random.default_rng(0)
    along = draw.normal(0, 20, (50, 8, 8, 1)) * np.array([0.8, 0.6, 0])
    images = np.clip(100 + along + draw.normal(0, 2, (50, 8, 8, 3)), 0, 255).astype(np.uint8)
    axis = colour_axis(images, np.arange(50))
    assert np.linalg.norm(axis) == pytest.approx(20, rel=0.05)
    assert np.abs(axis / np.linalg.norm(axis)) == pytest.approx([0.8, 0.6, 0], abs=0.05)
    augment = Augment.of(augmentation(colour=0.5), whole(8), 1, axis)
    flat = np.full((8, 8, 3), 100, np.uint8)
    shifts = np.array([augment(flat, key)[0, 0].astype(float) - 100 for key in range(400)])
    assert shifts.std(axis=0) == pytest.approx([8, 6, 0], abs=0.7)
    assert np.corrcoef(shifts[:, 0], shifts[:, 1])[0, 1] > 0.99
