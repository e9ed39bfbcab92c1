"""What is known of losses as such: symmetries, invariances, orders, and which is a case of which."""

import contextlib
import itertools

import mpmath
import numpy as np
import points
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ranges import needed

import lossctl
from lossctl.loss import find, names

BOXES = [name for name in names() if find(name).shape == "boxes"]
# Not symmetric, or not free of scale: by name.
ONE_WAY = {"shape-iou", "piou", "bounded-iou"}
SCALED = {"nwd", "mpdiou", "box-l1", "box-smooth-l1"}
BOUNDED = settings(derandomize=True, max_examples=12, deadline=None, database=None)
coordinate = st.one_of(st.integers(-6, 6).map(float), st.floats(-1e3, 1e3).map(lambda x: float(np.float32(x))))


@st.composite
def box(draw):
    x, y = (sorted((draw(coordinate), draw(coordinate))) for _ in range(2))
    return x[0], y[0], x[1], y[1]


pairs = st.lists(st.tuples(box(), box()), min_size=1, max_size=6).map(
    lambda ps: (np.array(ps)[:, 0], np.array(ps)[:, 1])
)
fixed = np.array(
    [pair for kind, group in points.boxes().items() if kind not in ("huge", "tiny", "one axis huge") for pair in group]
)
FIXED = fixed[:, 0], fixed[:, 1]


def values(name, p, g, **keywords):
    return lossctl.loss(name, **needed(find(name)))(p, g, reduction="none", **keywords)


@pytest.mark.parametrize("name", [name for name in BOXES if name not in ONE_WAY])
@given(pairs)
@example(FIXED)
@BOUNDED
def test_symmetric(name, both):
    p, g = both
    np.testing.assert_allclose(values(name, p, g), values(name, g, p), rtol=2e-15)


@pytest.mark.parametrize("name", BOXES)
@given(pairs, st.sampled_from([64.0, -1024.0, 3.0]))
@BOUNDED
def test_same_anywhere(name, both, by):
    # In sixteenths up to 1000, so that moving rounds no coordinate: what is left to differ is the loss.
    p, g = (np.round(side * 16) / 16 for side in both)
    np.testing.assert_allclose(values(name, p + by, g + by), values(name, p, g), rtol=4e-15)


@pytest.mark.parametrize("name", [name for name in BOXES if name not in SCALED])
@given(pairs, st.sampled_from([2.0**-300, 0.25, 2.0, 2.0**40, 2.0**500]))
@example(FIXED, 2.0**100)
@BOUNDED
def test_same_at_any_scale(name, both, by):
    p, g = both
    if np.abs(both).max() * by < 2.0**-500:
        return
    np.testing.assert_array_equal(values(name, p * by, g * by), values(name, p, g))
    slopes, scaled = (
        lossctl.loss(name, **needed(find(name))).gradient(p * s, g * s, reduction="sum") for s in (1.0, by)
    )
    # Exactly so, unless one of the two is too small for all its digits.
    enough = np.minimum(np.abs(slopes), np.abs(scaled)) > 1e-290
    np.testing.assert_array_equal((scaled * by)[enough], slopes[enough])
    np.testing.assert_allclose((scaled * by)[~enough], slopes[~enough], atol=1e-130)


@given(pairs)
@example(FIXED)
@BOUNDED
def test_orders(both):
    value = {name: values(name, *both) for name in ("iou", "giou", "diou", "ciou", "eiou")}
    assert (value["giou"] >= value["iou"]).all()
    assert (value["ciou"] >= value["diou"]).all()
    assert (value["diou"] >= value["iou"]).all()
    assert (value["eiou"] >= value["diou"]).all()
    for name, most in (("iou", 1), ("giou", 2), ("diou", 2), ("eiou", 4)):
        assert (value[name] >= 0).all()
        assert (value[name] <= most).all()


@pytest.mark.parametrize("name", BOXES)
@given(pairs)
@example(FIXED)
@BOUNDED
def test_identical_boxes_cost_nothing(name, both):
    p = both[0]
    assert (values(name, p, p.copy()) == 0).all()
    far = np.concatenate([p * 1e150, p * 1e-150, p + 1e9])
    assert (values(name, far, far.copy()) == 0).all()


def scores():
    chance = np.random.default_rng(1)
    return chance.normal(0, 4, (30, 5)), chance.dirichlet([1.0] * 5, 30)


@pytest.mark.parametrize("log_base", ["e", "2", "10"])
def test_cross_entropy_is_entropy_and_divergence(log_base):
    z, y = scores()
    ce, kl = (values(name, z, y, input="logits", log_base=log_base) for name in ("ce", "kl"))
    entropy = lossctl.loss("entropy")(y, reduction="none", input="probs", log_base=log_base)
    np.testing.assert_allclose(ce, entropy + kl, rtol=1e-14)


def test_distillation_is_divergence_at_temperature_1():
    z, y = scores()
    np.testing.assert_allclose(values("distillation", z, np.log(y)), values("kl", z, y, input="logits"), rtol=1e-11)


def test_jensen_shannon_goes_both_ways():
    _, y = scores()
    q = y[::-1]
    np.testing.assert_allclose(values("js", y, q, input="probs"), values("js", q, y, input="probs"), rtol=1e-14)


def pixels():
    chance = np.random.default_rng(2)
    return chance.normal(0, 3, (4, 9)), np.round(chance.random((4, 9)), 1)


@pytest.mark.parametrize("smooth", [0.0, 0.5, 7.0])
def test_tversky_holds_dice_and_jaccard(smooth):
    z, y = pixels()
    keywords = {"input": "logits", "layout": "HW"}
    tversky, dice, jaccard = map(lossctl.loss, ("tversky", "dice", "jaccard"))
    for weight, other, its_smooth in ((0.5, dice, 2 * smooth), (1.0, jaccard, smooth)):
        same = {"fp_weight": weight, "fn_weight": weight, "smooth": smooth}
        value, slope = tversky.value_and_gradient(z, y, **same, **keywords)
        expected, its_slope = other.value_and_gradient(z, y, smooth=its_smooth, **keywords)
        assert value == pytest.approx(expected, rel=1e-14)
        np.testing.assert_allclose(slope, its_slope, rtol=1e-12, atol=1e-18)


@pytest.mark.parametrize("delta", [0.01, 0.5, 1.0, 30.0])
def test_huber_is_delta_times_smooth_l1(delta):
    d, zero = np.linspace(-40, 40, 161), np.zeros(161)
    huber, smooth = (lossctl.loss(name) for name in ("huber", "smooth-l1"))
    np.testing.assert_allclose(huber(d, zero, delta=delta), delta * smooth(d, zero, beta=delta), rtol=1e-14)
    slopes = huber.gradient(d, zero, delta=delta), delta * smooth.gradient(d, zero, beta=delta)
    np.testing.assert_allclose(*slopes, rtol=1e-14)


def test_losses_without_their_parameter():
    p, g = FIXED
    np.testing.assert_array_equal(values("focal-eiou", p, g, gamma=0), values("eiou", p, g))
    np.testing.assert_array_equal(values("box-smooth-l1", p, g, beta=0), values("box-l1", p, g))
    z, y = np.array(points.logits()).T
    focal = {alpha: values("focal", z, y, input="logits", alpha=alpha, gamma=0) for alpha in (0.25, 0.75, None)}
    for alpha in (0.25, 0.75):
        plain = y * (1 - y) == 0
        balanced = values("balanced-bce", z, y, input="logits", alpha=alpha)
        np.testing.assert_allclose(focal[alpha][plain], balanced[plain], rtol=1e-15)
    np.testing.assert_array_equal(focal[None], values("bce", z, y, input="logits"))


@pytest.mark.parametrize(("d", "delta"), [(1e300, 1e-10), (-1e200, 1e-150), (1e-200, 1e100), (3e-5, 7.0)])
def test_pseudo_huber_of_any_ratio(d, delta):
    value, slope = lossctl.loss("pseudo-huber", delta=delta).value_and_gradient([d], [0.0])
    with mpmath.workdps(400):
        x, scale = mpmath.mpf(d), mpmath.mpf(delta)
        root = mpmath.sqrt(1 + (x / scale) ** 2)
        assert value == pytest.approx(float(scale**2 * (root - 1)), rel=1e-14)
        assert slope[0] == pytest.approx(float(x / root), rel=1e-14)


def test_equal_numbers_cost_nothing_of_any_sign():
    for name in ("poisson", "balanced-l1", "welsch", "mse"):
        values = lossctl.loss(name)(np.zeros(3), np.zeros(3), reduction="none")
        assert (values == 0.0).all()
        assert not np.signbit(values).any()


@pytest.mark.parametrize("name", [name for name in names() if find(name).shape in ("numbers", "binary")])
def test_every_pair_of_numbers_has_a_loss_or_is_refused(name):
    numbers = [-1e308, -2.0, -1.0, -0.5, 0.0, 5e-324, 0.5, 1.0, 2.0, 1e308]
    keywords = {"input": "logits"} if find(name).takes_scores else {}
    losses = 0
    for x, y in itertools.product(numbers, numbers):
        with contextlib.suppress(lossctl.DataError):
            value, _ = lossctl.loss(name).value_and_gradient([x], [y], **keywords)
            losses += value == value
    assert losses


@pytest.mark.parametrize("n", [2, 1 << 16])
@pytest.mark.parametrize(("name", "rate", "target"), [("poisson", -2.0, 2.0), ("msle", 0.0, -1.0), ("msle", -1.0, 0.0)])
def test_what_a_loss_is_not_made_for_is_refused_and_not_divided_by(name, rate, target, n):
    pred, other = np.full(n, 2.0), np.full(n, 2.0)
    pred[1], other[1] = rate, target
    with pytest.raises(lossctl.DataError, match=r"below 0|above -1"):
        lossctl.loss(name).value_and_gradient(pred, other)


def test_the_smallest_rates_have_a_deviance():
    values = lossctl.loss("poisson")([5e-324, 1e-323, 5e-324], [5e-324, 5e-324, 0.0], reduction="none")
    assert np.isfinite(values).all()
    assert values[0] == 0.0
