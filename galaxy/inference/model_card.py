"""Write a model card in Markdown from the `model.json` of a trained model."""

from typing import Any

import timm

from galaxy.core import decision_tree
from galaxy.core.params_file import leaves
from galaxy.core.templates import environment
from galaxy.models.heads import HEADS

TEMPLATE = "model_card.md.j2"


def markdown(name: str, card: dict[str, Any]) -> str:
    """Return the card of the model called `name`; `card` is the content of its `model.json`."""
    data, spec = card.get("data") or {}, card["spec"]
    template = environment("galaxy.inference").get_template(TEMPLATE)
    return template.render(
        name=name,
        spec=spec,
        of_the_tree=tuple(spec["outputs"]) == decision_tree.COLUMNS,
        gives=HEADS[spec["head"]].gives,
        params=leaves(card.get("params") or {}),
        metrics=card.get("metrics") or {},
        data=data,
        source=data.get("source") or {},
        start=starting_weights(card),
    )


def starting_weights(card: dict[str, Any]) -> str:
    """Return which weights the training started from, and their licence."""
    params, origin = card.get("params") or {}, (card.get("data") or {}).get("weights")
    if origin and "licence" in origin:
        commit = f" at commit {origin['revision']}" if origin["revision"] else ""
        licence = origin["licence"] or "not in its config.json: see where it comes from"
        return f"`{origin['file']}` of `{origin['path']}`{commit} (SHA-256 {origin['sha256']}). Its licence: {licence}"
    if params.get("pretrained"):
        published = timm.get_pretrained_cfg(card["spec"]["model"])
        if published is None:
            return "timm's published weights, which this version of timm does not know"
        licence = published.license or "unknown to timm: see where they come from"
        where = published.hf_hub_id or published.url or "timm"
        return f"timm's published weights `{where}` ({published.tag}). Their licence: {licence}"
    if origin:
        source = ((origin.get("data") or {}).get("source") or {}).get("source")
        trained = f", trained on {source} galaxies" if source else ""
        return (
            f"`{origin['path']}` (SHA-256 {origin['sha256']}{trained}). Such a file does not say its licence: "
            "ask where it comes from before you pass the model on"
        )
    return "random weights, so nobody else's licence applies"
