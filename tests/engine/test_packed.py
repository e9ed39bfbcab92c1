"""Sums in registers: the bits of those that are stored and folded, and only of formulas that are arithmetic."""

import re

import numpy as np
import pytest

import lossctl
from lossctl import maths
from lossctl.engine import kernels
from lossctl.engine.sums import BLOCK, PIECE
from lossctl.errors import DataError

trace = pytest.importorskip("lossctl.engine.trace")
packed = pytest.importorskip("lossctl.engine.packed")

RANDOM = np.random.default_rng(12)
SIZES = [1, PIECE - 1, PIECE, PIECE + 1, BLOCK + 3 * PIECE + 5]
LOSSES = ["mse", "mape", "huber", "charbonnier", "quantile", "margin-ranking", "hinge-embedding", "dice", "jaccard"]


@pytest.fixture
def fast(monkeypatch):
    """Compile kernels for any size, and tell which of them add up in registers."""
    monkeypatch.setattr(kernels, "SMALL", 0)
    kernels._kernels.cache_clear()
    found, pack = [], packed.packed
    monkeypatch.setattr(packed, "packed", lambda *given: found.append(pack(*given)) or found[-1])
    yield found
    kernels._kernels.cache_clear()


def data(name, size, dtype=np.float64):
    x, t = RANDOM.normal(size=(2, size)).astype(dtype)
    if name == "margin-ranking":
        return (x, t), np.sign(RANDOM.normal(size=size)), {}
    if name == "hinge-embedding":
        return x, np.where(RANDOM.random(size) < 0.5, 1, -1), {}
    if name in ("dice", "jaccard"):
        mask = (t > 0.0).reshape(1, 1, size)
        return np.clip(abs(x), 0, 1).reshape(1, 1, size), mask, {"input": "probs", "layout": "NHW"}
    return x, t, {}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", LOSSES)
def test_same_bits_as_interpreted_and_as_with_a_gradient(name, size, fast, monkeypatch):
    pred, target, options = data(name, size)
    loss = lossctl.loss(name)
    value = loss(pred, target, **options)
    assert fast.pop() is not None
    assert loss.value_and_gradient(pred, target, **options)[0] == value
    monkeypatch.setattr(kernels, "SMALL", 1 << 30)
    monkeypatch.setattr(kernels, "_warm", set())
    monkeypatch.setattr(kernels, "_interpreted", {})
    assert loss(pred, target, **options) == value


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("arithmetic", ["float64", "native"])
def test_same_bits_as_stored_and_folded(name, arithmetic, fast):
    pred, target, options = data(name, SIZES[-1], np.float32)
    loss = lossctl.loss(name)
    value = loss(pred, target, arithmetic=arithmetic, **options)
    assert fast.pop() is not None
    # No target is 7; but where one may be ignored, there is no such way.
    assert loss(pred, target, arithmetic=arithmetic, ignore_index=7, **options) == value
    assert not any(fast)


@pytest.mark.parametrize("arithmetic", ["float64", "native"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "int64", "uint16", "bool"])
def test_targets_of_any_type(dtype, arithmetic, fast):
    pred, target = RANDOM.normal(size=1000).astype(np.float32), RANDOM.integers(0, 2, 1000).astype(dtype)
    loss = lossctl.loss("mse")
    assert loss(pred, target, arithmetic=arithmetic) == loss(pred, target.astype(np.float32), arithmetic=arithmetic)


@pytest.mark.parametrize("place", [0, PIECE - 1, 5 * PIECE + 77])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_found(wrong, place, fast):
    pred, target, _ = data("geman-mcclure", SIZES[-1])
    pred[place] = wrong
    # Whose losses are at most 2.
    with pytest.raises(DataError, match=str(place)):
        lossctl.loss("geman-mcclure")(pred, target)
    assert fast.pop() is not None


@pytest.mark.parametrize("name", ["bce", "wing", "log-cosh", "balanced-l1", "welsch"])
def test_more_than_arithmetic_is_stored_and_folded(name, fast):
    target = (RANDOM.random(1000) < 0.5).astype(float)
    lossctl.loss(name)(RANDOM.normal(size=1000), target, **({"input": "logits"} if name == "bce" else {}))
    assert fast.pop() is None


def _branches(pred, target, i, params):
    return pred[i] if params[0] > 0.0 else target[i]


def _asks(pred, target, i, params):
    return params[0] if isinstance(params[0], float) else 2.0 * params[0]


def _is_constant(pred, target, i, params):
    return 1.0


def _looks_at_bits(pred, target, i, params):
    return params[0] * maths.exp(params[0])


def _is_a_condition(pred, target, i, params):
    return params[0] > 1.0


def _adds_conditions(pred, target, i, params):
    return params[0] * ((params[0] > 1.0) + (params[1] > 1.0))


def _has_a_number_for_a_condition(pred, target, i, params):
    return maths.select((params[0] > 1.0) & 1, 1.0, params[0])


@pytest.mark.parametrize(
    "formula",
    [_is_a_condition, _adds_conditions, _has_a_number_for_a_condition, _branches, _asks, _is_constant, _looks_at_bits],
)
def test_formulas_that_cannot_be_traced(formula):
    with pytest.raises(trace.UntraceableError):
        trace.operations(trace.formula(formula))


def _reaches_one_that_asks(pred, target, i, params):
    return _asks(pred, target, i, params) + params[1]


def test_what_could_not_be_copied_once_cannot_be_copied_later():
    for _ in range(2):
        with pytest.raises(trace.UntraceableError, match="isinstance"):
            trace.formula(_reaches_one_that_asks)


def _drops_what_is_more(pred, target, i, params):
    logarithm = maths.log(params[0])
    return params[0] * params[1] + maths.select(params[0] > 1.0, 1.0, params[1]) if logarithm is not None else 0.0


def test_only_what_the_result_is_made_of_counts():
    assert trace.operations(trace.formula(_drops_what_is_more)) == {"fmul", "fadd", "fcmp", "select"}


def test_sums_are_kept_in_registers(fast, monkeypatch):
    from lossctl.engine import compile as compiler

    monkeypatch.setattr(compiler, "cache_directory", lambda: None)
    made, compile_it = [], compiler.compiled
    monkeypatch.setattr(compiler, "compiled", lambda *given: made.append(compile_it(*given)) or made[-1])
    lossctl.loss("mae")(np.ones(1000), np.zeros(1000))
    (text,) = (text for kernel in made for text in kernel.inspect_llvm().values())
    sizes = re.findall(r"(%\S+) = .*call <4 x double> @llvm.fabs.v4f64", text)
    assert any(re.search(rf"fadd <4 x double> .*{re.escape(size)}(,|$)", text, re.MULTILINE) for size in sizes)
