"""The few functions a kernel is made of, from the functions of a loss file.

A loss names the data it needs and its parameters; a kernel calls everything the same way. The adapters between them are
generated: settings that select code (choices, switches, none) are written into the text, so that the compiler
sees constants, numbers are taken from the tuple `params`, so that another number needs no other compilation.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from lossctl.engine import back, items, labelled, loops, spread
from lossctl.engine.sums import crowded, expect, fetch, lacking, room, store, tree
from lossctl.loss import PREDICTED, Loss, Setting
from lossctl.maths import (
    EASY_EXPONENTS,
    FARTHEST_ANGLE,
    RADIAN,
    cosine,
    cosine_degrees,
    magnitude,
    maximum,
    minimum,
    ratio,
    select,
    sine,
    sine_degrees,
    slope_of_abs,
    times,
)  # fmt: skip

Function = Callable[..., Any]
# What the text of an adapter may call.
HELPERS = (
    spread.bernoulli, spread.chance, expect, fetch, lacking, store, room, tree, magnitude, maximum, minimum, ratio,
    select, slope_of_abs, times, sine, cosine, sine_degrees, cosine_degrees,
)  # fmt: skip

# 0 of boxes of numbers; an infinite one leaves inf - inf = NaN, which equals nothing.
BOX_SPREAD, ROTATED_SPREAD = (
    " + ".join(f"({side}[{k}] - {side}[{k}])" for side in "pg" for k in range(n)) for n in (4, 5)
)


def numbers(settings: dict[str, Setting], static: Sequence[str]) -> tuple[float, ...]:
    """Return the settings that are passed at run time."""
    return tuple(float(v) for n, v in settings.items() if n not in static)  # type: ignore[arg-type]


def static_names(loss: Loss, settings: dict[str, Setting]) -> list[str]:
    """Return the parameters whose settings are compiled in."""
    return [p.name for p in loss.parameters if p.static(settings[p.name], EASY_EXPONENTS)]


class Adapter:
    """Writes and runs the text of adapters for one loss under given settings."""

    def __init__(self, loss: Loss, settings: dict[str, Setting]) -> None:
        self.loss = loss
        self.room: dict[str, Any] = {function.__name__: function for function in HELPERS}
        self.room |= {"__name__": __name__, "value": loss.value, "slope": loss.slope, "weight": loss.weight}
        self.room |= {"inside": loss.inside, "part": loss.part, "part_slope": loss.part_slope}
        static = static_names(loss, settings)
        order = iter(range(len(settings)))
        self.arguments = [
            repr(setting) if name in static else f"params[{next(order)}]" for name, setting in settings.items()
        ]

    def call(self, function: str) -> str:
        """Return the text of a call of `value`, `slope` or `weight` with data and settings in place."""
        data = [{"pred": "x", "target": "t", "classes": "float(classes)"}.get(name, name) for name in self.loss.data]
        return f"{function}({', '.join([*data, *self.arguments])})"

    def call_part(self, function: str) -> str:
        """Return the text of a call of `part` or `part_slope` with data and settings in place."""
        assert self.loss.part is not None
        taken = inspect.signature(self.loss.part).parameters
        data = list(taken)[: len(taken) - len(self.arguments)]
        return f"{function}({', '.join([*data, *self.arguments])})"

    def define(self, name: str, arguments: str, *lines: str) -> Function:
        """Return the function of that text."""
        body = "\n".join("    " + line for line in lines)
        exec(f"def {name}({arguments}):\n{body}\n", self.room)
        function: Function = self.room[name]
        return function

    def partials(self) -> dict[str, str]:
        """Return, for each prediction argument of the loss, the text of its derivative in the tuple `by`."""
        predicted = [name for name in self.loss.data if name in PREDICTED[self.loss.shape]]
        if len(predicted) == 1:
            return {predicted[0]: "by"}
        return {name: f"by[{i}]" for i, name in enumerate(predicted)}


def items_kernel(
    loss: Loss, settings: dict[str, Setting], arithmetic: str,
    source: str, formats: tuple[str, ...], nonfinite: str, ignore: str,
) -> Function:  # fmt: skip
    """Return the kernel of a loss of numbers, binary scores (`source`: logits or probs), boxes or scores to be ranked.

    Of scores to be ranked `pred` is a tuple, an array for each side. `nonfinite`: whether a NaN or an infinity is an
    error, is skipped or propagates. `ignore`: whether a target may say that an item does not count. `arithmetic`:
    float64 or native where it will be compiled, else "".
    """
    adapter = Adapter(loss, settings)
    head = "pred, target, i, params"
    read: tuple[str, ...]
    if loss.shape == "boxes":
        read = (_corners("p", "pred", formats[0]), _corners("g", "target", formats[1]))
    elif loss.shape == "rotated":
        read = (*_rotated(), *_angles(loss, formats[0]))
    elif loss.shape == "binary":
        spreader = "bernoulli" if source == "logits" else "chance"
        read = (f"q, r, log_q, log_r = {spreader}(fetch(pred, i))", "y = fetch(target, i)")
    elif loss.shape == "scores":
        read = _scores(loss)
    else:
        read = ("x = fetch(pred, i)", "t = fetch(target, i)")
    value, scaled = adapter.call("value"), read
    if loss.shape != "binary" and nonfinite == "propagate":
        # Their formulas do not look at everything themselves.
        adapter.room["NAN"] = loops.NAN
        read = (*read, f"off = {_broken(loss)}")
        value, scaled = f"select(off, NAN, {value})", (*read, "factor = select(off, NAN, factor)")
    item = adapter.define("item", head, *read, f"return {value}")
    share = adapter.define("share", head, *read, "return " + adapter.call("weight")) if loss.weight else None
    slope_lines = _slope_lines(adapter, scaled, source, formats[0])
    item_slope = adapter.define("item_slope", f"{head}, factor, slopes", *slope_lines)
    coming = None
    if arithmetic == "native" and loss.per_item == 1:
        sides = [f"pred[{s}]" for s in range(len(loss.sides))] if loss.shape == "scores" else ["pred"]
        sides += ["target"] * loss.has_target
        coming = adapter.define("coming", "pred, target, i", *(f"expect({side}, i)" for side in sides))
    tests = checks(adapter, source, formats, nonfinite, ignore)
    piece = None
    if arithmetic and loss.per_item == 1 and nonfinite != "skip" and not ignore:
        from lossctl.engine.packed import packed

        piece = packed(item, tests[:1], arithmetic == "native")
    kernel = items.items(item, item_slope, share, *tests, coming, piece)
    return kernel if loss.per_item == 1 else crowded(kernel)


def _broken(loss: Loss) -> str:
    """Return the text that tells whether an item is NaN: a number of it is, or one of a box is not finite."""
    if loss.shape == "boxes":
        return f"{BOX_SPREAD} != 0.0"
    if loss.shape == "rotated":
        return f"{ROTATED_SPREAD} != 0.0"
    names = [*loss.sides, *["y"] * loss.has_target] if loss.shape == "scores" else ["x", "t"]
    return " | ".join(f"({name} != {name})" for name in names)


def _corners(name: str, side: str, box_format: str) -> str:
    a, b, c, d = (f"fetch({side}, 4 * i + {k})" for k in range(4))
    return {
        "xyxy": f"{name} = ({a}, {b}, {c}, {d})",
        "xywh": f"{name} = ({a}, {b}, {a} + {c}, {b} + {d})",
        "cxcywh": f"{name} = ({a} - 0.5 * {c}, {b} - 0.5 * {d}, {a} + 0.5 * {c}, {b} + 0.5 * {d})",
    }[box_format]


def _scores(loss: Loss) -> tuple[str, ...]:
    sides = (f"{name} = fetch(pred[{s}], i)" for s, name in enumerate(loss.sides))
    return (*sides, *["y = fetch(target, i)"] * loss.has_target)


def _rotated() -> tuple[str, ...]:
    sides = {"p": "pred", "g": "target"}
    return tuple(
        f"{name} = ({', '.join(f'fetch({side}, 5 * i + {k})' for k in range(5))})" for name, side in sides.items()
    )


def _angles(loss: Loss, unit: str) -> tuple[str, ...]:
    """Return the lines that make the sines and cosines that a loss of rotated boxes asks for."""
    ending = "_degrees" if unit == "degrees" else ""
    pairs = {name: f"p[4], {less}" for name, less in (("tilt", "0.0"), ("turn", "g[4]")) if name in loss.data}
    return tuple(f"{name} = (sine{ending}({pair}), cosine{ending}({pair}))" for name, pair in pairs.items())


def _slope_lines(adapter: Adapter, read: tuple[str, ...], source: str, box_format: str) -> tuple[str, ...]:
    loss = adapter.loss
    if loss.slope is None:
        return ("pass",)
    lines = (*read, f"by = {adapter.call('slope')}")
    if loss.shape == "numbers":
        return (*lines, "store(slopes, i, times(factor, by))")
    if loss.shape == "scores":
        by = enumerate(adapter.partials().values())
        return (*lines, *(f"store(slopes[{s}], i, times(factor, {text}))" for s, text in by))
    if loss.shape == "binary":
        return (
            *lines,
            f"by = {_binary_chain(adapter.partials(), source)}",
            "store(slopes, i, times(factor, by))",
        )
    outputs = {
        "xyxy": ("by[0]", "by[1]", "by[2]", "by[3]"),
        "xywh": ("by[0] + by[2]", "by[1] + by[3]", "by[2]", "by[3]"),
        "cxcywh": ("by[0] + by[2]", "by[1] + by[3]", "0.5 * (by[2] - by[0])", "0.5 * (by[3] - by[1])"),
        "radians": ("by[0]", "by[1]", "by[2]", "by[3]", "by[4]"),
        "degrees": ("by[0]", "by[1]", "by[2]", "by[3]", f"{RADIAN} * by[4]"),
    }[box_format]
    stores = (f"store(slopes, {len(outputs)} * i + {k}, times(factor, {text}))" for k, text in enumerate(outputs))
    return (*lines, *stores)


def _binary_chain(partials: dict[str, str], source: str) -> str:
    """Return the text of d loss / d prediction, from the derivatives by q, r, log_q and log_r."""
    chains = {
        "logits": {
            "q": "times(q * r, {})",
            "r": "-times(q * r, {})",
            "log_q": "times(r, {})",
            "log_r": "-times(q, {})",
        },
        "probs": {"q": "({})", "r": "-({})", "log_q": "ratio({}, q)", "log_r": "-ratio({}, r)"},
    }[source]
    return " + ".join(f"({chains[name].format(text)})" for name, text in partials.items())


def checks(
    adapter: Adapter, source: str, formats: tuple[str, ...], nonfinite: str, ignore: str
) -> tuple[Function, Function, Function, Function]:
    """Return suspect, invalid and degenerate of (pred, target, i, params), and kept(pred, target, i, ignore).

    An item that is invalid or degenerate is suspect, and few others are: one cheap test tells that there is nothing to
    count.
    """
    head = "pred, target, i"
    if adapter.loss.shape == "boxes":
        read: tuple[str, ...] = (_corners("p", "pred", formats[0]), _corners("g", "target", formats[1]))
        wrong = "(p[2] < p[0]) | (p[3] < p[1]) | (g[2] < g[0]) | (g[3] < g[1])"
        spread_out, there = BOX_SPREAD, "True"
        flat = "(p[2] == p[0]) | (p[3] == p[1]) | (g[2] == g[0]) | (g[3] == g[1])"
        # As a loss measures them anyway.
        spans = " + ".join(f"(maximum(p[{k + 2}], g[{k + 2}]) - minimum(p[{k}], g[{k}]))" for k in range(2))
        proper = "(p[2] > p[0]) & (p[3] > p[1]) & (g[2] > g[0]) & (g[3] > g[1])"
        doubt, gone = f"lacking({proper})", f"({spans}) - ({spans})"
    elif adapter.loss.shape == "rotated":
        read = _rotated()
        numbers_of = [(f"p[{k}]", f"g[{k}]") for k in range(5)]
        # Infinities are not wrong in this way.
        negative = [f"({x} < 0.0) & ({x} - {x} == 0.0)" for pair in numbers_of[2:4] for x in pair]
        far = [f"(abs({x}) > {FARTHEST_ANGLE}) & ({x} - {x} == 0.0)" for x in numbers_of[4]]
        wrong = " | ".join(f"({text})" for text in (*negative, *far))
        spread_out, there = ROTATED_SPREAD, "True"
        flat = " | ".join(f"({x} == 0.0)" for pair in numbers_of[2:4] for x in pair)
        doubt, gone = f"{wrong} | {flat}", spread_out
    elif adapter.loss.shape == "scores":
        read = _scores(adapter.loss)
        names = [*adapter.loss.sides, *["y"] * adapter.loss.has_target]
        wrong, flat = "False", "False"
        spread_out = " + ".join(f"({name} - {name})" for name in names)
        there = "(y != ignore)" if adapter.loss.has_target and ignore else "True"
        known = "(y == y)"
        doubt, gone = "False", spread_out
    else:
        read = ("x, t = fetch(pred, i), fetch(target, i)",)
        wrong, doubt, gone, known = "False", "False", "(x - t) - (x - t)", "(x == x) & (t == t)"
        if adapter.loss.shape in ("binary", "regions"):
            shares = ("t", "x") if source == "probs" else ("t",)
            wrong = " | ".join(f"({share} < 0.0) | ({share} > 1.0)" for share in shares)
            # Which says of a NaN that it is not.
            doubt = " | ".join(f"lacking(({share} >= 0.0) & ({share} <= 1.0))" for share in shares)
            gone = "x - x"
        spread_out, there, flat = "(x - x) + (t - t)", "(t != ignore)" if ignore else "True", "False"
    if adapter.loss.inside is not None:
        outside = f" | lacking({adapter.call('inside')})"
        if nonfinite == "propagate":
            # A NaN goes through; an infinity may be outside like any other number.
            outside += f" & {known}"
        wrong, doubt = wrong + outside, doubt + outside
    if nonfinite == "error":
        wrong, doubt = f"{wrong} | ({spread_out} != 0.0)", f"{doubt} | ({gone} != 0.0)"
    if nonfinite == "skip":
        there += f" & ({spread_out} == 0.0)"
    suspect = adapter.define("suspect", f"{head}, params", *read, f"return {doubt}")
    invalid = adapter.define("invalid", f"{head}, params", *read, f"return {wrong}")
    degenerate = adapter.define("degenerate", head, *read, f"return {flat}")
    kept = adapter.define("kept", f"{head}, ignore", *read, f"return {there}")
    return suspect, invalid, degenerate, kept


SPREADS = {
    "logits": (spread.softmax, back.softmax_back), "probs": (spread.given, back.given_back),
    "normalized": (spread.normalized, back.given_back),
}  # fmt: skip
SIGMOID = spread.sigmoid, back.sigmoid_back
TARGETS = {
    "labels": spread.labels, "shares": spread.shares, "mask": spread.mask,
    "logits": spread.teacher, "none": spread.no_target,
}  # fmt: skip


def rows_kernel(loss: Loss, settings: dict[str, Setting], source: str, target: str) -> Function:
    """Return the kernel of a loss of rows of scores.

    `target`: labels, shares, logits, none, mask for one score, or label where only the label's class counts.
    """
    adapter = Adapter(loss, settings)
    head = "q, r, log_q, y, class_weight, classes, params"
    term = adapter.define("term", head, "return " + adapter.call("value"))
    # A row counts for 1, or for the sum of what its classes count for.
    unit = 0.0 if loss.weight else 1.0
    share = adapter.define("share", head, "return " + adapter.call("weight")) if loss.weight else None
    lines = ["return 0.0, 0.0"]
    if loss.slope is not None:
        partials = adapter.partials()
        by_q = " ".join(
            ("+" if name == "q" else "-") + f" ({partials[name]})" for name in ("q", "r") if name in partials
        )
        by_log_q = partials.get("log_q", "0.0")
        lines = [f"by = {adapter.call('slope')}", f"return 0.0 {by_q}, {by_log_q}"]
    term_slope = adapter.define("term_slope", head, *lines)
    if target == "label":
        return labelled.labelled(term, term_slope, share)
    spreader, carry = SIGMOID if target == "mask" and source == "logits" else SPREADS[source]
    return loops.rows(spreader, TARGETS[target], term, term_slope, share, unit, carry, "log_q" in loss.data)
