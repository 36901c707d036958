"""Vectors in which similar images are near each other: what the last layer of a network gets.

* `compute`       computes them for batches of images;
* `stored`        reads and writes files of them;
* `embedder`      embeds further images as those of a file were, and shows those of the file;
* `neighbours`    finds the nearest and the most unusual ones;
* `contact_sheet` draws many images on one sheet;
* `search`        writes the images most similar to one, or the most unusual ones.
"""
