"""Kernels in single precision, for `--arithmetic native`: the same plain functions, copied with float32 in them.

A kernel and all that it reaches are written once, for doubles. What makes them double are only Python's floats: the
constants in the code and the globals, the arguments, the rooms and what `fetch` returns. So each function is copied
with its constants as float32, with the copies of what it reaches, and with `fetch`, `store`, `room` and the elementary
functions (`lossctl.maths32`) of that precision.

Such kernels are always compiled, even for a handful of items: Python has no floats of that kind.
"""

from __future__ import annotations

import inspect
import math
import types
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
from numba import types as nb

from lossctl import maths, maths32
from lossctl.engine import adapt, single, sums
from lossctl.engine import compile as compiler
from lossctl.engine.copies import Copies, provided

Function = Callable[..., Any]

# Constants that say where the digits or the range of a double end, and what says so of a float32.
ANALOGUES = {
    ("lossctl.engine.spread", "TWO_52"): 2.0**23,
    ("lossctl.engine.vectors", "HALVES"): 2.0**12 + 1.0,
    ("lossctl.engine.sums", "LEAVES"): sums.SINGLE,
    ("lossctl.engine.sums", "COLUMNS"): sums.SINGLE,
    ("lossctl.engine.items", "LEAVES"): sums.SINGLE,
    ("lossctl.engine.regions", "LEAVES"): sums.SINGLE,
    ("lossctl.losses.box._exact", "SPLITTER"): 2.0**12 + 1.0,
    ("lossctl.losses.regression.balanced_l1", "MOST"): 80.0,
}
# Arrays of doubles that a kernel reads entry by entry, without `fetch`.
READ = ("class_weights", "by")
# The smallest normal float32 is that power of the smallest normal double.
SHRINK = 126.0 / 1022.0

# What takes the place of what: functions that differ in more than their constants.
PLACES: dict[Function, Function] = {
    sums.fetch: single.fetch, sums.store: single.store, sums.room: single.room, sums.rooms: single.rooms,
    sums.tree: single.tree,
    # Of what has been folded, which are doubles.
    sums.halved: sums.halved,
}  # fmt: skip


class _Single(Copies):
    """Copies that calculate with float32."""

    def place(self, function: Function) -> Function | None:
        if function in PLACES:
            return PLACES[function]
        name = function.__name__
        if function.__module__ == maths32.__name__ and name.startswith("_wide"):
            return function
        if function.__module__ == maths.__name__ and not name.startswith("_"):
            own = getattr(maths32, name, function)
            return None if own is function else own if own in provided else self.of(own)
        return None

    def called(self, function: Function, by: Function) -> Function:
        if function.__module__.startswith(("numba", "numpy", "typing")) or function in provided:
            return PLACES.get(function, function)
        if by.__module__ == maths32.__name__ and function.__module__ == maths.__name__:
            # There they are meant: doubles between, or functions without constants.
            return function
        return self.of(function)

    def thing(self, thing: Any, name: str, by: Function) -> Any:
        return float32(ANALOGUES.get((by.__module__, name), thing), _ours(by))

    def module(self, module: types.ModuleType, by: Function) -> types.ModuleType:
        return module if by.__module__ == maths32.__name__ else super().module(module, by)

    def complete(self, scope: dict[str, Any]) -> None:
        # A number made of an integer.
        scope["float"] = np.float32


# The copy of a plain function, and of all that it reaches, that calculates with float32.
native = _Single().of


def _ours(function: Function) -> bool:
    """Tell whether the constants of a function are ours, not those of a user's loss or the settings in an adapter."""
    return function.__module__.startswith("lossctl.") and function.__module__ != adapt.__name__


def float32(thing: Any, ours: bool = False) -> Any:
    """Return a float, or the floats in a tuple, as float32, and anything else as it is.

    A constant of ours that lies outside its range, such as the 1e-280 below which an area is not trusted, says where
    the range of doubles ends: it moves as near to the end of the smaller range.
    """
    if type(thing) is tuple:
        return tuple(float32(one, ours) for one in thing)
    if type(thing) is not float:
        return thing
    size = abs(thing)
    if ours and 0.0 < size < math.inf and not 2.0**-126 <= size < 2.0**128:
        return np.float32(math.copysign(size**SHRINK, thing))
    # Not every time: it takes longer than the rest.
    with np.errstate(over="ignore") if 2.0**127 < size < math.inf else nullcontext():
        return np.float32(thing)


def _namesake(function: Function) -> Function:
    """Return another function of the same text, which takes its place in single precision."""
    PLACES[function] = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, None, function.__closure__
    )
    return PLACES[function]


compiler.provide_lanes(_namesake, native, nb.float32)


def compiled(kernel: Function, key: str) -> Native:
    """Return the kernel in single precision, compiled. `key` tells it from all others made from the same sources."""
    return Native(kernel, key)


class Native:
    """A kernel in single precision."""

    def __init__(self, kernel: Function, key: str) -> None:
        """Compile it when it is called."""
        self._dispatcher = compiler.compiled(native(kernel), f"native {key}")
        self._names = tuple(inspect.signature(kernel).parameters)[2:]

    def bound(self, *arguments: Any) -> Function:
        """Return the function of lo and hi that is left, the arguments made single once."""
        narrow = tuple(map(_argument, self._names, arguments))
        return lambda lo, hi: self._dispatcher(lo, hi, *narrow)

    def __call__(self, lo: int, hi: int, *arguments: Any) -> Any:
        """Do the blocks lo..hi; return what was counted in them."""
        return self.bound(*arguments)(lo, hi)


def _argument(name: str, thing: Any) -> Any:
    if isinstance(thing, np.ndarray):
        return thing.astype(np.float32) if name in READ else thing
    # Of what is a tuple, the settings are numbers and the sides arrays.
    return tuple(map(float32, thing)) if isinstance(thing, tuple) else float32(thing)
