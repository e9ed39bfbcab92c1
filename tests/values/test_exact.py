"""Every loss, value and slope, over its parameters and over ordinary and extreme items.

Twice: against the textbook's formula, and against the file's own formula at many digits. The first finds a wrong
formula, the second what rounding makes of a right one, also of a loss that has no entry in the textbook yet.
"""

from __future__ import annotations

import functools

import points
import pytest
from measure import BOOK, LIMIT, OWN, box_item, compare, farthest, number_item, rotated_item, score_item
from ranges import label, settings
from textbook_boxes import LOSSES

from lossctl.loss import find, names

# What is usual is a few ulp; exponents and sums take some more.
USUAL = 3e-13
# How many of the items are tried under settings other than the defaults; each setting takes others.
SHARE = {"boxes": 13, "rotated": 13, "numbers": 5, "binary": 13, "classes": 17, "regions": 5}


def named(shape):
    return [name for name in names() if find(name).shape == shape and find(name).root is None]


def cases(shape):
    return [
        pytest.param(name, number, given, id=f"{name}-{label(given)}")
        for name in named(shape)
        for number, given in enumerate(settings(find(name)))
    ]


def check(name, number, given, items, source="", class_weights=None):
    loss = find(name)
    every = SHARE[loss.shape]
    kinds = [BOOK] * (name in LOSSES) + [OWN] * (name not in LOSSES or number == 0)
    chosen = items if number == 0 else items[number % every :: every] or items[:1]
    # Far from 1 a parameter multiplies the rounding of the rest.
    plain = all(1e-3 <= abs(x) <= 10 for x in given.values() if isinstance(x, float) and x)
    wrong = farthest(compare(loss, given, chosen, source, class_weights, kinds), USUAL if plain else LIMIT)
    assert not wrong, wrong


@functools.cache
def boxes():
    return [box_item(p, g) for pairs in points.boxes().values() for p, g in pairs]


@pytest.mark.parametrize(("name", "number", "given"), cases("boxes"))
def test_boxes(name, number, given):
    check(name, number, given, boxes())


@functools.cache
def rotated():
    return [rotated_item(p, g) for pairs in points.rotated().values() for p, g in pairs]


@pytest.mark.parametrize(("name", "number", "given"), cases("rotated"))
def test_rotated(name, number, given):
    check(name, number, given, rotated())


def allowed(loss, pair, given):
    """Return a pair that the loss is defined for: this one, or its prediction against another target; or Nones."""
    inside = loss.inside or (lambda *_: True)
    pred, target = pair
    found = [(pred, t) for t in (target, 1.0, -1.0, 0.5) if inside(pred, t, *given.values())]
    return found[0] if found else (None, None)


@pytest.mark.parametrize(("name", "number", "given"), cases("numbers"))
def test_numbers(name, number, given):
    pairs = [allowed(find(name), pair, given) for pair in points.numbers(tuple(given.values()))]
    # The largest differences are for the defaults: in units of a tiny parameter they leave the range of doubles.
    pairs = pairs if number == 0 else [(p, t) for p, t in pairs if p is None or abs(p) < 1e300]
    check(name, number, given, [number_item(p, t, given) for p, t in pairs if (p, t) != (None, None)])


@pytest.mark.parametrize("source", ["logits", "probs"])
@pytest.mark.parametrize(("name", "number", "given"), cases("binary"))
def test_binary(name, number, given, source):
    pairs = points.logits() if source == "logits" else points.probabilities()
    # The largest logits are for the defaults: a weight or T² can carry their losses out of the range of doubles.
    pairs = pairs if number == 0 else [pair for pair in pairs if abs(pair[0]) < 1e308]
    check(name, number, given, [score_item((z,), (y,), source, given) for z, y in pairs], source)


@pytest.mark.parametrize("source", ["logits", "probs"])
@pytest.mark.parametrize(("name", "number", "given"), cases("classes"))
def test_classes(name, number, given, source):
    loss = find(name)
    rows = points.score_rows() if source == "logits" else points.probability_rows()
    rows = rows if number == 0 else [row for row in rows if max(map(abs, row)) < 1e308]
    if loss.target_input and source != loss.target_input:
        pytest.skip("takes logits only")
    if loss.target_input:
        pairs = list(zip(rows, rows[2:] + rows[:2], strict=True))
    else:
        # Every row against every second target, by turns.
        pairs = [(row, y) for i, row in enumerate(rows) for y in points.target_rows()[i % 2 :: 2]]
    if not loss.has_target:
        pairs = [(row, points.target_rows()[0]) for row in rows]
    check(name, number, given, [score_item(row, y, source, given) for row, y in pairs], source)


@pytest.mark.parametrize("source", ["logits", "probs"])
@pytest.mark.parametrize("name", [name for name in named("classes") if "class_weight" in find(name).data])
def test_weighted_classes(name, source):
    rows = points.score_rows()[:10] if source == "logits" else points.probability_rows()
    given = settings(find(name))[0]
    # A class that weighs nothing costs nothing, even where it was certain and wrong.
    pairs = [(row, y) for row in rows for y in points.target_rows()]
    items = [score_item(row, y, source, given) for row, y in pairs]
    check(name, 0, given, items, source, class_weights=[0.25, 3.0, 0.0])


@pytest.mark.parametrize(("name", "number", "given"), cases("regions"))
def test_masks(name, number, given):
    check(name, number, given, [score_item(z, y, "logits", given) for z, y in points.masks()], "logits")
    if find(name).needs_logits:
        return
    # An error of 0 at the end of the range has a slope on one side only.
    ends = [0.02, 0.97] if find(name).sorted else [0.0, 1.0]
    likely = [([0.9, 0.15, *ends, 0.3, 0.5], y) for _, y in points.masks()[:4]]
    check(name, number, given, [score_item(q, y, "probs", given) for q, y in likely], "probs")


@pytest.mark.parametrize(("name", "number", "given"), cases("regions"))
def test_class_maps(name, number, given):
    if find(name).needs_logits:
        pytest.skip("of one channel")
    check(name, number, given, [score_item(z, y, "logits", given) for z, y in points.class_maps()], "logits")
