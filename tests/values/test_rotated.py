"""What is known of losses of rotated boxes: which boxes are the same, what changes nothing, what a side of 0 is."""

import math

import numpy as np
import points
import pytest
import textbook
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

import lossctl
from lossctl.loss import find, names

ROTATED = [name for name in names("box") if find(name).shape == "rotated"]
BOUNDED = settings(derandomize=True, max_examples=12, deadline=None, database=None)
# In sixteenths, so that moving rounds nothing, and whole degrees, so that turning does not either.
sixteenth = st.integers(-900, 900).map(lambda n: n / 16)
side = st.integers(0, 400).map(lambda n: n / 16)
box = st.tuples(sixteenth, sixteenth, side, side, st.integers(-360, 360).map(float))
pairs = st.lists(st.tuples(box, box), min_size=1, max_size=6).map(lambda ps: tuple(np.array(ps).swapaxes(0, 1)))
# Boxes with an area, whose sides are not very different.
some = [pair for kind in ("ordinary", "one difference", "exchanged") for pair in points.rotated()[kind]]
fixed = tuple(np.array([[*pair[i][:4], round(math.degrees(pair[i][4]))] for pair in some]) for i in (0, 1))


def values(name, p, g, **keywords):
    return lossctl.loss(name)(p, g, reduction="none", **({"degrees": True} | keywords))


def perfect(loss, **parameters):
    """Return what identical boxes cost, as the loss says itself: its range begins with that."""
    text, found, _ = loss.sections["Range"].partition(" (identical)")
    assert found
    return eval(text, {}, parameters)


@pytest.mark.parametrize("tau", [1.0, 2.5])
@pytest.mark.parametrize("name", ROTATED)
@given(pairs)
@BOUNDED
def test_identical_boxes_cost_what_the_range_says(name, tau, both):
    loss = find(name)
    given = {"tau": tau} if any(p.name == "tau" for p in loss.parameters) else {}
    p = both[0]
    p = np.concatenate([p, p * [1e150, 1e150, 1e150, 1e150, 1], p * [1e-150, 1e-150, 1e-150, 1e-150, 1]])
    cost, slope = lossctl.loss(name, **given).value_and_gradient(p, p.copy(), reduction="none", degrees=True)
    np.testing.assert_allclose(cost, perfect(loss, **given), rtol=1e-16)
    assert not slope[(p[:, 2] > 0) & (p[:, 3] > 0)].any()
    assert (lossctl.loss(name, **given)(*both, reduction="none") >= cost.min() * (1 - 1e-15)).all()


@pytest.mark.parametrize("name", ROTATED)
@given(pairs)
@example(fixed)
@BOUNDED
def test_the_same_box_in_other_numbers(name, both):
    p, g = both
    expected = values(name, p, g)
    for turns in (1, -1, 4):
        np.testing.assert_array_equal(values(name, p + np.array([0, 0, 0, 0, 180.0 * turns]), g), expected)
    exchanged = p[:, [0, 1, 3, 2, 4]] + np.array([0, 0, 0, 0, 90.0])
    np.testing.assert_allclose(values(name, exchanged, g), expected, rtol=4e-15, atol=1e-15)


@pytest.mark.parametrize("name", [name for name in ROTATED if name != "kld"])
@given(pairs)
@example(fixed)
@BOUNDED
def test_symmetric(name, both):
    p, g = both
    np.testing.assert_allclose(values(name, p, g), values(name, g, p), rtol=5e-15, atol=1e-15)


@pytest.mark.parametrize("name", ROTATED)
@given(pairs, st.sampled_from([(64.0, -1024.0), (3.0, 0.5)]))
@example(fixed, (0.0, 1.0))
@BOUNDED
def test_same_anywhere(name, both, by):
    p, g = (np.column_stack([np.round(side[:, :2] * 16) / 16, side[:, 2:]]) for side in both)
    moved = (np.column_stack([side[:, :2] + by, side[:, 2:]]) for side in (p, g))
    np.testing.assert_array_equal(values(name, *moved), values(name, p, g))


@pytest.mark.parametrize("name", ROTATED)
@given(pairs, st.sampled_from([2.0**-300, 0.25, 2.0**40, 2.0**500]))
@example(fixed, 2.0**100)
@BOUNDED
def test_same_at_any_scale(name, both, by):
    grown = np.array([by, by, by, by, 1.0])
    p, g = both
    np.testing.assert_array_equal(values(name, p * grown, g * grown), values(name, p, g))
    slopes = lossctl.loss(name).gradient(p, g, reduction="sum", degrees=True)
    scaled = lossctl.loss(name).gradient(p * grown, g * grown, reduction="sum", degrees=True)
    np.testing.assert_array_equal(scaled * grown, slopes)


@pytest.mark.parametrize("name", ROTATED)
@pytest.mark.parametrize("angle", [17.0, 90.0, -140.0])
def test_turning_both_changes_nothing(name, angle):
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    turned = [
        np.column_stack([b[:, 0] * c - b[:, 1] * s, b[:, 0] * s + b[:, 1] * c, b[:, 2:4], b[:, 4] + angle])
        for b in fixed
    ]
    np.testing.assert_allclose(values(name, *turned), values(name, *fixed), rtol=1e-12)


@pytest.mark.parametrize("name", ROTATED)
def test_degrees_are_radians(name):
    p, g = fixed
    loss = lossctl.loss(name)
    value, slope = loss.value_and_gradient(p, g, degrees=True, reduction="none")
    in_radians = (np.column_stack([b[:, :4], np.radians(b[:, 4])]) for b in (p, g))
    expected, its_slope = loss.value_and_gradient(*in_radians, reduction="none")
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    np.testing.assert_allclose(slope[:, 4], its_slope[:, 4] * math.pi / 180, rtol=1e-11, atol=1e-16)
    np.testing.assert_allclose(slope[:, :4], its_slope[:, :4], rtol=1e-11, atol=1e-16)


@pytest.mark.parametrize("name", ROTATED)
def test_a_square_has_no_direction(name):
    square = np.array([[1.0, 2.0, 6.0, 6.0, angle] for angle in (0.0, 0.3, 1.0, 2.5)])
    target = np.tile(points.ROTATED_TARGET, (4, 1))
    value, slope = lossctl.loss(name).value_and_gradient(square, target, reduction="none")
    np.testing.assert_allclose(value, value[0], rtol=1e-14)
    assert not slope[:, 4].any()


def overlap(p, g):
    """Return the intersection over union of two boxes, by clipping one by the four edges of the other."""
    polygon, other = corners(p), corners(g)
    for a, b in zip(other, np.roll(other, -1, axis=0), strict=True):
        inside = [(b[0] - a[0]) * (q[1] - a[1]) - (b[1] - a[1]) * (q[0] - a[0]) for q in polygon]
        kept = []
        for i, (q, d) in enumerate(zip(polygon, inside, strict=True)):
            before, e = polygon[i - 1], inside[i - 1]
            if (d > 0) != (e > 0):
                kept.append(before + (q - before) * (e / (e - d)))
            if d > 0:
                kept.append(q)
        polygon = kept
    x, y = np.array(polygon).T if len(polygon) else (np.zeros(1), np.zeros(1))
    shared = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
    return shared / (p[2] * p[3] + g[2] * g[3] - shared)


def corners(box):
    c, s = math.cos(box[4]), math.sin(box[4])
    ends = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * np.array(box[2:4]) / 2
    return ends @ np.array([[c, s], [-s, c]]) + np.array(box[:2])


@pytest.mark.parametrize("name", ROTATED)
def test_what_overlaps_less_costs_more(name):
    target = np.array(points.ROTATED_TARGET)
    ways = {"turned": np.linspace(0, math.pi / 2, 12)[:, None] * [0, 0, 0, 0, 1]}
    if name != "kfiou":
        ways |= {f"moved {way}": np.linspace(0, 8, 12)[:, None] * [*way, 0, 0, 0] for way in ((1, 0), (0.3, -0.9))}
    for steps in ways.values():
        boxes = target + steps
        overlaps = [overlap(box, target) for box in boxes]
        assert overlaps[0] == pytest.approx(1)
        assert (np.diff(overlaps) <= 1e-12).all()
        assert (np.diff(values(name, boxes, np.tile(target, (12, 1)), degrees=False)) > 0).all()


DISTANCES = {
    "probiou": (textbook.bhattacharyya, lambda b: mp.sqrt(-mp.expm1(-b))),
    "gwd": (
        lambda p, g: textbook.wasserstein(p, g, 1) / (p[2] * p[3] * g[2] * g[3]) ** (mpf(1) / 4),
        lambda d: 1 - 1 / (1 + mp.log1p(d)),
    ),
    "kld": (lambda p, g: textbook.kullback_leibler(p, g, 1), lambda k: 1 - 1 / (1 + mp.log1p(mp.sqrt(abs(k))))),
    "kfiou": (lambda p, g: textbook.kfiou(p, g, None), lambda x: x),
}
FLAT = [pair for kind in ("flat", "flat both", "flat identical") for pair in points.rotated()[kind]]


@pytest.mark.parametrize("name", ROTATED)
@pytest.mark.parametrize("pair", FLAT, ids=str)
def test_a_side_of_0_is_the_limit_of_one_that_shrinks(name, pair):
    distance, loss = DISTANCES[name]
    with mp.workdps(2500):
        near, nearer = (
            distance(*([mpf(x) if i not in (2, 3) or x else mpf(10) ** -digits for i, x in enumerate(b)] for b in pair))
            for digits in (100, 200)
        )
        expected = mpf(1) if nearer > 1e10 or nearer > near + 1 else loss(nearer)
    assert float(values(name, *([list(b)] for b in pair), degrees=False)[0]) == pytest.approx(
        float(expected), rel=1e-13
    )


@pytest.mark.parametrize("name", ROTATED)
def test_no_numbers_make_no_number(name):
    """Sides, offsets and angles of all sizes, in all mixtures, equal ones and zeros among them."""
    chance, n = np.random.default_rng(5), 20_000
    low = perfect(find(name), tau=1.0)
    for decades in (320, 160, 20):
        p, g = (10.0 ** chance.uniform(-decades, min(decades, 308), (n, 5)) for _ in range(2))
        for side in (p, g):
            side[:, 4] = 10.0 ** chance.uniform(-300, 5, n)
            side[chance.random((n, 5)) < 0.1] = 0
            side[:, [0, 1, 4]] *= chance.choice([-1.0, 1.0], (n, 3))
        g = np.where(chance.random((n, 5)) < 0.5, p, g)
        value, slope = lossctl.loss(name).value_and_gradient(p, g, reduction="none")
        assert ((value >= low * (1 - 1e-15)) & (value <= 1)).all()
        assert not np.isnan(slope).any()


@pytest.mark.parametrize("name", ROTATED)
@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_not_finite(name, place, bad):
    p = np.tile(points.ROTATED_TARGET, (3, 1))
    g = p + 0.5
    broken = p.copy()
    broken[1, place] = bad
    with pytest.raises(lossctl.DataError, match=r"row 1: coordinate that is not finite"):
        lossctl.loss(name)(broken, g)
    assert lossctl.loss(name)(broken, g, nonfinite="skip") == lossctl.loss(name)(p[[0, 2]], g[[0, 2]])
    kept = values(name, broken, g, nonfinite="propagate")
    assert kept[0] == kept[2] == values(name, p, g)[0]
