"""Items to test losses on: ordinary ones, and all the places where a formula bends, vanishes, cancels or overflows."""

from __future__ import annotations

import math
import random

GOLDEN_TARGET = (0.0, 0.0, 10.0, 10.0)
GOLDEN = {
    "A": (5.0, 5.0, 15.0, 15.0),
    "B": (20.0, 0.0, 30.0, 10.0),
    "C": (2.0, 3.0, 8.0, 7.0),
    "D": (0.0, 0.0, 10.0, 10.0),
    "E": (0.0, 0.0, 20.0, 5.0),
    "F": (10.0, 0.0, 20.0, 10.0),
    "G": (20.0, 0.0, 40.0, 10.0),
}


def _box(chance, grid=None):
    number = (lambda: float(chance.randrange(grid))) if grid else (lambda: chance.uniform(-50, 150))
    x, y = sorted((number(), number())), sorted((number(), number()))
    return x[0], y[0], x[1], y[1]


def _scaled(box, x, y=None):
    y = x if y is None else y
    return box[0] * x, box[1] * y, box[2] * x, box[3] * y


def _moved(box, x, y):
    return box[0] + x, box[1] + y, box[2] + x, box[3] + y


def boxes():
    """Return a dictionary of lists of pairs of boxes, by what is special about them."""
    chance = random.Random(1)
    plain = [(_box(chance), _box(chance)) for _ in range(16)]
    general = [((1.0, 2.0, 9.0, 14.0), GOLDEN_TARGET), ((13.0, -8.0, 18.0, -3.0), GOLDEN_TARGET)]
    overlapping = [
        ((3.3, -2.2, 30.1, 17.5), (-5.9, 0.7, 22.2, 40.4)),
        ((0.1, 0.2, 0.7, 0.9), (0.3, 0.1, 0.8, 0.6)),
    ]
    near = []
    for size in (1e-3, 1e-9, 1e-12):
        box = _box(chance)
        shake = [size * chance.uniform(-1, 1) for _ in range(4)]
        near.append((tuple(x * (1 + s) for x, s in zip(box, shake, strict=True)), box))
        near.append((_moved(box, size, 0), box))
    some = [general[0], overlapping[0], general[1], ((2.0, 3.0, 8.0, 7.0), GOLDEN_TARGET)]
    point, line, rise = (3.0, 4.0, 3.0, 4.0), (2.0, 4.0, 7.0, 4.0), (4.0, -3.0, 4.0, 30.0)
    flats = (point, line, rise)
    return {
        "golden": [(box, GOLDEN_TARGET) for box in GOLDEN.values()],
        "ordinary": plain + general + overlapping,
        # Whole numbers from a small range: many edges are equal or touch.
        "grid": [(_box(chance, 4), _box(chance, 4)) for _ in range(24)],
        "nearly identical": near,
        "contained": [((2.2, 3.1, 4.4, 5.5), (1.1, 1.2, 9.3, 8.4)), ((1.1, 1.2, 9.3, 8.4), (2.2, 3.1, 4.4, 5.5))],
        "touching": [
            ((10.0, 2.0, 15.0, 7.0), GOLDEN_TARGET), ((-4.0, 2.0, 0.0, 30.0), GOLDEN_TARGET),
            ((2.0, 10.0, 5.0, 12.0), GOLDEN_TARGET), ((2.0, -3.0, 5.0, 0.0), GOLDEN_TARGET),
            ((10.0, 10.0, 12.0, 15.0), GOLDEN_TARGET),
        ],
        "equal edges": [
            ((0.0, 2.0, 5.0, 12.0), GOLDEN_TARGET), ((3.0, 0.0, 10.0, 10.0), GOLDEN_TARGET),
            ((0.0, 0.0, 10.0, 12.5), GOLDEN_TARGET), ((0.0, -2.0, 10.0, 12.5), GOLDEN_TARGET),
        ],
        "identical": [(box, box) for box in (GOLDEN_TARGET, _box(chance), (1e9, 1e9, 1e9 + 3, 1e9 + 5))],
        "flat prediction": [(flat, box) for flat in flats for box in (GOLDEN_TARGET, (3.5, 5.5, 9.0, 9.0))],
        "flat target": [(box, flat) for flat in flats for box in (GOLDEN_TARGET, (3.0, 5.5, 9.0, 9.0))],
        "flat both": [
            (line, rise), (line, point), (point, line), (line, (5.0, 4.0, 12.0, 4.0)), (point, _moved(point, 1, 2)),
        ],
        "flat identical": [(flat, flat) for flat in flats],
        "apart": [
            (box, GOLDEN_TARGET)
            for box in ((13.0, 14.0, 18.0, 19.5), (2.0, 14.0, 8.0, 19.5), (1e4, 0.0, 2e4, 5.0))
        ],
        "huge": [(_scaled(p, s), _scaled(g, s)) for p, g in some for s in (1e150, 1e200)] + [
            ((-1.5e308, -1.1e308, 1.7e308, 1.2e308), (-1.6e308, -1e308, 1.1e308, 0.9e308)),
        ],
        "tiny": [(_scaled(p, s), _scaled(g, s)) for p, g in some for s in (1e-150, 1e-170, 1e-300)],
        "one axis huge": [(_scaled(p, 1e150, 1e-170), _scaled(g, 1e150, 1e-170)) for p, g in some]
        + [((0.0, 1e-170, 1e150, 3e-170), (0.0, 0.0, 1e150, 3e-170)), ((0.0, 1e-170, 1.0, 3.0), (0.0, 0.0, 1.0, 3.0))],
        "hardly any overlap": [((0.0, 0.0, 1.0, 1e-170), (0.0, 0.0, 1e-170, 1.0))],
        "sizes": [(_scaled(p, s), _scaled(g, 1 / s)) for p, g in some for s in (1e-6, 1e6, 1e40, 1e-40)],
        "far": [(_moved(p, s, -s), _moved(g, s, -s)) for p, g in some for s in (1e6, 2.0**31, 1e13)],
    }  # fmt: skip


ROTATED_TARGET = (1.0, 0.0, 10.0, 5.0, 0.2)


def _rotated(chance):
    center, sides = [chance.uniform(-20, 20) for _ in range(2)], [chance.uniform(0.5, 20) for _ in range(2)]
    return *center, *sides, chance.uniform(-7, 7)


def _enlarged(box, by):
    return *(x * by for x in box[:4]), box[4]


def rotated():
    """Return a dictionary of lists of pairs of rotated boxes, by what is special about them."""
    chance = random.Random(6)
    near = []
    for size in (1e-3, 1e-8, 1e-13):
        box = _rotated(chance)
        near.append((tuple(x + size * chance.uniform(-1, 1) * abs(x) for x in box), box))
        near += [(tuple(x * (1 + size * (i == k)) for i, x in enumerate(box)), box) for k in range(5)]
    some = [((0.0, 0.0, 10.0, 4.0, 0.3), ROTATED_TARGET), ((4.0, -7.0, 3.0, 9.0, 2.5), ROTATED_TARGET)]
    some += [(_rotated(chance), _rotated(chance)) for _ in range(2)]
    box, square = ROTATED_TARGET, (2.0, 1.0, 4.0, 4.0, 0.7)
    line, rise, point = (0.0, 0.0, 6.0, 0.0, 0.0), (0.0, 0.0, 0.0, 6.0, 0.0), (3.0, 1.0, 0.0, 0.0, 0.4)
    flats = (line, rise, point, (2.0, 3.0, 6.0, 0.0, 0.3))
    return {
        "ordinary": some + [(_rotated(chance), _rotated(chance)) for _ in range(12)],
        "nearly identical": near,
        "identical": [(b, b) for b in (box, square, (1e9, -1e9, 3.0, 4.0, 50.0))],
        "one difference": [
            (tuple(x + by * (i == k) for i, x in enumerate(box)), box) for k in range(5) for by in (0.25, -1.5)
        ],
        "hardly a difference": [
            ((1e-170, 0.0, 3.0, 2.0, 0.0), (0.0, 0.0, 3.0, 2.0, 0.0)),
            ((0.0, 0.0, 3.0, 2.0, 1e-170), (0.0, 0.0, 3.0, 2.0, 0.0)),
            ((1e-200, 1e-180, 3.0, 3.0, 0.5), (0.0, 0.0, 3.0, 3.0, 0.0)),
        ],
        # The same box, but for the rounding of π.
        "turned": [((*box[:4], box[4] + k * math.pi), box) for k in (1, -1, 6)]
        + [((*box[:2], box[3], box[2], box[4] + k * math.pi / 2), box) for k in (1, -1, 3)],
        "large angles": [((0.0, 1.0, 9.0, 4.0, 1e5), box), ((0.0, 1.0, 9.0, 4.0, -9e5), (*box[:4], 9e5 + 0.5))],
        "squares": [
            (square, box), (box, square), (square, (2.5, 1.0, 4.0, 4.0, 0.1)), (square, (2.0, 1.0, 4.0, 4.0, 0.0)),
        ],
        "exchanged": [((0.0, 0.0, 4.0, 10.0, 0.3), box), ((0.0, 0.0, 4.0, 10.0, 1.8), box)],
        "flat": [pair for flat in flats for pair in ((flat, box), (box, flat))],
        "flat both": [
            (line, rise), (rise, line), (line, point), (point, line), (line, (1.0, 0.0, 6.0, 0.0, 0.0)),
            (line, (1.0, 0.5, 4.0, 0.0, 0.0)), (rise, (0.0, 3.0, 0.0, 5.0, 0.0)), (line, (0.0, 0.0, 6.0, 0.0, 0.1)),
            (line, (2.0, 0.0, 9.0, 0.0, 0.0)), (point, (3.0, 1.0, 0.0, 0.0, 0.9)), (point, (3.0, 2.0, 0.0, 0.0, 0.4)),
        ],
        "flat identical": [(flat, flat) for flat in flats],
        "far": [((x, y, 8.0, 5.0, 0.4), box) for x, y in ((1e4, 3.0), (50.0, -60.0), (1e150, 0.0))],
        "moved": [((*(x + 1e9 for x in p[:2]), *p[2:]), (*(x + 1e9 for x in g[:2]), *g[2:])) for p, g in some],
        "huge": [tuple(_enlarged(b, s) for b in pair) for pair in some for s in (1e150, 1e300)]
        + [((-1.5e308, 1e308, 1e308, 1.7e308, 1.0), (1.5e308, -1e308, 1e308, 1.1e308, 0.0))],
        "tiny": [tuple(_enlarged(b, s) for b in pair) for pair in some for s in (1e-150, 1e-300)],
        "sizes": [(_enlarged(p, s), _enlarged(g, 1 / s)) for p, g in some for s in (1e-6, 1e6, 1e-40, 1e40)],
        "thin": [((0.0, 0.0, 10.0, t, 0.0), (1.0, 0.0, 9.0, 2.0 * t, 0.0)) for t in (1e-3, 1e-20, 1e-100)] + [
            ((0.0, 0.0, 10.0, 1e-3, 0.3), (1.0, 0.3, 9.0, 2e-3, 0.31)),
            ((0.0, 0.0, 1e-4, 10.0, 0.3), (1.0, 0.0, 9.0, 2e-2, 0.2)),
        ],
    }  # fmt: skip


def numbers(parameters=()):
    """Return (pred, target) pairs: differences of 0, of every parameter and one step beside it, huge and tiny ones."""
    chance = random.Random(2)
    pairs = [(chance.gauss(0, 2), chance.gauss(0, 2)) for _ in range(12)]
    pairs += [(0.1 + 0.2, 0.3), (1e16, 1e16 - 2), (1.0, -1.0), (0.0, 0.0), (2.5, 2.5), (1e9 + 0.25, 1e9)]
    for edge in {1.0, *(p for p in parameters if isinstance(p, float))}:
        for x in (edge, math.nextafter(edge, 0), math.nextafter(edge, math.inf), edge / 3):
            pairs += [(x, 0.0), (-x, 0.0)]
    for x in (1e-300, 1e-170, 1e-30, 1e-9, 1e9, 1e100, 1e150, 1e200, 8e307):
        pairs += [(x, 0.0), (-x, x)]
    return pairs


def logits():
    """Return (z, y): the whole range of logits against hard and soft labels."""
    sizes = (0.0, 1e-300, 1e-9, 0.3, 1.0, 2.5, 17.0, 36.5, 40.0, 200.0, 700.0, 740.0, 744.7, 1e4, 1e308)
    zs = [sign * z for z in sizes for sign in (1, -1)]
    return [(z, y) for z in zs for y in (0.0, 1.0)] + [(z, y) for z in zs[4:-4] for y in (0.22, 0.9, 1e-20, 1 - 3e-7)]


def probabilities():
    """Return (q, y): no infinite loss among them, so 0 and 1 only with their own label."""
    qs = (1e-300, 1e-17, 1e-8, 0.03, 0.5, 0.7, 1 - 1e-8, 1 - 1e-16)
    return [(q, y) for q in qs for y in (0.0, 1.0, 0.22, 0.9)] + [(0.0, 0.0), (1.0, 1.0)]


def score_rows():
    """Return rows of three logits, from undecided to certain and beyond."""
    chance = random.Random(3)
    rows = [[chance.gauss(0, 3) for _ in range(3)] for _ in range(8)]
    rows += [[0.0, 0.0, 0.0], [1e-9, 0.0, -1e-9], [2.0, 0.5, -1.0], [0.1, 0.2, 0.3], [1e9, 1e9 + 1, 1e9 - 1]]
    rows += [[18.0, 0.0, 1.0], [46.0, 0.0, -3.0], [0.0, 40.0, 39.0], [700.0, 0.0, 1.0], [0.0, -744.5, -3.0]]
    rows += [[1e4, 0.0, -1e4], [1e308, 0.0, -1e307], [-1e308, -1e308, -1e308]]
    return rows


def probability_rows():
    """Return rows of three probabilities that sum to 1, some with classes that are impossible."""
    rows = [
        [0.3, 0.3, 0.4],
        [0.1, 0.2, 0.7],
        [1 / 3, 1 / 3, 1 / 3],
        [0.98, 0.015, 0.005],
        [1 - 1e-9, 1e-9, 0.0],
    ]
    # And some nearly equal to one of the targets.
    rows += [[0.1 + step, 0.2 - step, 0.7] for step in (1e-3, 1e-6, 1e-10, 1e-15)]
    return [*rows, [0.0, 1.0, 0.0], [0.5, 0.5, 0.0], [1e-300, 0.25, 0.75], [0.6, 1e-17, 0.4]]


def target_rows():
    """Return distributions over three classes: one-hot and soft ones."""
    return [
        [1.0, 0.0, 0.0],
        [0.0, 1.0, 0.0],
        [0.0, 0.0, 1.0],
        [0.1, 0.2, 0.7],
        [0.25, 0.75, 0.0],
        [1 - 1e-9, 1e-9, 0.0],
    ]


def class_maps():
    """Return (scores, labels) of one image of six pixels and three classes, which all occur."""
    chance = random.Random(5)
    labels = [0, 1, 2, 2, 0, 1]
    certain = [30.0 * (c == label) + 0.5 * c for label in labels for c in range(3)]
    return [([chance.gauss(0, 2) for _ in range(18)], labels) for _ in range(3)] + [(certain, labels)]


def masks():
    """Return (scores, target) of one image of six pixels."""
    chance = random.Random(4)
    soft = [0.0, 1.0, 0.25, 0.6, 1.0, 0.0]
    hard = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0]
    right = [40.0 if y else -40.0 for y in hard]
    images = [([chance.gauss(0, 2) for _ in range(6)], target) for target in (hard, soft, hard, soft)]
    images += [([2.0, -1.0, 0.5, -3.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0, 1.0, 1.0]), ([5.0] * 6, [1.0] * 6)]
    return [*images, (right, hard), ([-z for z in right], hard), ([700.0 if y else -300.0 for y in hard], hard)]
