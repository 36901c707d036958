"""Baselines that a model must beat: fitted on the training galaxies, scored like a model."""

import numpy as np
from sklearn.cluster import KMeans


class ColumnMeans:
    """Predict each column's mean for every galaxy: the best constant."""

    def fit(self, colours: np.ndarray, votes: np.ndarray) -> "ColumnMeans":
        """Fit N×37 votes; `colours` is unused."""
        self.means = votes.mean(axis=0)
        return self

    def predict(self, colours: np.ndarray) -> np.ndarray:
        """Return the same 37 values for each of M galaxies."""
        return np.tile(self.means, (len(colours), 1))


class CentralPixel:
    """Kaggle's central-pixel benchmark: group galaxies by the mean colour of their central 10×10 pixels, and predict
    each group's mean."""

    GROUPS = 6

    def fit(self, colours: np.ndarray, votes: np.ndarray) -> "CentralPixel":
        """Fit N×3 mean central colours and N×37 votes."""
        self.clusters = KMeans(self.GROUPS, n_init=10, random_state=0).fit(colours)
        self.means = np.stack([votes[self.clusters.labels_ == group].mean(axis=0) for group in range(self.GROUPS)])
        return self

    def predict(self, colours: np.ndarray) -> np.ndarray:
        """Return M×37 fractions for M×3 mean central colours."""
        return self.means[self.clusters.predict(colours)]


BASELINES: dict[str, type[ColumnMeans | CentralPixel]] = {"column_means": ColumnMeans, "central_pixel": CentralPixel}
