"""Use trained models on your own images, and send a submission to Kaggle.

* `predictor`     predicts images: `galaxy.load(…).predict(…)`;
* `results`       computes on images and writes the results as they come;
* `stream`        reads and computes, batch by batch, and hands out parts of results;
* `prediction`    predicts a batch: the mean over models and views;
* `find_images`   finds the images that a user names;
* `image_list`    holds millions of images at the memory of their names;
* `lists`, `rows` read lists of images: CSV, text, Parquet;
* `catalogue`     puts the columns of lists in front of the results;
* `sources`       reads an image's bytes from a file, a zip or an array;
* `read_ahead`    reads batches while others are computed on;
* `image_workers` the processes that read, and what a bad file may cost them;
* `read_image`    reads one image as the input of a network;
* `fits`          reads FITS files as colour pictures;
* `fits_header`   units, pixels and bands of FITS files, by their headers or by options;
* `surveys`       zero points, pixels and bands of surveys by name;
* `plausibility`  warns of images unlike those of the training;
* `outputs`       where results may go, by the name's ending;
* `writing`       writes parts that outlast an interruption;
* `table_files`   writes CSV, Parquet and FITS tables from parts;
* `tree_figure`   draws a galaxy beside its decision tree;
* `export`        writes a network as ONNX;
* `model_card`    writes a model card;
* `submission`    writes and checks the CSV for the leaderboard;
* `kaggle_submit` sends it.

A vote fraction is the share of all volunteers who give an answer. A view is an image, turned or mirrored. The galaxies
of valid choose the best epoch.
"""
