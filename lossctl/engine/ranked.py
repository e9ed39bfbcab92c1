"""The block loop of losses of rows of embeddings.

A row is measured first (a distance, an angle), then the loss is a function of its measures, and the slopes by the
measures are carried back to the entries of the sides. Of most angles the sums over the rows say all: those are made for
a whole block at once, and what is near or far out of range is then measured row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from lossctl.engine import vectors
from lossctl.engine.adapt import Adapter
from lossctl.engine.loops import INFINITY, NAN, UNCOUNTED, more, total
from lossctl.engine.spread import ERROR, PROPAGATE
from lossctl.engine.sums import fetch, hold, lacking, lent, nothing, room, store, tally
from lossctl.loss import Loss, Setting
from lossctl.maths import select

Function = Callable[..., Any]
# What is kept of a pair of rows: two measures of it, and what carrying slopes back needs.
KEPT = 4


def ranked(space, add_up, settle, measure, spoilt, item, item_slope, degenerate, invalid, carry):
    """Return the kernel. Blocks are `width` rows of `n` numbers a side; `sides` and `slopes` are one array a side."""

    def kernel(
        lo,
        hi,
        size,
        n,
        width,
        sides,
        target,
        ignore,
        nonfinite,
        weights,
        params,
        factor,
        sums,
        masses,
        values,
        portions,
        slopes,
    ):
        sides = lent(sides)
        measures, moves = space(width), space(width)
        lines = room(width), room(width), room(width), room(width)
        found, by = lent(measures), lent(moves)
        losses, keep, shares, y = lent(lines)
        counts = UNCOUNTED
        for block in range(lo, hi):
            start = block * width
            rows = min(width, size - start)
            used, flat, endless, bad = nothing(), nothing(), nothing(), nothing()
            for k in range(rows):
                add_up(sides, start + k, n, params, found, k)
            unsettled = False
            for k in range(rows):
                unsettled = unsettled | settle(found, k)
            if unsettled:
                for k in range(rows):
                    measure(sides, start + k, n, params, found, k)
            if target is not None:
                for k in range(rows):
                    store(y, k, fetch(target, start + k))
            for k in range(rows):
                store(keep, k, select(fetch(y, k) == ignore, 0.0, 1.0))
            if nonfinite != PROPAGATE:
                for k in range(rows):
                    off = spoilt(sides, start + k, n, found, y, k)
                    bad = tally(bad, off & (nonfinite == ERROR) & (fetch(keep, k) == 1.0))
                    store(keep, k, select(off, 0.0, fetch(keep, k)))
            for k in range(rows):
                kept = fetch(keep, k) == 1.0
                loss = select(kept, item(found, y, k, params), 0.0)
                store(losses, k, loss)
                store(shares, k, fetch(keep, k))
                used = tally(used, kept)
                endless = tally(endless, loss == INFINITY)
                flat = tally(flat, kept & degenerate(found, k))
                bad = tally(bad, kept & invalid(found, y, k, params))
            if slopes is not None:
                for k in range(rows):
                    scale = factor if weights is None else factor * fetch(weights, start + k)
                    item_slope(found, y, k, params, select(fetch(keep, k) == 1.0, scale, 0.0), by)
                into = lent(slopes)
                for k in range(rows):
                    carry(sides, start + k, n, params, found, by, k, into)
            counts = more(counts, used, flat, endless, bad, 0)
            if values is not None:
                for k in range(rows):
                    store(values, start + k, select(fetch(keep, k) == 1.0, fetch(losses, k), NAN))
            if portions is not None:
                for k in range(rows):
                    store(portions, start + k, fetch(shares, k))
            sums[block] = total(rows, start, weights, losses)
            if masses is not None:
                masses[block] = total(rows, start, weights, shares)
        hold(measures)
        hold(moves)
        hold(lines)
        return counts

    return kernel


def ranked_kernel(loss: Loss, settings: dict[str, Setting]) -> Function:
    """Return the kernel of a loss of embeddings. Each pair of sides is measured once: by distance, or by angle."""
    adapter = Adapter(loss, settings)
    helpers = (
        "apart", "angle", "products", "within", "wide_angle", "NEAR", "push_apart", "push_angle", "spoils", "clear",
    )  # fmt: skip
    adapter.room |= {name: getattr(vectors, name) for name in helpers}
    adapter.room |= {"room": room, "lacking": lacking}
    lines = _lines(adapter)
    read = (*lines.read, *["y = fetch(known, k)"] * loss.has_target)
    value, invalid, scaled = adapter.call("value"), "False", "pass"
    if loss.inside:
        # A NaN among the targets is left out or comes here to go through.
        value, scaled = f"select(y == y, {value}, y)", "factor = select((y == y) | (factor == 0.0), factor, y)"
        invalid = f"(y == y) & (not {adapter.call('inside')})"
    by = [scaled, f"by = {adapter.call('slope')}", *lines.by] if loss.slope else ["pass"]
    return ranked(
        adapter.define("space", "width", f"return ({'room(width), ' * lines.parts})"),
        adapter.define("add_up", "sides, i, n, params, found, k", *lines.add_up),
        adapter.define("settle", "found, k", "unsettled = False", *lines.settle, "return unsettled"),
        adapter.define("measure", "sides, i, n, params, found, k", "pass", *lines.measure),
        adapter.define("spoilt", "sides, i, n, found, known, k", *lines.spoilt),
        adapter.define("item", "found, known, k, params", *read, f"return {value}"),
        adapter.define("item_slope", "found, known, k, params, factor, slopes", *read, *by),
        adapter.define("degenerate", "found, k", f"return {' | '.join(lines.voids) or 'False'}"),
        adapter.define("invalid", "found, known, k, params", *read, f"return {invalid}"),
        adapter.define("carry", "sides, i, n, params, found, by, k, slopes", *lines.carry),
    )  # fmt: skip


class Lines(NamedTuple):
    """The texts of the functions of a loss, and how many numbers are kept of a row."""

    parts: int
    add_up: list[str]
    settle: list[str]
    measure: list[str]
    spoilt: list[str]
    read: list[str]
    by: list[str]
    carry: list[str]
    voids: list[str]


def _lines(adapter: Adapter) -> Lines:
    loss, partials = adapter.loss, adapter.partials()
    norms = dict(zip((parameter.name for parameter in loss.parameters), adapter.arguments, strict=True))
    p = norms.get("p", "2.0")
    kinds = {"distance": "apart", "square": "apart", "cosine": "angle", "turn": "angle"}
    pairs = list(dict.fromkeys((kinds[name.split("_")[0]], name.split("_")[1]) for name in partials))
    lines = Lines(KEPT * len(pairs), [], [], [], [], [], [], [], [])
    # A measure may be infinite by itself: then the entries tell.
    entries = " + ".join(f"spoils(sides[{s}], sides[{s}], i, n, 1.0, 1.0, 0.0)" for s in range(len(loss.sides)))
    firsts = [f"fetch(found[{KEPT * j}], k)" for j in range(len(pairs))]
    lines.spoilt.extend((
        f"finite = {' + '.join(f'({first} - {first})' for first in firsts)}",
        "if finite != 0.0:",
        f"    finite = {entries}",
        "return finite + (fetch(known, k) - fetch(known, k)) != 0.0",
    ))  # fmt: skip
    touched: set[int] = set()
    for j, (kind, pair) in enumerate(pairs):
        one, other = (loss.sides.index(side) for side in pair)
        slots = [f"found[{KEPT * j + slot}]" for slot in range(KEPT)]
        kept = [f"fetch({slot}, k)" for slot in slots]
        rows = f"sides[{one}], sides[{other}], i, n"
        norm = f", {p}" if kind == "apart" else ""
        known = norm or f", {', '.join(kept[:3])}"
        measure = [f"kept = {kind}({rows}{known})", *(f"store({slot}, k, kept[{s}])" for s, slot in enumerate(slots))]
        if kind == "angle":
            lines.add_up.append(f"sums = products({rows}, 1.0, 1.0, 0.0)")
            lines.add_up.extend(f"store({slot}, k, sums[{s}])" for s, slot in enumerate(slots[:3]))
            lines.settle.extend(_settling(slots, kept))
            lines.measure.extend((f"if {kept[3]} == 1.0:", *(f"    {line}" for line in measure)))
        else:
            lines.add_up.extend(measure)
        names = [f"{measure}_{pair}" for measure, measured_by in kinds.items() if measured_by == kind]
        lines.read.extend(f"{name} = {text}" for name, text in zip(names, kept, strict=False))
        first, second = (partials.get(name, "0.0") for name in names)
        # d square = 2 distance d distance, d turn = -d cosine.
        second = f"times({second}, 2.0 * {kept[0]})" if kind == "apart" else f"-{second}"
        lines.by.append(f"store(slopes[{KEPT * j}], k, times(factor, {first} + {second}))")
        old = f"{one in touched}, {other in touched}"
        push = f"push_{kind}({rows}{norm}, fetch(by[{KEPT * j}], k)"
        push += f", {kept[2]}, {kept[3]}" if kind == "apart" else ""
        lines.carry.extend((
            f"if fetch(by[{KEPT * j}], k) != 0.0:",
            f"    {push}, slopes[{one}], slopes[{other}], {old})",
            "else:",
            *(f"    clear(slopes[{side}], i, n, {side in touched})" for side in (one, other)),
        ))  # fmt: skip
        touched |= {one, other}
        lines.voids.extend([f"({kept[2]} == 1.0)"] * (kind == "angle"))
    return lines


def _settling(slots: list[str], kept: list[str]) -> Iterator[str]:
    """Yield the lines that put an angle in place of three products, or a mark beside them where that is not all."""
    yield f"cosine, turn = wide_angle({', '.join(kept[:3])})"
    yield f"near = lacking(within({kept[1]}) & within({kept[2]}) & (cosine <= NEAR))"
    for slot, products, found in zip(slots, (*kept[:3], "1.0"), ("cosine", "turn", "0.0", "0.0"), strict=True):
        yield f"store({slot}, k, select(near, {products}, {found}))"
    yield "unsettled = unsettled | near"
