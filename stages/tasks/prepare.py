"""Collect a task's images, find identical ones, split, and write them."""

from galaxy.core import outside
from galaxy.core.paths import DOWNLOADS, PATHS
from galaxy.core.runtime import say
from galaxy.core.stage import run
from galaxy.tasks import params


def main() -> None:
    options = params.load()
    say("prepare: starting")
    from galaxy.core import files
    from galaxy.tasks.prepare import prepare

    prepared = prepare(options, outside.locate(DOWNLOADS))
    prepared.write(PATHS.data)
    for name, identical in prepared.identical.items():
        examples = prepared.examples[name]
        source = examples.source["source"]
        counts = examples.counts()
        files.write_csv(PATHS.metrics / name / "examples.csv", counts)
        found = {"source": source, "images": len(examples.images), **identical}
        files.write_json(PATHS.metrics / name / "images.json", found)
        print(f"{options.data.name}, {name} ({source}): {len(examples.images)} images")
        print(counts.to_string(index=False))
        print(
            "identical images: {identical_images} in {identical_groups} groups, {of_several_classes} of them of "
            "several classes; {left_out} left out because they are in the data's own test set too".format(**identical)
        )


if __name__ == "__main__":
    run(main)
