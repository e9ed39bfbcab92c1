"""Sums of blocks on their way to the sums of an image."""

import math

import numpy as np
import pytest

import lossctl
from lossctl.run.bunches import BUNCH, bunch_size, bunched, counted

RANDOM = np.random.default_rng(8)


@pytest.mark.parametrize("scores", [1024, 5376, 8192, BUNCH, 3 * BUNCH])
def test_a_bunch_is_a_power_of_two_of_blocks(scores):
    size = bunch_size(scores)
    assert size & (size - 1) == 0
    assert size == 1 or size * scores <= BUNCH < 2 * size * scores


@pytest.mark.parametrize(
    ("images", "blocks", "width", "bunch"), [(1, 1, 1, 1), (3, 5, 4, 4), (2, 33, 3, 16), (1, 7, 2, 8)]
)
def test_lists_and_arrays_give_the_same_bits(images, blocks, width, bunch):
    numbers = RANDOM.normal(size=images * blocks * width) * 10.0 ** RANDOM.integers(-8, 8, images * blocks * width)
    found = bunched(numbers, images, width, bunch)
    assert found == bunched(numbers.tolist(), images, width, bunch)
    assert [len(column) for image in found for column in image] == [-(-blocks // bunch)] * images * width
    table = numbers.reshape(images, blocks, width)
    for image, columns in zip(table, found, strict=True):
        for place, column in enumerate(columns):
            near = math.fsum(np.abs(image[:, place])) * 1e-15
            assert math.fsum(column) == pytest.approx(math.fsum(image[:, place]), rel=0, abs=near)


def test_counts():
    numbers = RANDOM.integers(0, 9, 2 * 5 * 3)
    assert counted(numbers, 2, 3) == numbers.reshape(2, 5, 3).sum(axis=1).tolist() == counted(numbers.tolist(), 2, 3)


def test_an_image_is_the_same_alone_and_among_others():
    z = RANDOM.normal(size=(3, 700, 611))
    y = RANDOM.integers(0, 2, z.shape)
    dice = lossctl.loss("dice")
    options = {"input": "logits", "layout": "NHW", "aggregate": "per-image", "reduction": "none"}
    together = dice(z, y, **options).ravel().tolist()
    assert together == [float(dice(one, two, input="logits", layout="HW")) for one, two in zip(z, y, strict=True)]
