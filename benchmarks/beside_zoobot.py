"""Our training and predicting beside Zoobot's: `python benchmarks/beside_zoobot.py --zoobot PYTHON [--images N]`.

PYTHON is that of a virtual environment with `pip install "zoobot[pytorch]==2.9.0"`. Both train the same network from
random weights to tell three kinds of simulated galaxies, on the same JPEGs for the same epochs, then predict all of
them, in turns. The images per second are those of training, from JPEGs to the trained model, or of predicting, from
JPEGs to the table; imports are left out. Memory is the largest sum of Pss over all processes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import yaml
from streaming import memory

from galaxy.core.params import Simulated
from galaxy.own_labels import example

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
EPOCHS, BATCH = 3, 64


def ours(labels: Path, network: str, size: int, precision: str) -> dict[str, float]:
    """Seconds of our training and predicting."""
    from galaxy.core.paths import TrainingPaths
    from galaxy.inference import find_images, predictor
    from galaxy.own_labels.params import OwnLabels
    from galaxy.own_labels.prepare import prepare
    from galaxy.own_labels.train import train

    content = yaml.safe_load((ROOT / "tasks/own_labels/params.yaml").read_text())
    content["data"] |= {"source": "local", "local": str(labels), "crop": 0.75, "size": round(size * 1.5)}
    content |= {"start": None, "split": {"test": 0.1, "valid": 0.1, "seed": 1}}
    changed = {"model": network, "weights": None, "freeze_epochs": 0, "epochs": EPOCHS, "batch_size": BATCH}
    content["train"]["resnet"] |= changed | {"size": size, "crop": 0.5, "precision": precision}
    options, folder = OwnLabels.model_validate(content), labels.parent / "ours"
    paths = TrainingPaths(*(folder / name for name in ("model", "history.csv", "metrics.json", "scratch", "runs")))
    start = time.perf_counter()
    data, *_ = prepare(options)
    train(options.train["resnet"], data, paths)
    trained = time.perf_counter()
    loaded = predictor.load(folder / "model")
    loaded.predict_readable(find_images.find([labels.parent / "images"]), predictor.Options(), strict=True)
    images = len(data.rows("train")) * EPOCHS
    return {"training": images / (trained - start), "predicting": len(data.catalogue) / (time.perf_counter() - trained)}


def measured(command: list[str], folder: str) -> dict[str, Any]:
    """What a side prints in its last line, and its memory in MB; it runs in `folder`, where Zoobot leaves logs."""
    most = 0
    with subprocess.Popen(  # noqa: S603
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        process = psutil.Process(running.pid)

        def watch() -> None:
            nonlocal most
            while running.poll() is None:
                most = max(most, memory(process))
                time.sleep(0.5)

        watching = threading.Thread(target=watch)
        watching.start()
        output = running.communicate()[0]
        watching.join()
    if running.returncode:
        sys.exit(f"{' '.join(command)} ended with {running.returncode}")
    return json.loads(output.splitlines()[-1]) | {"MB": most / 2**20}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zoobot", type=Path, required=True, help="the Python of an environment with Zoobot")
    parser.add_argument("--images", type=int, default=2000, help="simulated galaxies, of which about half are taken")
    parser.add_argument("--network", default="resnet18")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ours", nargs=2, metavar=("LABELS", "PRECISION"), help="what a process of ours runs")
    arguments = parser.parse_args()
    if arguments.ours:
        labels, precision = arguments.ours
        print(json.dumps(ours(Path(labels), arguments.network, arguments.size, precision)))
        return
    options = Simulated(
        training_galaxies=arguments.images, test_galaxies=1, seed=3, volunteers=44, seeing=1.3, noise=1.0
    )
    rows = []
    with tempfile.TemporaryDirectory() as name:
        labels = example.write(Path(name), options)
        common = ["--network", arguments.network, "--size", str(arguments.size)]
        own = [sys.executable, str(Path(__file__).resolve()), "--zoobot", "-", *common, "--ours", str(labels)]
        theirs = str(HERE / "zoobot_side.py")
        sides = {
            "ours": [*own, "auto"],
            "ours, 32-true": [*own, "32-true"],
            "Zoobot": [str(arguments.zoobot.absolute()), theirs, str(labels), *common, str(EPOCHS), str(BATCH)],
        }
        for number in range(arguments.rounds):
            for side, command in sides.items():
                rows.append({"side": side, **measured(command, name)})
                print(f"round {number + 1}, {side}: {rows[-1]}", flush=True)
    print(pd.DataFrame(rows).groupby("side", sort=False).median().to_string(float_format="{:.1f}".format))


if __name__ == "__main__":
    main()
