"""What kernels wrote block by block, as few numbers for each image.

The sums of a bunch of blocks are added up as a tree: bunches lie at fixed places of an image, whoever reads how much of
it at once, so their sums are always the same bits.
"""

from __future__ import annotations

from typing import Any

from lossctl.engine.sums import tree

# Scores of a bunch, about.
BUNCH = 1 << 18


def bunch_size(scores: int) -> int:
    """Return how many blocks of that many scores make a bunch: a power of two."""
    return 1 << max(0, (BUNCH // scores).bit_length() - 1)


def bunched(numbers: Any, images: int, width: int, bunch: int) -> list[list[list[float]]]:
    """Return, for each image and each of the `width` numbers a block has, the sums of its bunches."""
    if isinstance(numbers, list):
        return [[_trees(column, bunch) for column in image] for image in _columns(numbers, images, width)]
    import numpy as np

    table = numbers.reshape(images, -1, width)
    missing = -table.shape[1] % bunch
    if missing:
        table = np.concatenate([table, np.zeros((images, missing, width))], axis=1)
    table = table.reshape(images, -1, bunch, width)
    with np.errstate(invalid="ignore"):
        while bunch > 1:
            bunch //= 2
            table = table[:, :, :bunch] + table[:, :, bunch:]
    found: list[list[list[float]]] = table[:, :, 0].transpose(0, 2, 1).tolist()
    return found


def counted(numbers: Any, images: int, width: int) -> list[list[int]]:
    """Return, for each image, the sums of each of the `width` whole numbers that a block has."""
    if isinstance(numbers, list):
        return [[sum(column) for column in image] for image in _columns(numbers, images, width)]
    found: list[list[int]] = numbers.reshape(images, -1, width).sum(axis=1).tolist()
    return found


def _columns(numbers: list[Any], images: int, width: int) -> list[list[list[Any]]]:
    per_image = len(numbers) // images
    return [
        [numbers[start + place : start + per_image : width] for place in range(width)]
        for start in range(0, len(numbers), per_image)
    ]


def _trees(column: list[float], bunch: int) -> list[float]:
    column = column + [0.0] * (-len(column) % bunch)
    return [tree(column[start : start + bunch], bunch) for start in range(0, len(column), bunch)]
