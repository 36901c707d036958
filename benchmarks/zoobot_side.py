"""Zoobot's training and predicting for `benchmarks/beside_zoobot.py`, in an environment of its own."""

import argparse
import json
import os
import time
from pathlib import Path

import pandas as pd
import timm
import torch
from galaxy_datasets.pytorch.galaxy_datamodule import CatalogDataModule
from galaxy_datasets.transforms import default_view_config, get_galaxy_transform, minimal_view_config
from zoobot.pytorch.predictions import predict_on_catalog
from zoobot.pytorch.training import finetune

KIND = "morphology"


def transform(config, size: int):
    config.output_size = size
    return get_galaxy_transform(config)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels", type=Path)
    parser.add_argument("epochs", type=int)
    parser.add_argument("batch_size", type=int)
    parser.add_argument("--network")
    parser.add_argument("--size", type=int)
    arguments = parser.parse_args()
    torch.manual_seed(1)
    table = pd.read_csv(arguments.labels)
    table["file_loc"] = [str(arguments.labels.parent / path) for path in table["path"]]
    table["id_str"] = table["id"].astype(str)
    classes = sorted(table[KIND].unique())
    table["label"] = table[KIND].map({name: number for number, name in enumerate(classes)})
    shuffled = table.sample(frac=1, random_state=1)
    tenth = len(table) // 10
    train, valid = shuffled[2 * tenth :], shuffled[tenth : 2 * tenth]
    views = {
        "train_transform": transform(default_view_config(), arguments.size),
        "test_transform": transform(minimal_view_config(), arguments.size),
    }
    loading = {"batch_size": arguments.batch_size, "num_workers": os.cpu_count()}
    encoder = timm.create_model(arguments.network, num_classes=0)
    model = finetune.FinetuneableZoobotClassifier(num_classes=len(classes), encoder=encoder, prog_bar=False)
    folder = arguments.labels.parent / "zoobot"
    start = time.perf_counter()
    data = CatalogDataModule(["label"], train_catalog=train, val_catalog=valid, test_catalog=valid, **views, **loading)
    trainer = finetune.get_trainer(
        str(folder), max_epochs=arguments.epochs, patience=arguments.epochs, devices=1, accelerator="cpu"
    )
    trainer.fit(model, data)
    trained = time.perf_counter()
    predict_on_catalog.predict(
        table,
        model,
        str(folder / "predictions.csv"),
        classes,
        views["test_transform"],
        datamodule_kwargs=loading,
        trainer_kwargs={"accelerator": "cpu", "devices": 1},
    )
    rates = {
        "training": len(train) * arguments.epochs / (trained - start),
        "predicting": len(table) / (time.perf_counter() - trained),
    }
    print("\n" + json.dumps(rates))


if __name__ == "__main__":
    main()
