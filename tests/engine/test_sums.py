"""Sums: the tree against exact sums, blocks that fit any number of classes."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lossctl.engine.sums import (
    BLOCK,
    LEAVES,
    PIECE,
    WIDEST,
    exact,
    fold,
    fold_wide,
    folds,
    halved,
    left,
    tile_width,
    tree,
)

finite = st.floats(-1e12, 1e12, allow_subnormal=False)


@settings(derandomize=True, deadline=None)
@given(st.lists(finite, max_size=300))
def test_tree_is_close_to_the_exact_sum(numbers):
    bound = 10 * 2.0**-53 * math.fsum(map(abs, numbers))
    assert abs(tree(list(numbers), len(numbers)) - math.fsum(numbers)) <= bound


@settings(derandomize=True, deadline=None)
@given(st.lists(finite, min_size=PIECE, max_size=PIECE), st.integers(1, BLOCK // PIECE))
def test_folded_pieces_are_close_to_the_exact_sum(numbers, pieces):
    numbers = [x * 2.0**-k for k in range(pieces) for x in numbers]
    for fold_it in (fold, fold_wide):
        folded = folds()
        for piece in range(pieces):
            fold_it(numbers[piece * PIECE : (piece + 1) * PIECE], folded, piece * LEAVES)
        # Eight rows, four columns, and halves of what is left of up to 64 pieces.
        bound = (7 + 2 + 9) * 2.0**-53 * math.fsum(map(abs, numbers))
        assert abs(halved(folded, left(len(numbers))) - math.fsum(numbers)) <= bound


def test_exact_is_correctly_rounded():
    assert exact([1e16, 1.0, -1e16]) == 1.0
    assert exact([1e-9] * 10**5 + [1e9]) == 1e9 + 1e-4
    assert exact([math.inf, 1.0]) == math.inf
    assert math.isnan(exact([math.inf, -math.inf]))
    assert exact([1e308] * 10) == math.inf


@pytest.mark.parametrize("classes", [1, 2, 3, 21, 150, 1000, 16384, 60000])
def test_tiles_stay_small(classes):
    width = tile_width(classes)
    assert width & (width - 1) == 0
    assert 16 <= width <= WIDEST
    assert width == 16 or width * classes <= 16384
