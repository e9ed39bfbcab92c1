"""The curve that `explain` draws is that of the loss, and fits."""

import dataclasses
import re

import numpy as np
import pytest

import lossctl
from lossctl.loss import find, names
from lossctl.show.canvas import plot
from lossctl.show.curve import STEPS, VIEWS, _point, _settings, curve

DRAWN = [name for name in names() if find(name).shape in VIEWS and not find(name).whole]
TARGET = [0.0, 0.0, 10.0, 10.0]


def logits(x, other=0.0):
    return np.array([[z, other, other] for z in x])


def same_data(loss, view, number, x):
    """Return prediction, target, keywords and d pred / dx of the items along a view, as a caller would give them."""
    ones = np.ones_like(x)
    if loss.shape == "numbers":
        target = float((re.findall(r"target is (\S+)", view.title) or [0])[0])
        return x, target * ones, {}, ones
    if loss.shape == "binary":
        return x, ones * (number == 0), {"input": "logits"}, ones
    if loss.shape == "boxes":
        moves = [[1.0, 0.0, 1.0, 0.0], [-0.5, -0.5, 0.5, 0.5]][number]
        start = [TARGET, [5.0, 5.0, 5.0, 5.0]][number]
        return np.array(start) + x[:, None] * moves, np.array([TARGET] * len(x)), {}, np.array(moves)
    if loss.shape == "scores":
        y = float(re.findall(r"y is (\S+)", view.title)[0]) * ones
        return (x if len(loss.sides) == 1 else (x, 0.0 * x)), y, {}, ones
    if loss.shape == "embeddings":
        y = float((re.findall(r"y is (\S+)", view.title) or [0])[0]) * ones
        if view.axis == "cosine":
            turned = np.stack([x, np.sqrt(1 - x * x)], axis=1)
            along = np.stack([ones, -x / np.sqrt(1 - x * x)], axis=1)
            return (turned, np.array([[1.0, 0.0]] * len(x))), y, {}, along
        moved = np.stack([x, 0.0 * x], axis=1)
        sides = (moved, 0.0 * moved) if loss.has_target else (0.0 * moved, moved, 0.0 * moved + [0.0, 1.0])
        return sides, y if loss.has_target else None, {}, np.array([1.0, 0.0])
    if loss.shape == "rotated":
        moves = [[1.0, 0, 0, 0, 0], [0.0, 0, 0, 0, 1]][number]
        target = np.array([[0.0, 0, 10, 4, 0]] * len(x))
        return target + x[:, None] * moves, target, {}, np.array(moves)
    if loss.shape == "regions":
        rest = 0.0 * ones
        pred = np.stack([x, 1 - x, rest, rest], axis=1)[:, None]
        keywords = {"input": "probs", "layout": "NHW", "aggregate": "per-image"}
        return pred, np.array([[[1, 0, 0, 0]]] * len(x)), keywords, np.array([1.0, -1.0, 0.0, 0.0])
    target = np.zeros(len(x), int) if loss.has_target else None
    if loss.target_input:
        return logits(x), logits(2.0 * ones), {}, np.array([1.0, 0.0, 0.0])
    return logits(x), target, {"input": "logits"}, np.array([1.0, 0.0, 0.0])


@pytest.mark.parametrize("name", DRAWN)
def test_the_curve_is_the_loss(name):
    loss = find(name)
    settings = _settings(loss)
    views = VIEWS[loss.shape](loss, settings)
    assert views
    for number, view in enumerate(views):
        low, high = view.ends
        x = np.array([low + (high - low) * i / STEPS for i in range(1, STEPS)])[::7]
        points = np.array([_point(loss, settings, view.at(float(place))) for place in x])
        pred, target, keywords, moves = same_data(loss, view, number, x)
        function = lossctl.loss(name, **{p.name: settings[p.name] for p in loss.parameters if p.required})
        if loss.root:
            pairs = [function.value_and_gradient([p], [t]) for p, t in zip(pred, target, strict=True)]
            values, slopes = (np.ravel(part) for part in zip(*pairs, strict=True))
        else:
            values, slopes = function.value_and_gradient(pred, target, reduction="none", **keywords)
        if isinstance(slopes, tuple):
            slopes = slopes[0 if loss.has_target else 1]
        along = (slopes * moves).reshape(len(x), -1).sum(axis=1)
        np.testing.assert_allclose(points[:, 0], values, rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(points[:, 1], along, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("width", [36, 96])
def test_it_fits(name, width):
    for ascii_only in (False, True):
        lines = curve(find(name), width, ascii_only).splitlines()
        assert {"value", "slope"} <= set(" ".join(lines).split())
        assert all(len(line) <= min(width, 72) for line in lines)
        assert not ascii_only or "".join(lines).isascii()


def test_explain_draws_it_before_what_others_do(here):
    out = here("explain", "wing").out
    assert out == here("explain", "wing").out
    titles = re.findall(r"^(\w+)$", out, re.MULTILINE)
    assert titles[titles.index("Parameters") :] == ["Parameters", "Curve", "Elsewhere", "Reference", "Examples"]
    assert re.search(r"^ +0 │.*⡏.* -4\.\d+ │", out, re.MULTILINE)
    assert "Curve" not in here("regression", "wing", "--help").out


def test_what_has_no_example_says_so(here):
    assert "for width = 100, height = 100" in here("explain", "mpdiou").out


def test_a_shape_without_a_view_has_no_curve():
    unseen = dataclasses.replace(find("mae"), shape="unseen")
    assert curve(unseen, 80, ascii_only=False) == ""
    assert curve(dataclasses.replace(find("mae"), slope=None), 80, ascii_only=False) == ""


def test_own_losses_are_drawn_too(here, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def value(pred, target): return (pred - target) ** 2\ndef slope(p, t): return 2.0 * (p - t)\n")
    assert "pred - target" in here("explain", path).out
    path.write_text("from lossctl.loss import Positive\ndef value(pred, target, k: Positive): return k\n")
    assert "Curve" not in here("explain", path).out


def test_dots_are_where_the_values_are():
    rising = [i / 100 for i in range(101)]
    assert plot("t", "x", (0, 1), rising, (13, 5), ascii_only=False) == [
        "   t",
        "1 │        ⣠⠞",
        "  │      ⣠⠞⠁",
        "  │   ⢀⡤⠞⠁",
        "  │ ⢀⡴⠋",
        "0 │⡴⠋",
        "  └──────────",
        "   0   x    1",
    ]
    assert plot("t", "x", (0, 1), rising, (13, 3), ascii_only=True) == [
        "   t",
        "1 |       .-'",
        "  |   .--'",
        "0 |.-'",
        "  +----------",
        "   0   x    1",
    ]


def test_a_constant_is_a_line_at_its_height():
    lines = plot("t", "x", (0, 1), [-2.0, -2.0, -2.0 + 1e-15], (9, 3), ascii_only=True)
    assert lines[1:4] == [" 0 |", "   |", "-2 |....."]


def test_what_is_not_finite_leaves_a_gap():
    middle = [float("nan"), float("inf"), float("-inf")]
    lines = plot("t", "x", (0, 1), [0.0, 0.0, *middle, 1.0, 1.0], (15, 2), ascii_only=True)
    assert lines[1:3] == ["1 |         '''", "0 |..."]
    assert plot("t", "x", (0, 1), middle, (9, 2), ascii_only=True)[1:3] == ["  |", "0 |"]
