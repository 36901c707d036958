"""Read a list and its images, check each row, assign the images to train, valid and test, and pack them."""

from galaxy.core.paths import PATHS
from galaxy.core.runtime import say
from galaxy.core.stage import run
from galaxy.own_labels import params


def main() -> None:
    options = params.load()
    say("prepare: starting")
    from galaxy.core import files
    from galaxy.own_labels.prepare import prepare
    from galaxy.tasks import duplicates

    data, left_out = prepare(options)
    images = data.examples.images
    data.write(PATHS.data / "labelled")
    counts = data.examples.counts()
    files.write_csv(PATHS.metrics / "examples.csv", counts)
    files.write_csv(PATHS.data / "left_out.csv", left_out)
    groups = duplicates.groups(images)
    found = {
        "source": data.examples.source["source"],
        "images": len(images),
        "identical_images": len(images) - len(set(groups.tolist())),
        "left_out": len(left_out),
    }
    files.write_json(PATHS.metrics / "images.json", found)
    print(counts.to_string(index=False))
    print(
        f"{found['images']:,} images ({found['source']}); {found['identical_images']} are identical to another; "
        f"{found['left_out']} rows left out{' (data/left_out.csv)' if len(left_out) else ''}"
    )


if __name__ == "__main__":
    run(main)
