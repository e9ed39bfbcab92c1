"""Sums of many blocks are held as few numbers, and no digit is lost."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lossctl
from lossctl.engine.sums import expansion
from lossctl.run import digits


@given(st.lists(st.floats(-1e150, 1e150), min_size=1))
def test_the_exact_sum_stays(parts):
    few = expansion(parts)
    assert sum(map(Fraction, few)) == sum(map(Fraction, parts))
    assert math.fsum(few) == math.fsum(parts)


@pytest.mark.parametrize(
    ("parts", "found"),
    [([1.0, math.inf], "[inf]"), ([math.inf, -math.inf], "[nan]"), ([1e308] * 9, "[inf]"), ([], "[0.0]")],
)
def test_what_has_no_finite_sum(parts, found):
    assert str(expansion(parts)) == found


@pytest.mark.parametrize(("name", "keywords"), [("mse", {}), ("dice", {"input": "logits", "layout": "HW"})])
def test_losses_of_many_blocks(name, keywords, monkeypatch):
    import numpy as np

    from lossctl.run import items

    chance = np.random.default_rng(1)
    pred, target = chance.normal(0, 1, 60_000), chance.integers(0, 2, 60_000)
    known = lossctl.loss(name)(pred, target, **keywords)
    monkeypatch.setattr(items, "CHUNK", 4096)
    monkeypatch.setattr(digits, "MANY", 3)
    assert lossctl.loss(name)(pred, target, **keywords) == known
