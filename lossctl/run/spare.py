"""Memory of gradients that nobody looks at any more: to get it anew from the system takes as long as to fill it."""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np
import numpy.typing as npt

# Smaller arrays come from memory that the process has.
LARGE = 1 << 20


def _holders(arrays: list[npt.NDArray[Any]], place: int) -> int:
    """Return how many references there are to an array of a list; every view of it has one."""
    return sys.getrefcount(arrays[place])


# Those of the list and of the count itself.
NOBODY = _holders([np.empty(0)], 0)


class Spare:
    """The arrays of the last gradient, given out again once neither they nor views of them are held by anybody."""

    def __init__(self) -> None:
        """Have none."""
        self._arrays: list[npt.NDArray[Any]] = []
        self._lock = threading.Lock()

    def __call__(self, dtype: Any, *sizes: int) -> list[npt.NDArray[Any]]:
        """Return arrays of these sizes, with anything in them."""
        with self._lock:
            unused = [self._arrays[k] for k in range(len(self._arrays)) if _holders(self._arrays, k) == NOBODY]
            found = [self._one(unused, dtype, size) for size in sizes]
            self._arrays = [array for array in found if array.nbytes >= LARGE]
            return found

    @staticmethod
    def _one(unused: list[npt.NDArray[Any]], dtype: Any, size: int) -> npt.NDArray[Any]:
        for place, array in enumerate(unused):
            if (array.dtype, array.size) == (dtype, size):
                return unused.pop(place)
        return np.empty(size, dtype)
