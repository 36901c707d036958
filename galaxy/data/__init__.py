"""What models are trained on and predict: packed galaxies, their split, their batches.

* `galaxies`        packed sets of galaxies;
* `field_of_view`   how much sky images hold, and which part of it a network takes;
* `appearance`      images in a few numbers, for comparisons;
* `split`           which galaxies train, choose the epoch (valid) and test;
* `simulated_truth` expected votes, which only a simulation knows;
* `augmentation`    random views to train on;
* `batches`         images in batches, shared by processes;
* `test_time_views` fixed views whose predictions are averaged.
"""
