"""Where a loss says that of a label only its own class counts, the others do add nothing."""

import math

import numpy as np
import pytest
from ranges import label, settings

import lossctl
from lossctl.loss import find, names

ALONE = [name for name in names() if find(name).alone is not None]
PLACES = [(1e-300, 1.0), (0.25, 0.75), (0.5, 0.5), (1.0, 1e-300)]


def at(loss, function, q, r, y, given):
    known = {"q": q, "r": r, "log_q": math.log(q), "y": y, "class_weight": 3.0, "classes": 5.0}
    found = function(*(known[name] for name in loss.data), **given)
    return found if isinstance(found, tuple) else (found,)


def adds(loss, y, given):
    functions = [function for function in (loss.value, loss.slope, loss.weight) if function is not None]
    return any(any(at(loss, function, q, r, y, given)) for function in functions for q, r in PLACES)


@pytest.mark.parametrize(
    ("name", "given"),
    [pytest.param(name, given, id=f"{name}-{label(given)}") for name in ALONE for given in settings(find(name))],
)
def test_other_classes_add_nothing(name, given):
    loss = find(name)
    assert adds(loss, 1.0, given)
    assert adds(loss, 0.0, given) == (not loss.alone(**given))


@pytest.mark.parametrize("name", ALONE)
def test_a_label_is_what_a_one_hot_row_is(name):
    z = [[2.0, 0.5, -1.0], [0.1, 0.2, 0.3], [-700.0, 3.0, 3.0], [5.0, 5.0, 900.0]]
    labels, rows = [0, 2, 1, 0], [[1, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]]
    function = lossctl.loss(name)
    for call in (function, function.gradient):
        found = call(z, labels, input="logits")
        assert found == pytest.approx(call(z, rows, input="logits"), rel=1e-15, abs=1e-300)


REGIONS = [name for name in names() if find(name).shape == "regions" and not find(name).whole]


@pytest.mark.parametrize("name", REGIONS)
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(
    "options",
    [{"aggregate": "per-image"}, {"ignore_index": 2, "aggregate": "per-image"}, {"aggregate": "global"}],
    ids=str,
)
def test_a_labelled_pixel_is_what_a_one_hot_pixel_is(name, layout, options):
    """Labels have kernels of their own. Of a distribution nothing can be ignored: there the pixel must not matter."""
    rng = np.random.default_rng(4)
    z, labels = rng.normal(scale=3, size=(2, 3, 40, 50)), rng.integers(0, 3, (2, 40, 50))
    z[0, 1, 0, :9], z[1, :, 3, 3] = 900.0, 5.0
    rows = np.eye(3)[labels]
    if layout == "NHWC":
        z = np.ascontiguousarray(z.transpose(0, 2, 3, 1))
    else:
        rows = np.ascontiguousarray(rows.transpose(0, 3, 1, 2))
    run = {"input": "logits", "layout": layout, "activation": "softmax"} | options
    function = lossctl.loss(name)
    if "ignore_index" in options:
        shaken = z + 7.0 * (labels == 2)[..., None] * rng.normal(size=3) if layout == "NHWC" else z
        assert function(shaken, labels, **run) == function(z, labels, **run)
        gradient = function.gradient(z, labels, **run)
        gone = gradient[labels == 2] if layout == "NHWC" else gradient.transpose(0, 2, 3, 1)[labels == 2]
        assert not gone.any()
        assert gradient.any()
        return
    assert function(z, labels, **run) == function(z, rows, **run)
    np.testing.assert_array_equal(function.gradient(z, labels, **run), function.gradient(z, rows, **run))
