"""What it is worth on a CPU that a process keeps its memory: `python benchmarks/memory.py [--rounds N]`.

Images a second of a training step on one batch that is there already, with `galaxy.memory.keep_freed` and without it,
each in a process of its own, in turns; the ratio of their medians. Peaks are of the whole process.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

import timm
import torch

from galaxy.core.runtime import keep_freed_memory

CASES = {
    "resnet18": {"size": 64, "precision": torch.bfloat16},
    "tf_efficientnet_lite0": {"size": 128, "precision": torch.float32},
}
BATCH, STEPS, WARM_UP = 32, 8, 3


def measure(model: str, keep: bool) -> dict[str, float]:
    """Images a second and the peak of memory in MB, in this process."""
    if keep:
        keep_freed_memory()
    size, precision = CASES[model].values()
    network = timm.create_model(model, num_classes=37).to(memory_format=torch.channels_last).train()
    images = torch.rand(BATCH, 3, size, size).contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters())
    start = 0.0
    for step in range(WARM_UP + STEPS):
        if step == WARM_UP:
            start = time.perf_counter()
        with torch.autocast("cpu", precision, enabled=precision is not torch.float32):
            loss = network(images).float().square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    seconds = time.perf_counter() - start
    return {"rate": BATCH * STEPS / seconds, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", nargs=2, metavar=("MODEL", "KEEP"), help="what the processes run")
    arguments = parser.parse_args()
    if arguments.measure:
        model, keep = arguments.measure
        print(json.dumps(measure(model, keep == "True")))
        return
    print(f"CPU, {torch.get_num_threads()} threads")
    for model, case in CASES.items():
        found: dict[bool, list[dict[str, float]]] = {True: [], False: []}
        for _ in range(arguments.rounds):
            for keep, measured in found.items():
                words = [sys.executable, __file__, "--measure", model, str(keep)]
                output = subprocess.run(words, check=True, capture_output=True, text=True).stdout  # noqa: S603 (itself)
                measured.append(json.loads(output))
        kept, given = (
            {key: statistics.median(of[key] for of in measured) for key in ("rate", "peak")}
            for measured in found.values()
        )
        print(
            f"{model} at {case['size']} px: {kept['rate']:.0f} images/s with memory kept, {given['rate']:.0f} without: "
            f"{kept['rate'] / given['rate']:.2f} times; peak {kept['peak']:.0f} MB, without {given['peak']:.0f} MB"
        )


if __name__ == "__main__":
    main()
