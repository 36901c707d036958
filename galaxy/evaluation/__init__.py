"""How good predictions of vote fractions are, and what the galaxies are like.

A vote fraction is the share of a galaxy's volunteers who gave an answer. Valid chooses the epoch; test only measures.

* `scores`        `metrics/evaluate.json`, tables and figures for the test galaxies;
* `coverage`      how often intervals hold the votes, and how wide they are;
* `baselines`     column means, and the colour of the central pixels;
* `ensemble`      mean and weighted sums of models;
* `folds`         scores of models that were trained without a fold, on its galaxies;
* `comparison`    two predictions for the same galaxies, with intervals;
* `exploration`   first pictures of the labelled galaxies;
* `realism`       your galaxies compared with the competition's;
* `real_galaxies` the competition's galaxies in numbers;
* `figures`       plots as PNG.
"""
