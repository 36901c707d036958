"""Search files of embeddings: write the images most similar to one, or the most unusual ones, as list and sheet."""

from pathlib import Path

import numpy as np
import pandas as pd

from galaxy.core import files
from galaxy.core.errors import GalaxyError
from galaxy.embeddings import contact_sheet, neighbours, stored
from galaxy.embeddings.embedder import Embedder
from galaxy.embeddings.stored import Embeddings
from galaxy.evaluation.figures import save
from galaxy.inference.lists import FILE, WARNING

RANK, SIMILARITY, INTEREST, INTERESTING = "rank", "similarity", "interest", "interesting"
YES, NO = ("1", "1.0", "yes", "true"), ("0", "0.0", "no", "false")


def write_similar(query: str, path: Path, number: int, out: Path, sheet: Path) -> str:
    """Write the images of a file of embeddings that are most similar to a query; return a line about it.

    Raises:
        GalaxyError: the file is none of embeddings, or the query is neither in it nor an image.
    """
    _check(number, out, sheet)
    found = stored.read(path)
    embedder = Embedder(found.origin)
    named = np.flatnonzero(found.table[FILE] == query)
    vector = found.features[named[0]] if len(named) else embedder.vector(query)
    rows, cosine = neighbours.similar(vector, found.features, number + len(named[:1]))
    kept = rows != named[0] if len(named) else np.ones(len(rows), bool)
    rows, cosine = rows[kept][:number], cosine[kept][:number]
    table = found.table.iloc[rows].reset_index(drop=True).drop(columns=WARNING, errors="ignore")
    table.insert(0, RANK, np.arange(1, len(rows) + 1))
    table[SIMILARITY] = cosine
    files.write_csv(out, table, float_format="%.6f")
    texts = [f"{name}\n{value:.3f}" for name, value in zip(table[FILE], cosine, strict=True)]
    title = f"most similar to {Path(query).name} (cosine similarity)"
    _draw(sheet, embedder, [query, *table[FILE]], [f"{Path(query).name}\nthe query", *texts], title)
    return f"{out}: {len(rows)} images; their pictures: {sheet}"


def write_unusual(path: Path, labels: Path | None, number: int, out: Path, sheet: Path) -> str:
    """Write all images of a file of embeddings, the most unusual first; return a line about it.

    Args:
        labels: a CSV with images that a user marked; None: there are none.

    Raises:
        GalaxyError: the file is none of embeddings, or the marks cannot be used.
    """
    _check(number, out, sheet)
    found = stored.read(path)
    scores = neighbours.unusual(found.features)
    order = scores["unusual"]
    if labels is not None:
        scores[INTEREST] = neighbours.interesting(found.features, *_marks(labels, found))
        order = scores["unusual"] * scores[INTEREST]
    rows = np.argsort(-order.to_numpy(), kind="stable")
    table = found.table.drop(columns=WARNING, errors="ignore").join(scores).iloc[rows].reset_index(drop=True)
    table.insert(0, RANK, np.arange(1, len(rows) + 1))
    files.write_csv(out, table, float_format="%.6f")
    shown = table.head(number)
    texts = [f"{row[FILE]}\n{row['unusual']:.3f}" for row in shown.to_dict("records")]
    _draw(sheet, Embedder(found.origin), shown[FILE].tolist(), texts, f"most unusual of {len(table):,} images")
    return f"{out}: {len(table):,} images, the most unusual first; pictures of the first {len(shown)}: {sheet}"


def _check(number: int, out: Path, sheet: Path) -> None:
    if number < 1:
        raise GalaxyError(f"--number is {number}; it must be 1 or more")
    for path, ending in ((out, ".csv"), (sheet, ".png")):
        if path.suffix != ending:
            raise GalaxyError(f"{path}: must end in {ending}")
        if not path.parent.is_dir():
            raise GalaxyError(f"{path}: {path.parent} is no folder; make it first")


def _marks(path: Path, found: Embeddings) -> tuple[np.ndarray, np.ndarray]:
    """Read which images are of interest: their rows, and whether they are."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise GalaxyError(f"{path} cannot be read as CSV: {error}") from None
    if missing := [name for name in (FILE, INTERESTING) if name not in table]:
        raise GalaxyError(f"{path}: no column {', '.join(missing)}; it must have {FILE} and {INTERESTING} (1 or 0)")
    table = table[table[INTERESTING].str.strip() != ""]
    marks = table[INTERESTING].str.strip().str.lower()
    if len(wrong := table[~marks.isin([*YES, *NO])]):
        raise GalaxyError(f"{path}: {INTERESTING} of {wrong[FILE].iloc[0]} is {wrong[INTERESTING].iloc[0]!r}; 1 or 0")
    rows = pd.Series(found.table.index, index=found.table[FILE])
    rows = rows[~rows.index.duplicated()]
    if len(unknown := table[~table[FILE].isin(rows.index)]):
        raise GalaxyError(f"{path}: {unknown[FILE].iloc[0]} is not in {found.path}; copy names from its list")
    interest = marks.isin(YES).to_numpy()
    if interest.all() or not interest.any():
        raise GalaxyError(f"{path}: marks {len(marks)} images, all the same; mark some with 1 and some with 0")
    return rows.loc[table[FILE]].to_numpy(), interest


def _draw(sheet: Path, embedder: Embedder, names: list[str], texts: list[str], title: str) -> None:
    """Draw the images of these names, among the embedded ones or files, as the model saw them."""
    save(contact_sheet.draw(embedder.pictures(names, contact_sheet.SIDE), texts, title), sheet)
