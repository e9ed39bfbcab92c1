"""The curve of a loss: value and slope along one line through its data, from the functions of its file.

What is drawn depends on the shape of the data alone; `VIEWS` has an entry for each shape that has a picture. A view
says for a place x on its axis what the loss is computed of: terms, each with the arguments of `value` and how fast
those that belong to the prediction change with x. Value and slope are the sums over the terms.
"""

from __future__ import annotations

import itertools
import shlex
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from lossctl.engine.spread import bernoulli, chance
from lossctl.loss import MEASURES, PREDICTED, Loss, Setting
from lossctl.maths import cosine, exp, log1p, ratio, sine
from lossctl.show.canvas import beside, plot

# Wider or narrower is harder to read; two plots of fewer characters stand one above the other.
WIDEST, BESIDE, GAP = 72, 56, 3
TALL, SMALL = 8, 5
# Steps along the axis: so many that its middle and its thirds, where losses bend, are among them.
STEPS = 120

Settings = Mapping[str, Setting]


class Term(NamedTuple):
    """One call of `value`: its arguments, and the derivatives of those of the prediction by x."""

    given: Mapping[str, Any]
    moved: Mapping[str, Any]


class View(NamedTuple):
    """One line through the data: what is seen, the name of x, its ends, and the terms at x."""

    title: str
    axis: str
    ends: tuple[float, float]
    at: Callable[[float], Sequence[Term]]


def curve(loss: Loss, width: int, ascii_only: bool) -> str:
    """Return the plots of value and slope of a loss, at most `width` wide; empty for a shape without a picture."""
    settings = _settings(loss)
    if settings is None or loss.shape not in VIEWS or loss.slope is None:
        return ""
    views = VIEWS[loss.shape](loss, settings)
    room = min(width, WIDEST)
    single = (room - GAP) // 2 if room >= BESIDE else room
    height = TALL if len(views) == 1 else SMALL
    told = [f"{p.name} = {settings[p.name]:g}" for p in loss.parameters if p.required]
    parts = [f"for {', '.join(told)}"] if told else []
    for view in views:
        low, high = view.ends
        points = [_point(loss, settings, view.at(low + (high - low) * i / STEPS)) for i in range(STEPS + 1)]
        value, slope = (
            plot(title, view.axis, view.ends, numbers, (single, height), ascii_only)
            for title, numbers in zip(("value", "slope"), zip(*points, strict=True), strict=True)
        )
        lines = beside(value, slope, single + GAP) if room >= BESIDE else [*value, *slope]
        parts.append("\n".join([*textwrap.wrap(view.title, room), *lines]))
    return "\n\n".join(parts)


def _settings(loss: Loss) -> dict[str, Setting] | None:
    """Return the defaults, and for what has none what the first example gives; None where nobody says."""
    words = shlex.split(next((arguments for arguments, _ in loss.examples()), ""))
    given = dict(itertools.pairwise(words))
    required = {p.name: given.get(f"--{p.option}") for p in loss.parameters if p.required}
    return None if None in required.values() else loss.settings(required)


def _point(loss: Loss, settings: Settings, terms: Sequence[Term]) -> tuple[float, float]:
    """Return value and slope of the sum of the terms."""
    assert loss.slope is not None
    told = [0.0 if setting == "auto" else setting for setting in settings.values()]
    predicted = [name for name in loss.data if name in PREDICTED[loss.shape]]
    value = slope = 0.0
    for term in terms:
        arguments = [term.given[name] for name in loss.data]
        value += loss.value(*arguments, *told)
        by = loss.slope(*arguments, *told)
        for name, part in zip(predicted, by if len(predicted) > 1 else (by,), strict=True):
            slope += _dot(part, term.moved[name])
    if loss.root is not None and loss.root_slope is not None:
        value = loss.root(value)
        slope *= loss.root_slope(value)
    return value, slope


def _dot(a: Any, b: Any) -> float:
    pairs = zip(a, b, strict=True) if isinstance(b, tuple) else ((a, b),)
    # 0 times an infinite slope: it is not seen from here.
    return float(sum(x * y for x, y in pairs if y))


def _numbers(loss: Loss, settings: Settings) -> list[View]:
    scales = [setting for setting in settings.values() if isinstance(setting, float)]
    reach = max(3.0, 1.5 * max(scales, default=0.0))

    def inside(target: float, low: float) -> bool:
        places = (low + reach * i / 20 for i in range(41))
        return loss.inside is None or all(loss.inside(x, target, *settings.values()) for x in places)

    # A target of 0 in the middle, or what else the loss is defined for.
    for target, low in ((0.0, -reach), (1.0, 1.0 - reach), (1.0, 0.0)):
        if inside(target, low):

            def at(x: float, target: float = target) -> list[Term]:
                return [Term({"pred": x, "target": target}, {"pred": 1.0})]

            title, axis = (f"a number whose target is {target:g}", "pred") if target else ("", "pred - target")
            return [View(title, axis, (low, low + 2.0 * reach), at)]
    return []


def _boxes(loss: Loss, settings: Settings) -> list[View]:
    target = (0.0, 0.0, 10.0, 10.0)

    def shifted(x: float) -> list[Term]:
        return [Term({"p": (x, 0.0, 10.0 + x, 10.0), "g": target}, {"p": (1.0, 0.0, 1.0, 0.0)})]

    def resized(x: float) -> list[Term]:
        low, high = 5.0 - x / 2, 5.0 + x / 2
        return [Term({"p": (low, low, high, high), "g": target}, {"p": (-0.5, -0.5, 0.5, 0.5)})]

    return [
        View("a box of 10 x 10 on a target of the same size, shifted to the right", "shift", (0.0, 20.0), shifted),
        View("a square on a target of 10 x 10 with the same centre", "side", (0.0, 30.0), resized),
    ]


def _rotated(loss: Loss, settings: Settings) -> list[View]:
    level = (0.0, 1.0)

    def shifted(x: float) -> list[Term]:
        given = {"p": (x, 0.0, 10.0, 4.0, 0.0), "g": (0.0, 0.0, 10.0, 4.0, 0.0), "tilt": level, "turn": level}
        return [Term(given, {"p": (1.0, 0.0, 0.0, 0.0, 0.0)})]

    def turned(x: float) -> list[Term]:
        turn = (sine(x, 0.0), cosine(x, 0.0))
        given = {"p": (0.0, 0.0, 10.0, 4.0, x), "g": (0.0, 0.0, 10.0, 4.0, 0.0), "tilt": turn, "turn": turn}
        return [Term(given, {"p": (0.0, 0.0, 0.0, 0.0, 1.0)})]

    return [
        View("a box of 10 x 4 on a target of the same size and angle, shifted along it", "shift", (0.0, 20.0), shifted),
        View("the same box turned about its centre", "radians", (0.0, 3.0), turned),
    ]


def _binary(loss: Loss, settings: Settings) -> list[View]:
    def view(y: float) -> View:
        def at(z: float) -> list[Term]:
            q, r, log_q, log_r = bernoulli(z)
            given = {"q": q, "r": r, "log_q": log_q, "log_r": log_r, "y": y}
            return [Term(given, {"q": q * r, "r": -q * r, "log_q": r, "log_r": -q})]

        return View(f"a score whose target is {y:g}", "logit", (-6.0, 6.0), at)

    return [view(1.0), view(0.0)]


def _classes(loss: Loss, settings: Settings) -> list[View]:
    temperature = float(settings.get("temperature") or 1.0)
    teacher = _three(2.0 / temperature) if loss.target_input else None

    def at(z: float) -> list[Term]:
        (q, log_q), (p, log_p) = _three(z / temperature)
        y, x = (teacher[0][0], teacher[1][0]) if teacher else (1.0, 0.0)
        fixed = {"class_weight": 1.0, "classes": 3.0}
        # The score of one class is moved: d q = q (1 - q) dz, for each of the other two d p = -p q dz.
        own, other = q * 2.0 * p / temperature, -p * q / temperature
        true = Term(
            {"q": q, "r": 2.0 * p, "log_q": log_q, "y": y} | fixed,
            {"q": own, "r": -own, "log_q": 2.0 * p / temperature},
        )
        wrong = Term(
            {"q": p, "r": q + p, "log_q": log_p, "y": x} | fixed,
            {"q": other, "r": -other, "log_q": -q / temperature},
        )
        return [true, wrong, wrong]

    title = "the true class, among two others whose logits are 0"
    if teacher:
        title = "a class whose logit the teacher puts at 2, among two others at 0 on both sides"
    if not loss.has_target:
        title = "one class, among two others whose logits are 0"
    return [View(title, "logit", (-6.0, 6.0), at)]


def _three(z: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return (q, ln q) of a class of logit z, and of each of two others of logit 0."""
    log_q = -log1p(2.0 * exp(-z))
    log_p = log_q - z
    return (exp(log_q), log_q), (exp(log_p), log_p)


def _regions(loss: Loss, settings: Settings) -> list[View]:
    if loss.whole:
        # One pixel's part says little of what depends on all of them.
        return []
    background = 2.0
    power = 2.0 if settings.get("squared") else 1.0

    def at(x: float) -> list[Term]:
        # One pixel of target that is given x, one of background that is given the rest, and more background given 0.
        given = {"tp": x, "fp": 1.0 - x, "fn": 1.0 - x, "tn": background + x}
        moved = {"tp": 1.0, "fp": -1.0, "fn": -1.0, "tn": 1.0}
        rest = (1.0 - x) ** (power - 1.0)
        given |= {"diff": 2.0 * (1.0 - x) ** power, "total": 1.0 + x**power + (1.0 - x) ** power}
        moved |= {"diff": -2.0 * power * rest, "total": power * (x ** (power - 1.0) - rest)}
        given |= {"target": 1.0, "count": 2.0 + background}
        moved |= {"target": 0.0, "count": 0.0}
        if loss.part is not None and loss.part_slope is not None:
            told = list(settings.values())
            pixels = [(chance(x), 1.0, 1.0), (chance(1.0 - x), 0.0, -1.0)]
            given["parts"] = sum(loss.part(*scores, y, *told) for scores, y, _ in pixels)
            slopes = [(scores, loss.part_slope(*scores, y, *told), by) for scores, y, by in pixels]
            moved["parts"] = sum(
                by * (by_q - by_r + ratio(by_log_q, q) - ratio(by_log_r, r))
                for (q, r, _, _), (by_q, by_r, by_log_q, by_log_r), by in slopes
            )
        if loss.pooled:
            # One class.
            return [Term(*({name: (x,) for name, x in sums.items()} for sums in (given, moved)))]
        return [Term(given, moved)]

    return [View("a mask as large as its target, which is a quarter of the image", "shared", (0.0, 1.0), at)]


def _scores(loss: Loss, settings: Settings) -> list[View]:
    reach = 3.0 + 1.5 * max((s for s in settings.values() if isinstance(s, float)), default=0.0)
    first = loss.sides[0]

    def view(y: float) -> View:
        def at(x: float) -> list[Term]:
            fixed = dict.fromkeys(loss.sides[1:], 0.0)
            return [Term({first: x, "y": y} | fixed, {first: 1.0} | fixed)]

        beside = ", beside one of 0" if loss.sides[1:] else ""
        return View(f"a score{beside}, where y is {y:g}", first, (-reach if beside else 0.0, reach), at)

    return [view(1.0), view(-1.0)]


def _embeddings(loss: Loss, settings: Settings) -> list[View]:
    first = next(name for name in loss.data if name in MEASURES).rpartition("_")[2]
    turning = any(name.startswith("cosine") for name in loss.data)

    def view(y: float) -> View:
        def at(x: float) -> list[Term]:
            found = {"distance": (x, 1.0), "square": (x * x, 2.0 * x), "cosine": (x, 1.0), "turn": (1.0 - x, -1.0)}
            given: dict[str, float] = {"y": y}
            moved: dict[str, float] = {}
            for name in loss.data:
                kind, _, pair = name.rpartition("_")
                if kind in found:
                    given[name], moved[name] = found[kind] if pair == first else (1.0, 0.0)
            return [Term(given, moved)]

        a, b = first[0], first[1]
        known = f", where y is {y:g}" if loss.has_target else ", while n is at distance 1"
        if turning:
            return View(f"rows {a} and {b}, from opposite directions to the same{known}", "cosine", (-1.0, 1.0), at)
        return View(f"rows {a} and {b}, moved apart{known}", "distance", (0.0, 3.0), at)

    ones = [1.0 for name in loss.data if name != "y"]
    known = [y for y in (1.0, 0.0, -1.0) if loss.inside is None or loss.inside(*ones, y, *settings.values())]
    return [view(y) for y in (known if loss.has_target else [0.0])]


VIEWS: dict[str, Callable[[Loss, Settings], list[View]]] = {
    "numbers": _numbers,
    "boxes": _boxes,
    "rotated": _rotated,
    "binary": _binary,
    "classes": _classes,
    "regions": _regions,
    "scores": _scores,
    "embeddings": _embeddings,
}
