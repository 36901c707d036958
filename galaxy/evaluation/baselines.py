"""What a model must beat: fitted on the training galaxies, scored like any model."""

import numpy as np
from sklearn.cluster import KMeans


class ColumnMeans:
    """The best constant: each column's mean."""

    def fit(self, colours: np.ndarray, votes: np.ndarray) -> "ColumnMeans":
        """Args: colours: unused; votes: N×37."""
        self.means = votes.mean(axis=0)
        return self

    def predict(self, colours: np.ndarray) -> np.ndarray:
        """The same 37 values for each of M galaxies."""
        return np.tile(self.means, (len(colours), 1))


class CentralPixel:
    """Kaggle's central-pixel benchmark: six groups of galaxies by the mean colour of their central 10×10 pixels, each
    predicted as its mean."""

    GROUPS = 6

    def fit(self, colours: np.ndarray, votes: np.ndarray) -> "CentralPixel":
        """Args: colours: N×3 mean central colours; votes: N×37."""
        self.clusters = KMeans(self.GROUPS, n_init=10, random_state=0).fit(colours)
        self.means = np.stack([votes[self.clusters.labels_ == group].mean(axis=0) for group in range(self.GROUPS)])
        return self

    def predict(self, colours: np.ndarray) -> np.ndarray:
        """M×37, for M×3 mean central colours."""
        return self.means[self.clusters.predict(colours)]


BASELINES: dict[str, type[ColumnMeans] | type[CentralPixel]] = {
    "column_means": ColumnMeans,
    "central_pixel": CentralPixel,
}
