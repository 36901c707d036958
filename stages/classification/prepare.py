"""Collect a task's data, pack them, split them: `python -m stages.classification.prepare cifar10`."""

from galaxy.core import files
from galaxy.tasks import params
from galaxy.tasks.prepare import prepare
from galaxy.core.errors import run
from stages.classification.arguments import parser
from stages.classification.paths import DOWNLOADS, TaskPaths


def main() -> None:
    task = parser("prepare", __doc__).parse_args().task
    options = params.load(task)
    paths = TaskPaths(task)
    prepared = prepare(task, options, DOWNLOADS)
    prepared.write(paths.data)
    for name, identical in prepared.identical.items():
        examples = prepared.examples[name]
        counts = examples.counts()
        files.write_csv(paths.metrics / name / "examples.csv", counts)
        found = {"source": examples.source["source"], "images": len(examples.images), **identical}
        files.write_json(paths.metrics / name / "images.json", found)
        print(f"{task}, {name} ({examples.source['source']}): {len(examples.images)} images")
        print(counts.to_string(index=False))
        print(
            "identical images: {identical_images} in {identical_groups} groups, {of_several_classes} of them of "
            "several classes; {left_out} left out, being in the data's own test set too".format(**identical)
        )


if __name__ == "__main__":
    run(main)
