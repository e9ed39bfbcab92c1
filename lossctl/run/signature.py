"""The signature of a result: everything that decides its number, beside the data."""

from __future__ import annotations

from lossctl import __version__
from lossctl.requests import Request
from lossctl.run.foreground import Foreground
from lossctl.run.regions import RegionsWalk
from lossctl.run.walk import Walk


def signature(walk: Walk) -> str:
    """Return everything that decides the number, beside the data."""
    options, loss = walk.options, walk.loss
    pred_format, target_format = options.formats
    parts = [str(Request(loss, walk.settings))]
    if loss.shape == "boxes":
        parts.append(f"format={pred_format if pred_format == target_format else f'{pred_format}:{target_format}'}")
    if loss.shape == "rotated":
        parts.append(f"angle={options.angle}")
    if loss.takes_scores:
        parts.append(f"input={options.input}")
    if loss.shape in ("classes", "regions"):
        parts.append(f"layout={walk.reading.layout}")
    if isinstance(walk, RegionsWalk):
        parts += [f"aggregate={options.aggregate or 'per-image'}", f"absent={options.absent}"]
        parts += [f"activation={walk.activation}"] * (options.input == "logits")
        parts += ["include_background=no"] * (not options.include_background)
    if options.class_weights is not None:
        parts.append(f"class_weights={','.join(f'{w:g}' for w in options.class_weights)}")
    if options.ignore_index is not None:
        parts.append(f"ignore_index={options.ignore_index:g}")
    parts += [f"nonfinite={options.nonfinite}"] * (options.nonfinite != "error")
    if options.weights is not None:
        parts.append(f"weights={options.weights if isinstance(options.weights, Foreground) else 'yes'}")
    parts += [f"pairs={options.pairs}"] * (options.pairs is not None)
    if options.match is not None:
        given = (("by", options.match_by), ("score", options.match_score))
        by = [f"{name}={kind.name.replace(',', '+')}" for name, kind in given if kind is not None]
        parts.append(f"match={options.match}({','.join([f'threshold={options.threshold:g}', *by])})")
    parts += [f"like={options.like}"] * (options.like is not None)
    parts.append(f"reduction={options.reduction}")
    if options.normalizer is not None:
        parts.append(f"normalizer={options.normalizer:g}")
    return "|".join([*parts, f"arithmetic={'native' if walk.native else 'float64'}", f"lossctl={__version__}"])
