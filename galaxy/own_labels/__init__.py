"""Train on your own labels: a list of images with classes, fractions, numbers or votes.

* `params`     the settings in `params.yaml` of such a pipeline, typed and validated;
* `example`    writes a list of simulated galaxies with labels of each kind;
* `targets`    reads the labels of a list;
* `labelled`   holds images and labels in memory and on disk;
* `split`      assigns images to train, valid and test, each kind of label in each;
* `prepare`    reads a list and its images, and packs them;
* `start`      trains a model on simulated galaxies to start from;
* `train`      trains a model, on all labels or on a part of them;
* `scores`     computes metrics of models and baselines;
* `coverage`   measures the intervals of models on test;
* `evaluation` scores all models on test;
* `figures`    draws predicted against labelled values;
* `page`       writes the report.
"""
