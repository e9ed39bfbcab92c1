"""How far lossctl is from the precise value and slope of items, and where it is farthest.

The error of a value is relative to the value (of a divergence, to the cross-entropy it is a part of). The error of a
slope is relative to the largest component of the slope of that item: a component that cancels to almost nothing keeps
the digits of its parts, not its own. For boxes the components are compared in units of the enclosing box, whose sides
may be of very different size. Below 1e-320 doubles have no digits left, and beyond their range infinity is right.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from mpmath import mp, mpf
from oracle import holding, precise, setting, value_and_slopes
from textbook import bernoulli, row
from textbook_boxes import LOSSES

import lossctl
from lossctl.loss import BOX_WIDTHS, find

LARGEST = mpf(2) ** 1024
LIMIT = 1e-12


class Item(NamedTuple):
    """One item: flat prediction and target, how to move each number of the prediction, and at how many digits."""

    pred: tuple
    target: tuple
    steps: tuple
    digits: int
    sides: tuple | None = None


class Error(NamedTuple):
    """How wrong one number is."""

    size: float
    what: str


def box_item(p, g):
    """Steps stay far below the smallest distance of two edges, digits suffice for unscaled areas."""
    p, g = tuple(map(float, p)), tuple(map(float, g))
    steps, low, high = [], mpf("inf"), mpf(0)
    for axis in (0, 1):
        ends = [mpf(p[axis]), mpf(p[axis + 2]), mpf(g[axis]), mpf(g[axis + 2])]
        gaps = [abs(a - b) for a in ends for b in ends if a != b] or [max(map(abs, ends)) or mpf(1)]
        steps.append(min(gaps) * mpf(10) ** -25)
        low, high = min([low, *gaps]), max([high, *gaps, *map(abs, ends)])
    return Item(p, g, tuple(steps * 2), 75 + int(4.5 * float(mp.log10(high / low))))


def rotated_item(p, g):
    """Steps stay far below all that is small between two boxes, and no side shrinks below 0."""
    p, g = tuple(map(float, p)), tuple(map(float, g))
    lengths = [abs(mpf(a) - mpf(b)) for i in (0, 1) for a, b in ((p[i], g[i]),)]
    lengths += [abs(mpf(a) - mpf(b)) for a in (*p[2:4], *g[2:4]) for b in (*p[2:4], *g[2:4], 0.0)]
    lengths = [x for x in lengths if x] or [mpf(1)]
    turn = abs(mpf(p[4]) - mpf(g[4])) or mpf(1)
    small = min(lengths) * min(turn, mpf(1)) * min(lengths) / max(lengths)
    step = min(lengths) * mpf(10) ** -25 * min(turn, mpf(1)) * min(lengths) / max(lengths)
    turning = mpf(10) ** -25 * min(turn, mpf(1)) * (min(lengths) / max(lengths)) ** 2
    digits = 90 + int(8 * float(mp.log10(max(*lengths, abs(p[0]), abs(p[1])) / small)))
    sides = tuple((i not in (2, 3) or x > 0, True) for i, x in enumerate(p))
    return Item(p, g, (step,) * 4 + (turning,), digits, sides)


def number_item(pred, target, settings):
    """Steps stay far below the distance to every kink."""
    edges = [mpf(0), mpf(1), *(mpf(s) for s in settings.values() if isinstance(s, float))]
    x = abs(mpf(pred) - mpf(target))
    gaps = [abs(y - edge) for y in (x, abs(mpf(pred))) for edge in edges if y != edge]
    step = min(gaps) * mpf(10) ** -25
    digits = 60 + min(600, int(4 * float(mp.log10((max(x, abs(mpf(pred))) + 1) / min(step, mpf(10) ** -25)))))
    return Item((pred,), (target,), (step,), digits)


def score_item(scores, target, source, settings):
    """Logits bend on the scale of 1 (or of the temperature), probabilities on that of q and 1 - q."""
    scores, target = tuple(scores), tuple(target)
    if source == "logits":
        step = mpf(10) ** -30 * min(mpf(1), mpf(settings.get("temperature") or 1))
        spread = max(1.0, *map(abs, scores))
        # Probabilities down to 1e-320 count beside values of 1; smaller ones are 0 anyway.
        digits = 60 + (int(spread / 2.3) if spread < 750 else 40) + int(math.log10(spread)) - int(mp.log10(step))
        return Item(scores, target, (step,) * len(scores), digits)
    sides = tuple((q > 0, q < 1) for q in scores)
    steps = tuple(mpf(10) ** -30 * (min(mpf(q), 1 - mpf(q)) or mpf(10) ** -30) for q in scores)
    return Item(scores, target, steps, 70 - int(mp.log10(min(steps))), sides)


def own_formula(loss, settings, item, source="", class_weights=None):
    """Return the formula of the loss's own file, as a function of the prediction."""
    told, settings = settings, [setting(s) for s in settings.values()]
    formula = precise(loss.value)
    target = tuple(map(mpf, item.target))
    if loss.shape == "boxes":
        return lambda p: formula(tuple(p), target, *settings)
    if loss.shape == "rotated":

        def rotated(p):
            pair = {"tilt": sine_and_cosine(p[4]), "turn": sine_and_cosine(p[4] - target[4])}
            return formula(tuple(p), target, *(pair[name] for name in loss.data[2:]), *settings)

        return rotated
    if loss.shape == "numbers":
        return lambda p: formula(p[0], target[0], *settings)
    names = loss.data
    if loss.whole:
        # Its file holds the formula of one pixel; the textbook has the rest.
        return None
    if loss.shape == "regions":
        part = loss.part and precise(loss.part)

        def region(q, r, y):
            if not loss.pooled:
                return formula(*sums(names, q, r, y, told, part), *settings)
            found = [sums(names, *pixels, told, part) for pixels in zip(q, r, y, strict=True)]
            return formula(*zip(*found, strict=True), *settings)

        return lambda p: region_mean(region, p, target, source, loss.pooled)
    if loss.shape == "binary":

        def binary(p):
            known = dict(zip(("q", "r", "log_q", "log_r"), bernoulli(p[0], source), strict=True)) | {"y": target[0]}
            return formula(*(known[name] for name in names), *settings)

        return binary
    temperature = mpf(dict(zip((p.name for p in loss.parameters), settings, strict=True)).get("temperature", 1))
    truth = row(list(target), "logits" if loss.target_input else "probs", temperature)
    y = [(share, log_share) for share, _, log_share in truth]

    def classes(p):
        total = mpf(0)
        for (q, r, log_q), (share, log_share), weight in zip(
            row(list(p), source, temperature), y, class_weights, strict=True
        ):
            known = {
                "q": q,
                "r": r,
                "log_q": log_q,
                "y": share,
                "log_y": log_share,
                "class_weight": mpf(weight),
                "classes": mpf(len(p)),
            }
            total += formula(*(known[name] for name in names), *settings)
        return total

    return classes


def sine_and_cosine(angle):
    return mp.sin(angle), mp.cos(angle)


def textbook_formula(loss, settings, item, source="", class_weights=None):
    """Return the textbook's formula, as a function of the prediction and of what is held; None if it is not there."""
    if loss.name not in LOSSES:
        return None
    formula, target = LOSSES[loss.name], [mpf(t) for t in item.target]
    told = {name: setting(value) for name, value in settings.items()}
    if loss.shape in BOX_WIDTHS:
        return lambda p, held: formula(p, target, held, **told)
    if loss.shape == "numbers":
        return lambda p, held: formula(p[0], target[0], held, **told)
    if loss.shape == "binary":
        return lambda p, held: formula(p[0], target[0], held, source, **told)
    if loss.shape == "regions":
        return lambda p, held: region_mean(
            lambda q, r, y: formula(q, r, y, held, **told), p, target, source, loss.pooled
        )
    weights = [mpf(w) for w in class_weights]
    return lambda p, held: formula(list(p), target, held, source, weights, **told)


def region_mean(formula, pred, target, source, pooled):
    """Return the mean over the classes of one image: of sigmoid pixels, or of pixels of as many classes as need be.

    The formula of a pooled loss takes all classes at once.
    """
    classes = len(pred) // len(target)
    if classes == 1:
        q, r = zip(*(bernoulli(z, source)[:2] for z in pred), strict=True)
        return formula([q], [r], [target]) if pooled else formula(q, r, target)
    pixels = [row(list(pred[i : i + classes]), source) for i in range(0, len(pred), classes)]
    q, r = ([[pixel[c][part] for pixel in pixels] for c in range(classes)] for part in (0, 1))
    y = [[mpf(label == c) for label in target] for c in range(classes)]
    if pooled:
        return formula(q, r, y)
    return sum(formula(*of_class) for of_class in zip(q, r, y, strict=True)) / classes


def sums(names, q, r, y, settings, part):
    """Return the sums over pixels that a region loss is a function of; `part` is its pixel's part, if it has one."""
    squared = settings.get("squared")
    found = {
        "tp": sum(a * c for a, c in zip(q, y, strict=True)),
        "fp": sum(a * (1 - c) for a, c in zip(q, y, strict=True)),
        "fn": sum(b * c for b, c in zip(r, y, strict=True)),
        "tn": sum(b * (1 - c) for b, c in zip(r, y, strict=True)),
        "total": sum(x * x if squared else x for x in (*q, *y)),
        "diff": sum(
            (a * (1 - c) - b * c) ** 2 if squared else a * (1 - c) + b * c for a, b, c in zip(q, r, y, strict=True)
        ),
        "target": sum(y),
        "count": mpf(len(y)),
    }
    if part:
        pixels = zip(q, r, y, strict=True)
        told = list(map(setting, settings.values()))
        logs = [(a, b, mp.log(a) if a else -mpf("inf"), mp.log(b) if b else -mpf("inf"), c) for a, b, c in pixels]
        found["parts"] = sum(part(*pixel, *told) for pixel in logs)
    return [found[name] for name in names]


def expected(formula, item, is_own):
    """Return the precise value and slopes of an item."""
    with mp.workdps(item.digits):
        pred = [mpf(x) for x in item.pred]
        if not is_own:
            return value_and_slopes(formula, pred, item.steps, item.sides)

        def holds(moved, held):
            with holding(held):
                return formula(moved)

        return value_and_slopes(holds, pred, item.steps, item.sides)


def relative(got, want, scale=None):
    """Return the error of `got`, relative to the size of `want` or to `scale`."""
    scale = abs(want) if scale is None else scale
    if math.isnan(got) or mp.isnan(want):
        return math.inf
    if math.isinf(got):
        return 0.0 if got * want > 0 and abs(want) > LARGEST * (1 - mpf(2) ** -50) else math.inf
    gap = abs(mpf(got) - want)
    if gap <= mpf("1e-320"):
        return 0.0
    return float(gap / scale) if scale else math.inf


def spans(item):
    """Return the sides of the enclosing box, once for each coordinate; the other one for a side of 0."""
    if len(item.pred) == 5:
        # Of rotated boxes: the longest side, and the radian.
        return [mpf(max(*item.pred[2:4], *item.target[2:4])) or mpf(1)] * 4 + [mpf(1)]
    (x1, y1, x2, y2), (a1, b1, a2, b2) = item.pred, item.target
    sides = mpf(max(x2, a2)) - mpf(min(x1, a1)), mpf(max(y2, b2)) - mpf(min(y1, b1))
    return [side or max(sides) or mpf(1) for side in sides] * 2


def parts(loss, settings, item, source):
    """Return the size of what cancels in the slope of a score where a soft target agrees with the prediction.

    There the slope is a difference like w y (1 - q) - v (1 - y) q of two equal terms: of the root of their product.
    It is 0 for hard labels, where slopes have one term.
    """
    if loss.shape not in ("binary", "classes") or not loss.has_target:
        return mpf(0)
    moved = mpf(settings.get("label_smoothing") or 0)
    temperature = mpf(settings.get("temperature") or 1)
    q = (
        [bernoulli(mpf(item.pred[0]), source)[:2]]
        if loss.shape == "binary"
        else row(list(map(mpf, item.pred)), source, temperature)
    )
    y = list(map(mpf, item.target))
    if loss.target_input:
        y = [share for share, *_ in row(y, "logits", temperature)]
    y = [share * (1 - moved) + moved / max(2, len(y)) for share in y]
    alpha = settings.get("alpha")
    weight = mpf(settings.get("pos_weight", 1)) * (1 if alpha is None else abs(mpf(alpha) * (1 - mpf(alpha))))
    found = max(mp.sqrt(weight * a * (1 - a) * b[0] * b[1]) for a, b in zip(y, q, strict=True)) * temperature
    # The slope of what is a sum over probabilities, not over their logs, is a difference from their mean.
    return max([found, *(b[0] * b[1] for b in q)]) if "q" in loss.data and loss.shape == "classes" else found


def cross_entropy(loss, settings, item, source):
    """Return the size of what cancels in the value of a divergence: it is a cross-entropy minus an entropy.

    It is small where both sides are certain of one class, and not where they are undecided and nearly equal.
    """
    if loss.name not in ("kl", "distillation"):
        return 0
    temperature = mpf(settings.get("temperature", 1))
    y = row(list(map(mpf, item.target)), "logits" if loss.target_input else "probs", temperature)
    q = row(list(map(mpf, item.pred)), source, temperature)
    return temperature**2 * sum(share * -log_q for (share, _, _), (_, _, log_q) in zip(y, q, strict=True) if share)


def errors(name, item, got, got_slopes, want, units, scales):
    """Yield the Error of a value and of the components of its slope.

    Where the formula jumps or has an infinite slope there is none to compare with; it still must not be NaN.
    """
    exact_value, exact_slopes, sizes = want
    size = max(abs(exact_value), scales[0])
    yield Error(
        relative(got, exact_value, size),
        f"{name} of {item.pred} against {item.target}: {got!r}, not {mp.nstr(exact_value, 20)}",
    )
    known = [size * unit for size, unit in zip(sizes, units, strict=True) if size is not None]
    # A box that jumps in one direction has flat sides: there is little to compare the other components with.
    known += [mpf(1)] * (len(known) < len(sizes))
    for i, (slope, exact) in enumerate(zip(got_slopes, exact_slopes, strict=True)):
        where = f"slope {i} of {name} at {item.pred} against {item.target}: {slope!r}"
        if exact is None:
            yield Error(math.inf if math.isnan(slope) else 0.0, where)
        else:
            yield Error(relative(slope, exact, max(*known, scales[1]) / units[i]), f"{where}, not {mp.nstr(exact, 20)}")


def run(name, items, settings, **keywords):
    """Return what lossctl says: values and slopes of items, the slopes as one list per item."""
    pred, target = (np.array([side(item) for item in items]) for side in (lambda i: i.pred, lambda i: i.target))
    if find(name).shape == "regions":
        return run_images(name, items, settings, **keywords)
    if find(name).shape in ("numbers", "binary"):
        pred, target = pred[:, 0], target[:, 0]
    goal = target if find(name).has_target else None
    values, slopes = lossctl.loss(name, **settings).value_and_gradient(pred, goal, reduction="none", **keywords)
    return values.tolist(), slopes.reshape(len(items), -1).tolist()


def run_images(name, items, settings, **keywords):
    """Return the losses and slopes of images, each by itself, as the mean over its classes."""
    values, slopes = [], []
    for item in items:
        pred, target = np.array([item.pred]), np.array([item.target])
        layout = "HW"
        if len(item.pred) != len(item.target):
            pred, target, layout = pred.reshape(1, 1, len(item.target), -1), target[:, None].astype(np.int64), "NHWC"
        value, slope = lossctl.loss(name, **settings).value_and_gradient(pred, target, layout=layout, **keywords)
        values.append(value)
        slopes.append(slope.ravel().tolist())
    return values, slopes


def farthest(found, limit=LIMIT):
    """Return the errors beyond the limit, largest first, as a text; empty when there are none."""
    beyond = sorted((e for e in found if e.size > limit), reverse=True)
    return "\n".join(f"{e.size:.2g}: {e.what}" for e in beyond[:6])


OWN, BOOK = (own_formula, True), (textbook_formula, False)


def compare(loss, settings, items, source="", class_weights=None, kinds=(OWN, BOOK)):
    """Return the errors of lossctl on items, against the file's own formula and against the textbook."""
    keywords = {"input": source} if loss.takes_scores else {}
    if "class_weight" in loss.data and class_weights:
        keywords["class_weights"] = class_weights
    weights = class_weights or [1.0] * 3
    found = []
    for formula_of, is_own in kinds:
        if is_own and source == "probs" and loss.shape == "classes":
            # Differences cannot tell the infinite slope at a probability of 0 from a steep one.
            items = [item for item in items if min(item.pred) > 0]
        formulas = [formula_of(loss, settings, item, source, weights) for item in items]
        if formulas[0] is None:
            continue
        wanted = [expected(f, item, is_own) for f, item in zip(formulas, items, strict=True)]
        # The infinite loss of a score is an error, not a number.
        there = [i for i, want in enumerate(wanted) if not loss.takes_scores or abs(want.value) < LARGEST]
        if not there:
            continue
        got = run(loss.name, [items[i] for i in there], settings, **keywords)
        for i, _, slopes in zip(there, *got, strict=True):
            # A slope too small to be seen beside the value is not 0; look again, with more digits.
            if any(exact == 0 != slope for exact, slope in zip(wanted[i].slopes, slopes, strict=True)):
                wanted[i] = expected(formulas[i], items[i]._replace(digits=items[i].digits + 900), is_own)
        for i, value, slopes in zip(there, *got, strict=True):
            name = f"{loss.name} {settings} ({'own formula' if is_own else 'textbook'})"
            units = spans(items[i]) if loss.shape in BOX_WIDTHS else [mpf(1)] * len(slopes)
            scales = [size(loss, settings, items[i], source) for size in (cross_entropy, parts)]
            found += errors(name, items[i], value, slopes, wanted[i], units, scales)
    return found
