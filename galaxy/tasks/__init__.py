"""Train classification tasks on the same engine: Galaxy10, CIFAR-10, Fashion-MNIST, sports photographs.

* `params`          a task's `params.yaml`;
* `sources`         gets a task's data;
* `readers`         read data sets from files;
* `galaxy10`        Galaxy10's classes, from votes;
* `builtin_samples` makes a tiny sample for each task;
* `duplicates`      finds identical images;
* `split`           assigns images to train, valid and test;
* `prepare`         turns a task's data into split examples;
* `examples`        labelled images on disk;
* `train`           trains a classifier.

The images of valid choose the best epoch. `galaxy.task_results` scores what was trained.
"""
