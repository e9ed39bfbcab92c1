"""What every item cost, kept where a result is not of all items at once: the hardest ones, or those of each group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from lossctl.engine.sums import BLOCK, COLUMNS, LEAVES, PIECE, exact, tree
from lossctl.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]
    Places = npt.NDArray[np.int64]


class Portion(NamedTuple):
    """The sums of some items: of weight · loss, and of what they count for in the mean."""

    total: float
    share: float


class Ledger:
    """The loss and the portion of every item, in order; what is left out has a portion of 0 and no loss (NaN)."""

    def __init__(self) -> None:
        """Start empty."""
        self._pieces: list[tuple[Any, Any, Any]] = []
        self._labels: list[Any] = []

    def add(self, values: Any, portions: Any, weights: Any, labels: Any) -> None:
        """Take the next items; weights and labels may be None."""
        self._pieces.append((values, portions, weights))
        self._labels.append(labels)

    def close(self) -> None:
        """Join what was taken."""
        import numpy as np

        values, portions, weights = zip(*self._pieces, strict=True)
        self.values, self.portions = _joined(values), _joined(portions)
        self.weights = np.ones(len(self.values)) if weights[0] is None else _joined(weights)
        self.labels: Any = None if self._labels[0] is None else np.concatenate(self._labels)
        self._pieces = []

    def counted(self) -> Places:
        """Return the places of the items that count."""
        import numpy as np

        found: Places = np.flatnonzero(~np.isnan(self.values) | (self.portions != 0))
        return found

    def hardest(self, places: Places, fraction: float) -> Places:
        """Return the places of that fraction of items with the largest losses, at least one; ties by position."""
        import numpy as np

        most = max(1, math.ceil(fraction * len(places)))
        order = np.argsort(-self.values[places], kind="stable")
        found: Places = np.sort(places[order[:most]])
        return found

    def sums(self, places: Places) -> Portion:
        """Return the sums over some items, added up as they would be if there were no others."""
        weights = self.weights[places]
        return Portion(
            blockwise(_product(weights, self.values[places])),
            blockwise(_product(weights, self.portions[places])),
        )

    def mask(self, places: Places) -> Numbers:
        """Return the weights of all items, 0 for those at no such place."""
        import numpy as np

        found = np.zeros(len(self.values))
        found[places] = self.weights[places]
        return found


def _joined(pieces: Sequence[Any]) -> Numbers:
    import numpy as np

    return np.concatenate([np.asarray(piece, np.float64) for piece in pieces])


def _product(weights: Numbers, numbers: Numbers) -> Numbers:
    """Return weight · number; what weighs nothing adds nothing, be it infinite."""
    import numpy as np

    with np.errstate(invalid="ignore"):
        found: Numbers = np.where(weights == 0, 0.0, weights * numbers)
    return found


def blockwise(numbers: Numbers) -> float:
    """Return the sum as kernels of items add up: blocks by trees, the sums of blocks exactly."""
    import numpy as np

    pieces = np.concatenate([numbers, np.zeros(-len(numbers) % PIECE)]).reshape(-1, PIECE // COLUMNS, COLUMNS)
    columns = np.zeros((len(pieces), COLUMNS))
    for row in range(pieces.shape[1]):
        columns += pieces[:, row]
    a, b, c, d = columns.reshape(-1, 4, LEAVES).transpose(1, 0, 2)
    folded = (a + c) + (b + d)
    rest, size = folded.ravel(), BLOCK // PIECE * LEAVES
    blocks = (rest[start : start + size].tolist() for start in range(0, len(rest), size))
    return exact(tree(block, len(block)) for block in blocks)


def grouped(labels: Sequence[Any], items: int, rows: int | None) -> list[tuple[str, Places]]:
    """Return, for each label in order of first appearance, the places of its items.

    labels: one for each of `items` items, or for each of `rows` rows of as many items. Raises DataError otherwise.
    """
    import numpy as np

    if len(labels) not in (items, rows) or items % max(1, len(labels)):
        raise DataError(f"{len(labels)} group labels for {items} items")
    array = np.asarray(labels)
    _, first, inverse = np.unique(array, return_index=True, return_inverse=True)
    inverse = np.repeat(inverse, items // len(labels))
    order = np.argsort(inverse, kind="stable")
    bounds = np.searchsorted(inverse[order], np.arange(len(first) + 1))
    found = [(str(array[first[g]]), order[bounds[g] : bounds[g + 1]]) for g in range(len(first))]
    return [found[g] for g in np.argsort(first, kind="stable")]
