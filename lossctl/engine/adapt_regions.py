"""The few functions a kernel of regions is made of (see `adapt`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lossctl.engine import back, labelled_regions, pixels, regions, spread
from lossctl.engine.adapt import SIGMOID, SPREADS, TARGETS, Adapter, checks
from lossctl.engine.sums import PIECE, fold, folds, halved
from lossctl.loss import Loss, Setting

Function = Callable[..., Any]

# The sums over pixels that a region loss may ask for, and their derivatives by q.
SUMS = {
    "tp": ("q * y", "y"),
    "fp": ("q * (1.0 - y)", "1.0 - y"),
    "fn": ("r * y", "-y"),
    "tn": ("r * (1.0 - y)", "y - 1.0"),
    "diff": (
        # q - y, written with the digits of 1 - q where y is 1.
        "((q * (1.0 - y) - r * y) * (q * (1.0 - y) - r * y) if squared else q * (1.0 - y) + r * y)",
        "(2.0 * (q * (1.0 - y) - r * y) if squared else 1.0 - 2.0 * y)",
    ),
    # Σ abs(q - y): of soft targets, whose diff is not 0 where q = y, what some libraries take in its place.
    "apart": ("magnitude(q * (1.0 - y) - r * y)", "slope_of_abs(q * (1.0 - y) - r * y)"),
    "total": ("(q * q + y * y if squared else q + y)", "(2.0 * q if squared else 1.0)"),
    "target": ("y", "0.0"),
    # What does not count has neither q nor 1 - q.
    "count": ("select(q + r > 0.5, 1.0, 0.0)", "0.0"),
}


def _spreader(activation: str) -> tuple[Function, Function]:
    return SIGMOID if activation == "sigmoid" else SPREADS["probs" if activation == "none" else "logits"]


def regions_kernels(
    loss: Loss, settings: dict[str, Setting], arithmetic: str,
    activation: str, target: str, nonfinite: str, ignore: str,
) -> tuple[Function, ...]:  # fmt: skip
    """Return the kernels of a region loss: one that sums, one that carries slopes back to the pixels.

    `arithmetic`: as of `adapt.items_kernel`.
    """
    adapter = Adapter(loss, settings)
    adapter.room["squared"] = bool(settings.get("squared", False))
    pixel_slope = _pixel_slope(adapter)
    logs = True if loss.part else None
    if target == "mask":
        logits = activation == "sigmoid"
        suspect, invalid, _, kept = checks(adapter, "logits" if logits else "probs", (), nonfinite, ignore)
        of_score, score_slope = (spread.bernoulli, back.sigmoid_slope) if logits else (spread.chance, back.given_slope)
        piece = None
        if arithmetic and nonfinite != "skip" and not ignore:
            from lossctl.engine.packed import packed

            piece = packed(*_of_pixel(adapter, of_score, suspect), arithmetic == "native")
        return (
            regions.masks(of_score, suspect, invalid, kept, piece, *_mask_terms(adapter)),
            regions.mask_slopes(of_score, kept, pixel_slope, score_slope),
        )
    terms = _terms(adapter)
    if (activation, target, logs) == ("softmax", "labels", None):
        return labelled_regions.labelled(*terms), labelled_regions.labelled_slopes(pixel_slope)
    spreader, back_of = _spreader(activation)
    return (
        regions.regions(spreader, TARGETS[target], *terms, logs),
        regions.region_slopes(spreader, TARGETS[target], pixel_slope, logs, back_of),
    )


def _texts(adapter: Adapter) -> list[str]:
    return [adapter.call_part("part") if name == "parts" else SUMS[name][0] for name in adapter.loss.data]


def _put_terms(adapter: Adapter, texts: Sequence[str]) -> Function:
    lines = (f"store(parts[{s}], k, {text})" for s, text in enumerate(texts))
    return adapter.define("put_terms", "k, q, r, y, log_q, log_r, params, parts", *lines)


def _terms(adapter: Adapter) -> tuple[Function, Function, Function]:
    """Return space(width), put_terms(k, …, parts) and add_up(n, cell, parts, sums) for the sums of a loss."""
    texts = _texts(adapter)
    count = len(texts)
    return (
        adapter.define("space", "width", f"return ({'room(width), ' * count})"),
        _put_terms(adapter, texts),
        adapter.define(
            "add_up", "n, cell, parts, sums",
            *(f"sums[{count} * cell + {s}] = tree(parts[{s}], n)" for s in range(count)),
        ),
    )  # fmt: skip


def _mask_terms(adapter: Adapter) -> tuple[Function, ...]:
    """Return space(width), put_terms, clear(k, parts), fold_all(parts, folded, at) and add_up for `masks`."""
    texts = _texts(adapter)
    each = range(len(texts))
    adapter.room |= {"PIECE": PIECE, "fold": fold, "folds": folds, "halved": halved}
    return (
        adapter.define(
            "space", "width", f"return ({'room(PIECE), ' * len(texts)}), ({'folds(), ' * len(texts)})"
        ),
        _put_terms(adapter, texts),
        adapter.define("clear", "k, parts", *(f"store(parts[{s}], k, 0.0)" for s in each)),
        adapter.define("fold_all", "parts, folded, at", *(f"fold(parts[{s}], folded[{s}], at)" for s in each)),
        adapter.define(
            "add_up", "n, cell, folded, sums",
            *(f"sums[{len(texts)} * cell + {s}] = halved(folded[{s}], n)" for s in each),
        ),
    )  # fmt: skip


def _of_pixel(adapter: Adapter, of_score: Function, suspect: Function) -> tuple[Function, tuple[Function, ...]]:
    """Return the terms of pixel i, and the tests whether it is suspect, a target (y > 0), and likely to be one."""
    adapter.room["of_score"] = of_score
    head, read = "pred, target, i, params", ("q, r, log_q, log_r = of_score(fetch(pred, i))", "y = fetch(target, i)")
    terms = adapter.define("terms", head, *read, f"return {', '.join(_texts(adapter))},")
    there = adapter.define("there", head, *read, "return y > 0.0")
    likely = adapter.define("likely", head, *read, "return q >= 0.5")
    return terms, (suspect, there, likely)


def _pixel_slope(adapter: Adapter) -> Function:
    """Return the function of a pixel's slopes by q, ln q and ln(1 - q), from those by the sums."""
    loss, names = adapter.loss, adapter.loss.data
    by = {name: f"by[{len(names)} * cell + {s}]" for s, name in enumerate(names)}
    through_q = " + ".join(f"{by[name]} * ({SUMS[name][1]})" for name in names if name != "parts")
    lines = [f"return {through_q or '0.0'}, 0.0, 0.0"]
    if loss.part_slope is not None:
        lines = [
            f"scale = {by['parts']}",
            f"by_q, by_r, by_log_q, by_log_r = {adapter.call_part('part_slope')}",
            f"through_q = {through_q or '0.0'} + scale * (by_q - by_r)",
            "return through_q, times(scale, by_log_q), times(scale, by_log_r)",
        ]
    return adapter.define("pixel_slope", "q, r, log_q, log_r, y, params, by, cell", *lines)


def pixels_kernels(
    loss: Loss, settings: dict[str, Setting], arithmetic: str, activation: str, target: str, *_: str
) -> tuple[Function, ...]:
    """Return the kernels of a region loss of whole images.

    In turn: planes, parts, slopes of parts, slopes of predictions, sum of sorted parts and its slopes.
    """
    adapter = Adapter(loss, settings)
    head = "zs, qs, rs, ys, from_preds, from_targets, i, params"
    read = [f"{name} = fetch({name}s, i)" for name in loss.data]
    partials = adapter.partials()
    by = partials.get("z") or " ".join(f"{'+-'[name == 'r']} ({text})" for name, text in partials.items())
    item = adapter.define("item", head, *read, "return " + adapter.call("value"))
    lines = ["return 0.0"] if loss.slope is None else [*read, f"by = {adapter.call('slope')}", f"return 0.0 + {by}"]
    item_slope = adapter.define("item_slope", head, *lines)
    spreader, carry = _spreader(activation)
    return (
        pixels.planes(spreader, TARGETS[target]),
        pixels.parts(item),
        pixels.part_slopes(item_slope),
        pixels.planes_back(pixels.logit_back if loss.needs_logits else carry),
        pixels.falling,
        pixels.gains,
    )
