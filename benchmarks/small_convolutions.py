"""3×3 convolutions of a few positions as matrix products, on the CPU: the same sums, up to rounding, in less time.

The last stages of a ResNet see 2×2 to 4×4 positions when images have 64 to 128 pixels. There oneDNN 3.x takes several
times as long for the gradient of the weights as for as many operations at 8×8. `OMP_NUM_THREADS=1 python
benchmarks/small_convolutions.py` prints how fast a ResNet-18 of 64 pixels trains without and with products, in turns:
on one core of an Intel Xeon with AMX 57 and 110 images/s.
"""

import statistics
import time

import timm
import torch
from torch import nn
from torch.nn import functional

from galaxy.core.runtime import keep_freed_memory

POSITIONS = 16
"""The largest number of output positions for which products are taken."""


def use() -> None:
    """From now on, in this process; convolutions on a GPU stay as they are."""
    nn.Conv2d.forward = _forward  # type: ignore[method-assign]


_usual = nn.Conv2d.forward


def _forward(self: nn.Conv2d, input: torch.Tensor) -> torch.Tensor:
    plain = (self.kernel_size, self.padding, self.dilation, self.groups) == ((3, 3), (1, 1), (1, 1), 1)
    if not plain or input.device.type != "cpu" or self.stride[0] != self.stride[1]:
        return _usual(self, input)
    stride = self.stride[0]
    count, (height, width) = len(input), [(side - 1) // stride + 1 for side in input.shape[2:]]
    if height * width > POSITIONS:
        return _usual(self, input)
    padded = functional.pad(input, (1, 1, 1, 1)).permute(0, 2, 3, 1)
    seen = [
        padded[:, i : i + stride * height : stride, j : j + stride * width : stride] for i in range(3) for j in range(3)
    ]
    columns = torch.stack(seen, 3).reshape(count * height * width, -1)
    weight = self.weight.permute(0, 2, 3, 1).reshape(self.out_channels, -1)
    product = functional.linear(columns, weight, self.bias)
    return product.view(count, height, width, -1).permute(0, 3, 1, 2)


def main() -> None:
    network = timm.create_model("resnet18").to(memory_format=torch.channels_last)
    images = torch.rand(32, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)
    keep_freed_memory()  # as in the engine's own trainings

    def rate() -> float:
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16):
            loss = network(images).float().square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return len(images) / (time.perf_counter() - start)

    rates: dict[str, list[float]] = {"usual": [], "products": []}
    for _ in range(12):
        nn.Conv2d.forward = _usual  # type: ignore[method-assign]
        rates["usual"].append(rate())
        use()
        rates["products"].append(rate())
    usual, products = (statistics.median(values) for values in rates.values())
    print(
        f"convolutions: {usual:.0f} images/s, products: {products:.0f} images/s, {products / usual:.2f} times as fast"
    )


if __name__ == "__main__":
    main()
