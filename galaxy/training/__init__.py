"""Training: one engine for every network and every objective, from one process to many machines.

Networks learn from the galaxies of train; those of valid choose the epoch that is kept.

* `vote_fractions` trains a model of galaxies: start reading here;
* `run`            one training, from its options to a saved model;
* `teacher`        another model's predictions to learn from;
* `objectives`     losses, metrics, and the metric that chooses the epoch;
* `likelihood`     the loss of votes under predicted Dirichlet distributions;
* `fit`            trains a network in place;
* `engine`         Lightning's module: steps, metrics, optimizer;
* `precision`      bfloat16 or float32, by the device;
* `schedule`       the learning rate by step;
* `history`        the metrics of each epoch, printed and kept;
* `loggers`        losses, metrics and params for TensorBoard, MLflow and others, if the params name one;
* `resume`         checkpoints, and resuming from them;
* `distributed`    several processes, GPUs and machines;
* `failures`       reasons why a training failed, in one line.
"""
