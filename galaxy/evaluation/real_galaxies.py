"""The competition's real galaxies in numbers, for `galaxy.evaluation.realism` to compare with."""

_COLUMNS = {
    "Class1.1": (0.435, 0.286),
    "Class1.2": (0.539, 0.299),
    "Class1.3": (0.026, 0.043),
    "Class2.1": (0.105, 0.212),
    "Class2.2": (0.435, 0.304),
    "Class3.1": (0.102, 0.174),
    "Class3.2": (0.333, 0.249),
    "Class4.1": (0.218, 0.289),
    "Class4.2": (0.217, 0.178),
    "Class5.1": (0.042, 0.092),
    "Class5.2": (0.180, 0.192),
    "Class5.3": (0.176, 0.181),
    "Class5.4": (0.036, 0.060),
    "Class6.1": (0.229, 0.229),
    "Class6.2": (0.771, 0.229),
    "Class7.1": (0.172, 0.239),
    "Class7.2": (0.209, 0.219),
    "Class7.3": (0.054, 0.110),
    "Class8.1": (0.033, 0.096),
    "Class8.2": (0.013, 0.028),
    "Class8.3": (0.033, 0.052),
    "Class8.4": (0.040, 0.082),
    "Class8.5": (0.064, 0.089),
    "Class8.6": (0.042, 0.108),
    "Class8.7": (0.004, 0.023),
    "Class9.1": (0.063, 0.139),
    "Class9.2": (0.011, 0.040),
    "Class9.3": (0.031, 0.093),
    "Class10.1": (0.094, 0.149),
    "Class10.2": (0.085, 0.139),
    "Class10.3": (0.038, 0.097),
    "Class11.1": (0.016, 0.056),
    "Class11.2": (0.094, 0.193),
    "Class11.3": (0.018, 0.064),
    "Class11.4": (0.008, 0.037),
    "Class11.5": (0.008, 0.038),
    "Class11.6": (0.074, 0.108),
}
"""Mean and standard deviation of each column.

The means are of 13,397 galaxies of the competition's training set. Standard deviations, and all values of pictures, are
of 4,157 of them, weighted to have the same means. `benchmarks/reference.py` computes them and shows that the weighting
corrects the smaller sample (RMSE of all zeros from 0.2758 to 0.2718, of the column means from 0.1686 to 0.1644).
"""

_PIXELS = {
    "centre_red": (25.55, 36.45),
    "centre_green": (22.17, 30.65),
    "centre_blue": (17.49, 26.75),
    "outside_red": (7.05, 13.07),
    "outside_green": (6.34, 10.35),
    "outside_blue": (4.48, 10.22),
}
"""Mean and standard deviation of each channel, 0–255, inside and outside the central 212×212 pixels."""

REAL: dict[str, float] = {
    # Scores of the competition: the all-zeros benchmark, the best constant, the central-pixel benchmark.
    "rmse_all_zeros": 0.2716,
    "rmse_column_means": 0.1639,
    "rmse_central_pixel": 0.1619,
    **{f"mean_{column}": mean for column, (mean, _) in _COLUMNS.items()},
    **{f"spread_{column}": spread for column, (_, spread) in _COLUMNS.items()},
    "median_jpeg_bytes": 13_186.0,
    **{f"mean_{place}": mean for place, (mean, _) in _PIXELS.items()},
    **{f"spread_{place}": spread for place, (_, spread) in _PIXELS.items()},
}
