"""Files of embeddings: Parquet with the columns of the images' list, their names, and `feature_0`, `feature_1` ….

What made them stands in the file's metadata, so that other images can be compared with them.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from galaxy.core import files
from galaxy.core.errors import GalaxyError, describe
from galaxy.embeddings.compute import PREFIX
from galaxy.inference.lists import PARQUET

_KEY = b"galaxy"

FITTED = 20_000
"""Most images from which the principal components are computed: the first ones."""


@dataclass(frozen=True)
class Origin:
    """What made a file of embeddings.

    Attributes:
        images: the inputs of the command, as absolute paths.
        model, digest: the model's folder, and its checksum.
        views: their number.
        crop: as the command's option; None: the model's own.
        fits: how FITS files were read, see `galaxy.inference.fits.FitsOptions`.
        center, components: what principal components were computed with (F, N×F); empty: none were.
    """

    images: list[str]
    model: str
    digest: str
    views: int
    crop: str | None
    fits: dict[str, Any]
    center: list[float]
    components: list[list[float]]

    def reduced(self, features: np.ndarray) -> np.ndarray:
        """Turn M×F features into what the file holds, M×N."""
        if not self.components:
            return features
        return ((features - np.array(self.center)) @ np.array(self.components).T).astype(np.float32)


def finish(whole: Path, out: Path, made: dict[str, Any], pca: int | None) -> int:
    """Write a file of embeddings from one without metadata, part by part; return the number of columns.

    Args:
        made: what `Origin` holds, but for the principal components.
        pca: the number of principal components to keep; None: the features as they are.

    Raises:
        GalaxyError: there are fewer features or images than components.
    """
    import pyarrow as pa
    from pyarrow import parquet

    source = parquet.ParquetFile(whole)
    names = [name for name in source.schema_arrow.names if name.startswith(PREFIX)]
    center, components = (None, None) if pca is None else _components(source, names, pca)
    origin = Origin(
        **made,
        center=[] if center is None else center.tolist(),
        components=[] if components is None else components.tolist(),
    )
    writer = None
    with files.atomic(out) as part:
        for batch in source.iter_batches():
            table = pa.Table.from_batches([batch])
            if pca is not None:
                others = table.drop_columns(names)
                values = origin.reduced(np.column_stack([table[name].to_numpy() for name in names]))
                place = table.schema.names.index(names[0])
                for number in reversed(range(pca)):
                    others = others.add_column(place, f"{PREFIX}{number}", pa.array(values[:, number]))
                table = others
            schema = table.schema.with_metadata(
                (table.schema.metadata or {}) | {_KEY: json.dumps(origin.__dict__).encode()}
            )
            writer = writer or parquet.ParquetWriter(part, schema)
            writer.write_table(table.cast(schema))
        if writer is not None:
            writer.close()
    return len(names) if pca is None else pca


def _components(source: Any, names: list[str], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the first principal components of the first images: F, and count×F."""
    from sklearn.decomposition import PCA

    parts, rows = [], 0
    for batch in source.iter_batches(columns=names):
        parts.append(np.column_stack([batch[name].to_numpy() for name in names]))
        rows += len(batch)
        if rows >= FITTED:
            break
    features = np.concatenate(parts)[:FITTED]
    features = features[np.isfinite(features).all(axis=1)]
    if count > min(features.shape):
        raise GalaxyError(
            f"--pca {count}: there are {len(features):,} images with {features.shape[1]:,} features; name up to "
            f"{min(features.shape)}"
        )
    fitted = PCA(count, svd_solver="full").fit(features)
    return fitted.mean_, fitted.components_


@dataclass(frozen=True)
class Embeddings:
    """A file of embeddings: the columns of N images, their embeddings (N×F float32), and what made them.

    Images that could not be read are left out.
    """

    path: Path
    table: pd.DataFrame
    features: np.ndarray
    origin: Origin


def read(path: Path) -> Embeddings:
    """Read a file of embeddings.

    Raises:
        GalaxyError: it is absent, damaged, or was not made by `galaxy embed`.
    """
    try:
        from pyarrow import parquet
    except ImportError:
        raise GalaxyError(f"{path}: {PARQUET}") from None
    try:
        content = parquet.read_table(path)
        noted = (content.schema.metadata or {})[_KEY]
    except FileNotFoundError:
        raise GalaxyError(f"{path}: no such file; make it with galaxy embed IMAGES --out {path}") from None
    except KeyError:
        raise GalaxyError(f"{path}: not made by galaxy embed; make it with galaxy embed IMAGES --out {path}") from None
    except Exception as error:  # pyarrow's, of many types
        raise GalaxyError(f"{path} cannot be read as Parquet: {describe(error)}; make it again") from None
    names = [name for name in content.schema.names if name.startswith(PREFIX)]
    features = np.column_stack([content[name].to_numpy().astype(np.float32) for name in names])
    usable = np.isfinite(features).all(axis=1)
    table = content.drop_columns(names).to_pandas()[usable].reset_index(drop=True)
    return Embeddings(path, table, features[usable], Origin(**json.loads(noted)))
