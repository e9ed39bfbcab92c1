"""Rows of any length: vector instructions give the bits of the plain functions they were traced from."""

import numpy as np
import pytest

import lossctl
from lossctl.engine import kernels

RANDOM = np.random.default_rng(11)
# Less than a vector, a vector, some and a rest, four abreast with and without, several strips and a rest.
WIDTHS = [1, 7, 8, 21, 32, 45, 600]
LOSSES = {"contrastive": (2, 0, 1), "triplet": (3,), "triplet(p=1)": (3,), "cosine-embedding": (2, -1, 1)}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", LOSSES)
def test_same_bits_as_interpreted(name, dtype, width, monkeypatch):
    count, *labels = LOSSES[name]
    loss = lossctl.loss(name)
    first = RANDOM.normal(size=(9, width))
    # Near ones too, whose angle is all rounding.
    sides = tuple((first + RANDOM.normal(size=first.shape) * 0.1**side).astype(dtype) for side in range(count))
    target = (RANDOM.choice(labels, 9).astype(float),) if labels else ()
    answers = []
    for small in (1 << 30, 0):
        monkeypatch.setattr(kernels, "SMALL", small)
        monkeypatch.setattr(kernels, "_warm", set())
        monkeypatch.setattr(kernels, "_interpreted", {})
        value, slopes = loss.value_and_gradient(sides, *target, reduction="none")
        answers.append(b"".join(np.asarray(found).tobytes() for found in (value, *slopes)))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("width", WIDTHS)
def test_single_precision_is_near(width):
    first = RANDOM.normal(size=(9, width)).astype(np.float32)
    sides = first, (first + RANDOM.normal(size=first.shape)).astype(np.float32)
    target = np.where(np.arange(9) < 5, 1.0, -1.0)
    loss = lossctl.loss("cosine-embedding")
    value, slopes = loss.value_and_gradient(sides, target)
    single, rough = loss.value_and_gradient(sides, target, arithmetic="native")
    assert single == pytest.approx(value, rel=1e-5, abs=1e-7)
    for slope, other in zip(slopes, rough, strict=True):
        assert np.allclose(slope, other, rtol=1e-4, atol=1e-6)
