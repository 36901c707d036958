"""Baselines that a model must beat: fitted on the training galaxies, scored like a model."""

import cv2
import numpy as np
from scipy.spatial.distance import cdist


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
        cv2.setRNGSeed(0)
        # OpenCV's k-means finds what scikit-learn's does (a test), whose import alone would take seconds.
        stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 300, 1e-4)
        points = colours.astype(np.float32)
        groups = min(self.GROUPS, len(points))
        centres = cv2.kmeans(points, groups, np.empty(0), stop, 10, cv2.KMEANS_PP_CENTERS)[2]
        self.centres = centres[np.unique(self._nearest(colours, centres))]  # equal colours leave groups empty
        nearest = self._nearest(colours, self.centres)
        self.means = np.stack([votes[nearest == group].mean(axis=0) for group in range(len(self.centres))])
        return self

    def predict(self, colours: np.ndarray) -> np.ndarray:
        """Return M×37 fractions for M×3 mean central colours."""
        return self.means[self._nearest(colours, self.centres)]

    @staticmethod
    def _nearest(colours: np.ndarray, centres: np.ndarray) -> np.ndarray:
        """Return the nearest centre of each of M×3 colours."""
        return cdist(colours, centres).argmin(axis=1)


BASELINES: dict[str, type[ColumnMeans | CentralPixel]] = {"column_means": ColumnMeans, "central_pixel": CentralPixel}
