"""Read a list and its images, check each row, assign the images to train, valid and test, and pack them."""

from galaxy.core.paths import PATHS
from galaxy.core.runtime import say
from galaxy.core.stage import run
from galaxy.own_labels import params


def main() -> None:
    options = params.load()
    say("prepare: starting")
    import numpy as np

    from galaxy.core import files
    from galaxy.data.split import SETS
    from galaxy.own_labels.prepare import prepare
    from galaxy.tasks import duplicates

    data, groups, left_out = prepare(options)
    data.write(PATHS.data / "labelled")
    counts = data.counts()
    files.write_csv(PATHS.metrics / "examples.csv", counts)
    files.write_csv(PATHS.data / "left_out.csv", left_out)
    identical = duplicates.count(groups, data.labels.strata, np.zeros(len(groups), bool))
    found = {"source": data.examples.source["source"], "images": len(groups), "left_out": len(left_out)}
    found |= {name: identical[name] for name in ("identical_images", "of_several_classes")}
    files.write_json(PATHS.metrics / "images.json", found)
    print(counts.to_string(index=False))
    print(
        "{images:,} images ({source}); {identical_images} identical to another, in {of_several_classes} cases with "
        "other labels; {left_out} rows left out (data/left_out.csv)".format(**found)
    )
    for name in counts["class"][(counts[list(SETS)] == 0).any(axis=1)]:
        print(f"warning: too few images of class {name}: some of the sets have none")


if __name__ == "__main__":
    run(main)
