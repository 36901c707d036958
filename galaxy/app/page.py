"""Word what was found about an image as HTML. What it looks like is in `style.css`."""

import base64
import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from matplotlib import pyplot as plt

from galaxy.app.look import INTERVAL, Look, Looker, Predicted
from galaxy.core import decision_tree
from galaxy.core.files import read_json
from galaxy.core.templates import environment
from galaxy.inference import plausibility, tree_figure
from galaxy.models.heads import PROBABILITIES, SHARES
from galaxy.report import likeliest_path

PACKAGE = "galaxy.app"


def style() -> str:
    """Return the page's style sheet as an element of its head."""
    return f"<style>{Path(__file__).with_name('style.css').read_text()}</style>"


def models(looker: Looker) -> str:
    """Return what the page says of its models: their names, what they were trained on, and what follows from it."""
    loaded, known = looker.models, []
    classes = any(network.spec.head_gives == PROBABILITIES for network in loaded.networks.values())
    what = "galaxies" if loaded.of_the_tree else "images"
    for folder, source in loaded.trained_on.items():
        data = read_json(Path(folder) / "model.json").get("data") or {}
        count = data.get("training_galaxies", data.get("training_images"))
        known.append({"name": Path(folder).name, "folder": folder, "source": source, "count": count})
    unknown = [Path(folder).name for folder, appearance in loaded.appearances.items() if appearance is None]
    return _fill(
        "models",
        models=known,
        what=what,
        unknown=unknown,
        no_statistics=plausibility.NO_STATISTICS,
        no_intervals="" if classes else looker.no_intervals,
    )


def problem(text: str) -> str:
    """Return the line that stands in place of a result."""
    return _fill("problem", text=text)


def result(look: Look) -> str:
    """Return all that the page shows of an image."""
    fractions = look.fractions
    return _fill(
        "result",
        look=look,
        interval=INTERVAL,
        picture=_png(look.picture),
        inputs=[{"side": len(pixels), "png": _png(pixels)} for pixels in look.inputs],
        sentence=None if fractions is None else likeliest_path.sentence(fractions),
        questions=None if fractions is None else _questions(look.predicted, fractions),
        tree=None if fractions is None else _tree(fractions),
        ranked=_ranked(look) if look.gives in SHARES else None,
        similar=None
        if look.similar is None
        else [(it, None if it.picture is None else _png(it.picture)) for it in look.similar],
    )


def _ranked(look: Look) -> list[tuple[str, Predicted]]:
    """Return classes with the likeliest first; other shares in the order of the model."""
    items = list(look.predicted.items())
    return items if look.likeliest is None else sorted(items, key=lambda item: -item[1].value)


def _questions(predicted: dict[str, Predicted], fractions: np.ndarray) -> list[dict[str, Any]]:
    """Return of each question how many volunteers are asked it, and its answers in words with what is predicted."""
    path = {step.column for step in likeliest_path.likeliest(fractions)}
    return [
        {
            "question": question,
            "asked": float(fractions[decision_tree.column_slice(question)].sum()),
            "answers": [
                {"text": answer.text, "likely": column in path, **vars(predicted[column])}
                for column, answer in zip(question.columns, question.answers, strict=True)
            ],
        }
        for question in decision_tree.QUESTIONS
    ]


def _fill(template: str, **values: Any) -> str:
    return environment(PACKAGE).get_template(f"{template}.html.j2").render(values)


def _png(pixels: np.ndarray) -> str:
    """Return a picture (H×W×3 uint8, RGB) as the address of itself."""
    encoded = cv2.imencode(".png", np.ascontiguousarray(pixels[..., ::-1]))[1]
    return _address("png", encoded.tobytes())


def _tree(fractions: np.ndarray) -> str:
    """Return a drawing of the tree as the address of itself, in lines that stay sharp when somebody zooms in."""
    figure = tree_figure.draw_tree(fractions)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg")
    plt.close(figure)
    return _address("svg+xml", buffer.getvalue())


def _address(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
