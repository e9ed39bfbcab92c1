"""Losses of scores and of rows of embeddings against 60-digit arithmetic, from single numbers to long rows."""

import math
import random

import numpy as np
import pytest
from mpmath import mp, mpf
from oracle import value_and_slopes

import lossctl
from lossctl.engine import kernels
from lossctl.loss import find, names

A, B, N = [0.0, 1, 2], [1.0, 1, 0], [3.0, 1, 2]
RANKING = names("ranking")


def norm(a, b, p=2.0):
    gaps = [abs(x - y) for x, y in zip(a, b, strict=True)]
    return max(gaps) if p == math.inf else mp.root(sum(g**2 for g in gaps), 2) if p == 2 else sum(
        (g ** mpf(p) for g in gaps if g), mpf(0)
    ) ** (1 / mpf(p))  # fmt: skip


def cosine(a, b):
    lengths = mp.sqrt(sum(x * x for x in a)) * mp.sqrt(sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / lengths if lengths else mpf(0)


def over(x):
    return max(x, mpf(0))


def contrastive(a, b, y, margin=1.0):
    return norm(a, b) ** 2 / 2 if y == 0 else over(margin - norm(a, b)) ** 2 / 2


def triplet(a, p, n, margin=1.0, norm_p=2.0, squared=False):
    power = 2 if squared else 1
    return over(norm(a, p, norm_p) ** power - norm(a, n, norm_p) ** power + margin)


def cosine_embedding(a, b, y, margin=0.0):
    return 1 - cosine(a, b) if y == 1 else over(cosine(a, b) - margin)


FORMULAS = {"contrastive": contrastive, "triplet": triplet, "cosine-embedding": cosine_embedding}


def rows(length, chance):
    """Yield pairs of rows: ordinary, near, parallel, equal, opposite, sparse, huge, tiny, mixed, of zeros."""
    a = [chance.gauss(0, 2) for _ in range(length)]
    b = [chance.gauss(0, 2) for _ in range(length)]
    yield a, b
    for size in (1e-3, 1e-8, 1e-12, 4e-16):
        yield a, [x * (1 + size * chance.uniform(-1, 1)) for x in a]
        yield a, [3 * x * (1 + size * chance.uniform(-1, 1)) for x in a]
    yield a, [7 * x for x in a]
    yield a, list(a)
    yield a, [-x for x in a]
    yield a, [x * (k % 3 == 0) for k, x in enumerate(b)]
    for scale in (1e200, 1e-200, 1e-300, 1e150, 1e-160, 1e-318):
        yield [x * scale for x in a], [x * scale for x in b]
    yield [x * 1e-250 for x in a], [x * 1e250 for x in b]
    yield [x * 10.0 ** chance.randrange(-300, 300) for x in a], [x * 10.0 ** chance.randrange(-300, 300) for x in b]
    yield a, [0.0] * length
    yield [0.0] * length, [0.0] * length


def truth(formula, sides):
    """Return the precise value and the slopes by every entry of every side."""
    flat = [x for side in sides for x in side]
    length = len(sides[0])
    entries = [abs(x) for x in flat if x] or [1.0]
    gaps = [abs(mpf(x) - mpf(z)) for x, z in zip(sides[0] * (len(sides) - 1), flat[length:], strict=True) if x != z]
    step = min([*map(mpf, entries), *gaps]) * mpf(10) ** -30
    with mp.workdps(80 + 4 * int(mp.log10(max(1, *map(mpf, entries)) / step) + 1)):
        exact = [mpf(x) for x in flat]

        def moved(p, _held):
            return formula(*(p[k : k + length] for k in range(0, len(p), length)))

        return value_and_slopes(moved, exact, [step] * len(exact))


def check(name, given, sides, y, formula, limit=4e-15):
    """Compare with the exact value, in units of its parts, and with the slopes, in units of the largest of a side."""
    if len(sides[0]) > 3:
        # Slopes by differences take a formula for each entry.
        with mp.workdps(700):
            want, slopes = formula(*([mpf(x) for x in side] for side in sides)), None
    else:
        want, slopes, _ = truth(formula, sides)
    goal = () if y is None else ([y],)
    values, by = lossctl.loss(name, **given).value_and_gradient(tuple(sides), *goal, reduction="none")
    size = abs(want)
    with mp.workdps(700):
        if name == "triplet":
            size += norm(*([mpf(x) for x in sides[k]] for k in (0, 1)), mpf(given.get("p", 2))) ** (
                2 if given.get("squared") else 1
            )
        if name == "contrastive" and y == 1:
            size += abs(mpf(given.get("margin", 1))) * mp.sqrt(2 * abs(want))
        if name == "cosine-embedding" and y == -1:
            size += mpf(1)
    if abs(want) < mpf(2) ** 1023:
        floor = mpf("1e-45") if name == "cosine-embedding" else mpf("1e-322")
        assert abs(mpf(values[0]) - want) <= limit * size + floor, (values[0], want)
    else:
        assert values[0] == math.inf
    assert not any(np.isnan(side).any() for side in by)
    if slopes is None or size > mpf(2) ** 1000:
        return
    for s, side in enumerate(by):
        wanted = slopes[s * len(sides[0]) : (s + 1) * len(sides[0])]
        # An anchor's slope is a difference of two.
        beside = slopes if name == "triplet" else wanted
        largest = max((abs(x) for x in beside if x is not None), default=mpf(0))
        for got, exact in zip(side.ravel().tolist(), wanted, strict=True):
            if exact is not None and abs(exact) < mpf(2) ** 1023:
                # Rows all but parallel: beside them there is nothing left but the square of a rounding.
                floor = mpf("1e-30") / max(map(abs, sides[s])) if name == "cosine-embedding" and any(sides[s]) else 0
                assert abs(mpf(got) - exact) <= limit * largest + floor + mpf("1e-200"), (s, got, exact, sides)


@pytest.mark.parametrize("length", [1, 2, 3, 9, 300])
@pytest.mark.parametrize(
    ("name", "y", "given"),
    [
        ("contrastive", 0, {}), ("contrastive", 1, {}), ("contrastive", 1, {"margin": 30}),
        ("cosine-embedding", 1, {}), ("cosine-embedding", -1, {}), ("cosine-embedding", -1, {"margin": 0.3}),
    ],
)  # fmt: skip
def test_pairs_of_rows(name, y, given, length):
    for a, b in rows(length, random.Random(length)):
        check(name, given, [a, b], y, lambda a, b: FORMULAS[name](a, b, y, **given))


@pytest.mark.parametrize("length", [1, 3, 40])
@pytest.mark.parametrize(
    "given",
    [
        {}, {"margin": 0}, {"squared": True}, {"p": 1}, {"p": math.inf}, {"p": 3, "margin": 2}, {"p": 1.25},
        {"p": 40, "squared": True},
    ],
)  # fmt: skip
def test_triplets(given, length):
    other = {"margin": given.get("margin", 1), "squared": given.get("squared", False), "norm_p": given.get("p", 2.0)}
    # Of entries of every size the two distances are equal but for what a double does not see.
    pairs = [pair for pair in rows(length, random.Random(length)) if max(map(abs, pair[0])) < 1e220]
    # Powers at hundreds of digits take their time.
    every = 1 if other["norm_p"] in (1, 2, math.inf) else 3
    for (a, p), (n, _) in list(zip(pairs, pairs[3:] + pairs[:3], strict=True))[::every]:
        # A power multiplies the rounding of its base.
        limit = 4e-15 * (other["norm_p"] if 2 < other["norm_p"] < math.inf else 1)
        check("triplet", given, [a, p, n], None, lambda *sides: triplet(*sides, **other), limit)


@pytest.mark.parametrize("length", [1000, 5000])
def test_long_rows_lose_few_digits(length):
    chance = random.Random(length)
    a, b = ([chance.gauss(1, 1) for _ in range(length)] for _ in range(2))
    check("contrastive", {}, [a, b], 0, lambda a, b: contrastive(a, b, 0), 2e-15)
    check("cosine-embedding", {}, [a, b], 1, lambda a, b: cosine_embedding(a, b, 1), 2e-15)
    near = [x * (1 + 1e-9 * chance.gauss(0, 1)) for x in a]
    check("cosine-embedding", {}, [a, near], 1, lambda a, b: cosine_embedding(a, b, 1), 2e-15)


def lead(x1, x2, y):
    return y * (x1 - x2)


SCORES = {
    "margin-ranking": lambda x1, x2, y, margin=0.0: over(margin - lead(x1, x2, y)),
    "pairwise-logistic": lambda x1, x2, y: mp.log1p(mp.exp(-lead(x1, x2, y))),
    "hinge-embedding": lambda x, y, margin=1.0: x if y == 1 else over(margin - x),
}


@pytest.mark.parametrize("y", [1, -1])
@pytest.mark.parametrize(
    ("name", "given"),
    [("margin-ranking", {}), ("margin-ranking", {"margin": 0.7}), ("pairwise-logistic", {}), ("hinge-embedding", {}),
     ("hinge-embedding", {"margin": 3.0})],
)  # fmt: skip
def test_scores(name, given, y):
    chance = random.Random(3)
    pairs = [(chance.gauss(0, 3), chance.gauss(0, 3)) for _ in range(12)]
    pairs += [(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (3.0, 0.5), (0.7, 0.0), (0.0, 0.7), (40.0, 2.0), (-40.0, 2.0)]
    pairs += [(700.0, 0.0), (1e9, 1e9 + 1), (1e-300, 0.0), (1e200, -1e200), (0.1 + 0.2, 0.3)]
    several = len(find(name).sides) > 1
    for pair in pairs:
        x = pair if several else pair[:1]
        with mp.workdps(700):
            exact = [mpf(s) for s in x]
            step = mpf(10) ** -340
            want = value_and_slopes(lambda p, _: SCORES[name](*p, y, **given), exact, [step] * len(x))
            parts = sum(map(abs, exact)) + given.get("margin", 0) if name == "margin-ranking" else abs(want.value)
        pred = tuple([s] for s in x) if several else [x[0]]
        values, by = lossctl.loss(name, **given).value_and_gradient(pred, [y], reduction="none")
        # A difference rounded before its exponential: 700 of half its ulps.
        assert abs(mpf(values[0]) - want.value) <= mpf("1e-13") * abs(want.value) + mpf("4e-16") * parts + mpf("1e-322")
        for got, slope in zip(by if several else [by], want.slopes, strict=True):
            assert abs(mpf(got[0]) - slope) <= mpf("1e-13") * abs(slope) + mpf("1e-322")


@pytest.mark.parametrize(
    ("name", "sides", "y", "expected"),
    [
        ("contrastive", (A, B), [0], 2.5),
        ("contrastive(margin=3)", (A, B), [1], 0.29179606750063091),
        ("triplet", (A, B, N), None, 0.2360679774997897),
        ("cosine-embedding", (A, B), [1], 0.68377223398316207),
    ],
)
def test_golden(name, sides, y, expected):
    assert lossctl.loss(name)(sides, y) == pytest.approx(expected, rel=1e-15)


def test_kinks():
    """At the edge of a margin half the slope, between equal rows none, at a tie of the largest differences half."""
    by = lossctl.loss("triplet").gradient(([0.0, 0], [3.0, 0], [4.0, 0]))
    assert [side.tolist() for side in by] == [[0, 0], [0.5, 0], [-0.5, 0]]
    by = lossctl.loss("contrastive").gradient(([1.0, 2], [1.0, 2]), [1])
    assert not np.any(by)
    by = lossctl.loss("triplet", p=math.inf).gradient(([0.0, 0, 0], [2.0, -2, 1], [0.0, 0, 0]))
    assert by[1].tolist() == [0.5, -0.5, 0]
    by = lossctl.loss("cosine-embedding").gradient(([1.0, 0], [0.0, 2]), [-1])
    assert by[0].tolist() == [0, 0.5]
    assert lossctl.loss("margin-ranking").gradient(([1.0], [1.0]), [1])[0].tolist() == [-0.5]


def test_a_row_of_zeros_has_no_direction():
    sides = [[0.0, 0.0], [1.0, 2.0]], [[3.0, 4.0], [2.0, 4.0]]
    result = lossctl.evaluate("cosine-embedding", sides, [1, 1], reduction="none")
    assert list(result.values) == [1, 0]
    assert result.degenerate == 1
    assert not np.any(lossctl.loss("cosine-embedding").gradient(([0.0, 0], [3.0, 4]), [1]))


def ways(name, monkeypatch, sides, y):
    for smallest in (1 << 40, -1):
        monkeypatch.setattr(kernels, "SMALL", smallest)
        monkeypatch.setattr(kernels, "_warm", set())
        monkeypatch.setattr(kernels, "_interpreted", {})
        value, by = lossctl.loss(name).value_and_gradient(sides, y, reduction="none")
        yield [value, *(by if isinstance(by, tuple) else (by,))]


@pytest.mark.parametrize("name", [*RANKING, "triplet(p=1)", "triplet(p=inf)", "triplet(p=3,squared=yes)"])
def test_interpreted_is_compiled(name, monkeypatch):
    loss = find(name.partition("(")[0])
    chance = random.Random(1)
    pairs = [pair for length in (1, 3, 300) for pair in rows(length, chance)]
    for length in (1, 3, 300):
        sides = [np.array(side) for side in zip(*(pair for pair in pairs if len(pair[0]) == length), strict=True)]
        sides = [sides[0], sides[1], sides[1][::-1]][: len(loss.sides)]
        shape = sides[0].shape if loss.shape == "scores" else len(sides[0])
        y = np.ones(shape) if loss.has_target else None
        if y is not None:
            y[::2] = 0 if name == "contrastive" else -1
        interpreted, compiled = ways(name, monkeypatch, tuple(sides) if len(sides) > 1 else sides[0], y)
        for one, other in zip(interpreted, compiled, strict=True):
            assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("name", ["contrastive", "cosine-embedding", "triplet"])
@pytest.mark.parametrize("scale", [2.0**-600, 2.0**40, 2.0**600])
def test_scaling_by_a_power_of_two_is_exact(name, scale):
    chance = np.random.default_rng(5)
    sides = tuple(chance.normal(0, 1, (3, 20, 17))[: len(find(name).sides)])
    y = () if name == "triplet" else ([1 if name == "cosine-embedding" else 0] * 20,)
    f = lossctl.loss(name, **({} if name == "cosine-embedding" else {"margin": 0}))
    values, scaled = (f(tuple(s * k for s in sides), *y, reduction="none") for k in (1.0, scale))
    power = {"contrastive": 2, "triplet": 1, "cosine-embedding": 0}[name]
    with np.errstate(over="ignore", under="ignore"):
        np.testing.assert_array_equal(scaled, values * scale**power if power < 2 else values * scale * scale)
