"""Params of what a network is shown of an image: random views in training, fixed ones in prediction."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from galaxy.core.params_file import Section


class Augmentation(Section):
    flip: bool = Field(description="Mirror half of the views, left to right and top to bottom.")
    rotation: float = Field(ge=0, le=180, description="Rotate by up to this many degrees either way; 180: any angle.")
    zoom: float = Field(ge=1, le=4, description="Zoom by a factor from 1/zoom to zoom, uniform in its logarithm.")
    crop: list[Annotated[int, Field(ge=8)]] | None = Field(
        min_length=2,
        max_length=2,
        description="Draw the side to show from this range, in pixels of the original, instead of zooming; null: zoom.",
    )
    shift: float = Field(ge=0, le=0.5, description="Shift by up to this share of the side, in both directions.")
    brightness: float = Field(ge=0, le=1, description="Change brightness by up to this share of the full range.")
    contrast: float = Field(ge=0, le=1, description="Change contrast by up to this share.")
    colour: float = Field(
        ge=0,
        le=1,
        description="Shift colours along the first principal axis of the training pixels: standard deviation of the "
        "shift, in theirs.",
    )

    @model_validator(mode="after")
    def _one_scale(self) -> Self:
        if self.crop is not None and self.crop[0] > self.crop[1]:
            raise ValueError(f"crop is {self.crop}; its first number must not be above its second")
        if self.crop is not None and self.zoom > 1:
            raise ValueError("crop and zoom both set the scale of the views; set crop to null or zoom to 1")
        return self


class RandomCrop(Section):
    """Augmentation for images with an up and a down, unlike galaxies."""

    flip: bool = Field(description="Mirror half of the views, left to right.")
    scale: list[Annotated[float, Field(gt=0, le=1)]] | None = Field(
        min_length=2, max_length=2, description="Least and largest share of the area to resize; null: crop, no resize."
    )
    pad: int = Field(
        ge=0, le=64, description="Mirror this many pixels onto each side before the cut (if scale is null)."
    )
    ratio: list[Annotated[float, Field(gt=0.1, lt=10)]] = Field(
        min_length=2, max_length=2, description="Least and largest ratio of width to height of the area to resize."
    )
    brightness: float = Field(ge=0, le=1, description="Change brightness by up to this share of the full range.")
    contrast: float = Field(ge=0, le=1, description="Change contrast by up to this share.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.pad and self.scale is not None:
            raise ValueError("pad works only on views that are not resized; set scale to null or pad to 0")
        for name, pair in (("scale", self.scale), ("ratio", self.ratio)):
            if pair is not None and pair[0] > pair[1]:
                raise ValueError(f"{name} is {pair}; its first number must not be above its second")
        return self


class Views(Section):
    rotations: int = Field(ge=1, le=360, description="Turns, equally far from each other; 4: quarter turns.")
    flip: bool = Field(description="Use each turn unmirrored and mirrored.")
    zooms: list[Annotated[float, Field(gt=0.2, lt=5)]] = Field(
        min_length=1, description="Zooms of each of those views; 1: none."
    )
