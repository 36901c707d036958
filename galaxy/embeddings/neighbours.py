"""Find among embeddings the most similar ones to an image, and the most unusual ones."""

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler, normalize

COMPONENTS = 30
"""Most principal components in which galaxies are unusual or not: in hundreds of dimensions all are far apart."""

NEAREST = 5
"""How many nearest neighbours an image's distance is the mean of."""

COMPARED = 20_000
"""Most images that the neighbours are among; a sample of those."""

TREES, SEED = 300, 1


def similar(query: np.ndarray, features: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the most similar embeddings, the most similar first, and their cosine similarity.

    Args:
        query: F numbers.
        features: N×F.
    """
    cosine = normalize(features) @ normalize(query[None])[0]
    rows = np.argsort(-cosine, kind="stable")[:number]
    return rows, cosine[rows]


def unusual(features: np.ndarray) -> pd.DataFrame:
    """Say how unusual each of N embeddings (N×F) is.

    Returns:
        `isolation`, how easily random cuts isolate it (scikit-learn's isolation forest); `distance`, to its nearest
        neighbours; and `unusual`, the mean of its ranks by both, 0 (most ordinary) to 1.
    """
    points = _reduced(features)
    isolation = -IsolationForest(n_estimators=TREES, random_state=SEED).fit(points).score_samples(points)
    chosen = np.arange(len(points))
    if len(points) > COMPARED:
        chosen = np.sort(np.random.default_rng(SEED).choice(len(points), COMPARED, replace=False))
    nearest = NearestNeighbors(n_neighbors=min(NEAREST + 1, len(chosen))).fit(points[chosen])
    distances, found = nearest.kneighbors(points)
    others = chosen[found] != np.arange(len(points))[:, None]  # an image may be among those compared
    others &= others.cumsum(axis=1) <= NEAREST
    distance = np.where(others, distances, 0).sum(axis=1) / np.maximum(others.sum(axis=1), 1)
    last = max(len(points) - 1, 1)
    ranks = [(rankdata(values) - 1) / last for values in (isolation, distance)]
    return pd.DataFrame({"unusual": np.mean(ranks, axis=0), "isolation": isolation, "distance": distance})


def interesting(features: np.ndarray, marked: np.ndarray, interest: np.ndarray) -> np.ndarray:
    """Return how likely each of N embeddings is of interest, learned from some that a user has marked.

    Args:
        marked: rows of the marked ones.
        interest: of each, whether it is of interest; both kinds must be there.
    """
    points = StandardScaler().fit_transform(_reduced(features))
    learned = LogisticRegression(class_weight="balanced", max_iter=1000).fit(points[marked], interest)
    return learned.predict_proba(points)[:, 1]


def _reduced(features: np.ndarray) -> np.ndarray:
    """Return the first principal components of N×F embeddings, whitened by none: distances keep their meaning."""
    count = min(COMPONENTS, *features.shape)
    return PCA(
        count, svd_solver="randomized" if count < min(features.shape) else "full", random_state=SEED
    ).fit_transform(features)
