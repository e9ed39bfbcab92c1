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
from llvmlite import ir
from numba import types as nb
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from lossctl import maths, maths32
from lossctl.engine import adapt, sums
from lossctl.engine import compile as compiler

Function = Callable[..., Any]

# Constants that say where the digits or the range of a double end, and what says so of a float32.
ANALOGUES = {
    ("lossctl.engine.spread", "TWO_52"): 2.0**23,
    ("lossctl.engine.vectors", "HALVES"): 2.0**12 + 1.0,
    ("lossctl.engine.sums", "LEAVES"): 64,
    ("lossctl.engine.items", "LEAVES"): 64,
    ("lossctl.engine.regions", "LEAVES"): 64,
    ("lossctl.losses.box._exact", "SPLITTER"): 2.0**12 + 1.0,
    ("lossctl.losses.regression.balanced_l1", "MOST"): 85.0,
}
# Arrays of doubles that a kernel reads entry by entry, without `fetch`.
READ = ("class_weights", "by")
# The smallest normal float32 is that power of the smallest normal double.
SHRINK = 126.0 / 1022.0


def _bits(builder: Any, x: Any) -> Any:
    return builder.bitcast(x, ir.IntType(32))


def _float(builder: Any, i: Any) -> Any:
    return builder.bitcast(i, ir.FloatType())


def _i32(i: int) -> Any:
    return ir.Constant(ir.IntType(32), i)


def _biased(builder: Any, shifted: Any) -> Any:
    return builder.and_(_bits(builder, shifted), _i32(1023))


def _lower(builder: Any, arguments: Any) -> Any:
    half = builder.lshr(_biased(builder, arguments[0]), _i32(1))
    return _float(builder, builder.shl(half, _i32(23)))


def _upper(builder: Any, arguments: Any) -> Any:
    biased = _biased(builder, arguments[0])
    half = builder.lshr(biased, _i32(1))
    return _float(builder, builder.shl(builder.sub(biased, half), _i32(23)))


def _inverse(builder: Any, arguments: Any) -> Any:
    return _float(builder, builder.shl(builder.sub(_i32(381), _biased(builder, arguments[0])), _i32(23)))


def _half(builder: Any, arguments: Any) -> Any:
    return _float(builder, builder.shl(builder.sub(_biased(builder, arguments[0]), _i32(128)), _i32(23)))


# √½, and what carries a significand above √2 into the exponent.
SQRT_HALF = 0x3F3504F3
CENTRE = 0x3F800000 - SQRT_HALF


def _exponent(builder: Any, arguments: Any) -> Any:
    carried = builder.add(_bits(builder, arguments[0]), _i32(CENTRE))
    return builder.sitofp(builder.sub(builder.lshr(carried, _i32(23)), _i32(127)), ir.FloatType())


def _fraction(builder: Any, arguments: Any) -> Any:
    carried = builder.add(_bits(builder, arguments[0]), _i32(CENTRE))
    return _float(builder, builder.add(builder.and_(carried, _i32(0x7FFFFF)), _i32(SQRT_HALF)))


def _inverse_scale(builder: Any, arguments: Any) -> Any:
    raised = builder.and_(_bits(builder, arguments[0]), _i32(0x7F800000))
    return _float(builder, builder.sub(_i32(254 << 23), raised))


def _signed(builder: Any, arguments: Any) -> Any:
    sign = builder.and_(_bits(builder, arguments[0]), _i32(1 << 31))
    return _float(builder, builder.or_(builder.and_(_bits(builder, arguments[1]), _i32((1 << 31) - 1)), sign))


def _of_one(generate: Function) -> Any:
    """Return the intrinsic of one float32 that gives another."""

    def typed(typing_context, x):
        return nb.float32(nb.float32), lambda context, builder, signature, arguments: generate(builder, arguments)

    return intrinsic(typed)


@intrinsic
def _with_sign_of(typing_context, x, size):
    return nb.float32(nb.float32, nb.float32), lambda context, builder, signature, args: _signed(builder, args)


_lower_power, _upper_power, _inverse_power = _of_one(_lower), _of_one(_upper), _of_one(_inverse)
_half_power = _of_one(_half)
_exponent_of, _fraction_of, _inverse_scale_of = _of_one(_exponent), _of_one(_fraction), _of_one(_inverse_scale)


@intrinsic
def _fused(typing_context, a, b, c):
    return nb.float32(a, b, c), lambda context, builder, signature, args: builder.fma(*args)


@intrinsic
def _fetch(typing_context, values, i):
    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        number = builder.load(builder.gep(array.data, [arguments[1]], inbounds=True))
        return context.cast(builder, number, signature.args[0].dtype, nb.float32)

    return nb.float32(values, nb.intp), generate


@intrinsic
def _store(typing_context, values, i, x):
    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        number = context.cast(builder, arguments[2], signature.args[2], signature.args[0].dtype)
        builder.store(number, builder.gep(array.data, [arguments[1]], inbounds=True))
        return context.get_dummy_value()

    return nb.void(values, nb.intp, x), generate


_room, _rooms = compiler.roomy(nb.float32, 1), compiler.roomy(nb.float32, 2)


@intrinsic
def _beyond(typing_context, buffer, n):
    kind = nb.float64[::1]

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        first = builder.and_(builder.add(arguments[1], ir.Constant(ir.IntType(64), 1)), ir.Constant(ir.IntType(64), -2))
        data = builder.bitcast(builder.gep(array.data, [first]), ir.DoubleType().as_pointer())
        found = context.make_array(kind)(context, builder)
        size = ir.Constant(ir.IntType(64), 8)
        populate_array(found, data=data, shape=[arguments[1]], strides=[size], itemsize=size, meminfo=None)
        return found._getvalue()

    return kind(buffer, nb.intp), generate


def fetch(values, i):
    """Return entry i as a float32."""
    raise NotImplementedError


def store(values, i, x):
    """Set entry i, of an array of any type."""
    raise NotImplementedError


def room(n):
    """Return room for n float32."""
    raise NotImplementedError


def rooms(rows, n):
    """Return `rows` times room for n float32."""
    raise NotImplementedError


def beyond(buffer, n):
    """Return what lies behind the first n entries of a room as an array of float64."""
    raise NotImplementedError


@sums.called
def tree(buffer, n):
    """Return the sum of the first n entries of a room as a float64.

    Unless four overflow: then all are added as doubles.
    """
    wide = beyond(buffer, n)
    if n % 4 == 0:
        n = n // 4
        for i in range(n):
            even, odd = fetch(buffer, i) + fetch(buffer, 2 * n + i), fetch(buffer, n + i) + fetch(buffer, 3 * n + i)
            sums.store(wide, i, sums.wide(even + odd))
        total = sums.halved(wide, n)
        if total - total == 0.0:
            return total
        n = 4 * n
    for i in range(n):
        sums.store(wide, i, sums.fetch(buffer, i))
    return sums.halved(wide, n)


for plain, implementation in (
    (maths32.wide, lambda x: np.float64(x)),
    (sums.wide, lambda x: np.float64(x)),
    (maths32.narrow, lambda x: np.float32(x)),
    (maths32.fused, lambda a, b, c: _fused(np.float32(a), np.float32(b), np.float32(c))),
    (maths32.lower_power, lambda shifted: _lower_power(shifted)),
    (maths32.upper_power, lambda shifted: _upper_power(shifted)),
    (maths32.inverse_power, lambda shifted: _inverse_power(shifted)),
    (maths32.half_power, lambda shifted: _half_power(shifted)),
    (maths32.exponent, lambda x: _exponent_of(x)),
    (maths32.fraction, lambda x: _fraction_of(x)),
    (maths32.inverse_scale, lambda x: _inverse_scale_of(x)),
    (maths32.with_sign_of, lambda x, size: _with_sign_of(x, size)),
    (fetch, lambda values, i: _fetch(values, i)),
    (store, lambda values, i, x: _store(values, i, x)),
    # As well for as many doubles behind them.
    (room, lambda n: _room(n + n % 2 + 2 * n)),
    (beyond, lambda buffer, n: _beyond(buffer, n)),
    (rooms, lambda rows, n: _rooms((rows, n))),
):
    compiler.provide(plain, implementation)

# What takes the place of what: functions that differ in more than their constants.
PLACES: dict[Function, Function] = {
    sums.fetch: fetch, sums.store: store, sums.room: room, sums.rooms: rooms, sums.tree: tree,
    # Of what has been folded, which are doubles.
    sums.halved: sums.halved,
}  # fmt: skip
_copies: dict[Function, Function] = {}


def native(function: Function) -> Function:
    """Return the copy of a plain function, and of all that it reaches, that calculates with float32."""
    if function in PLACES:
        return PLACES[function]
    name = function.__name__
    if function.__module__ == maths32.__name__ and name.startswith("_wide"):
        return function
    if function.__module__ == maths.__name__ and not name.startswith("_"):
        own = getattr(maths32, name, function)
        if own is not function:
            return native(own)
    if function not in _copies:
        code = function.__code__
        scope = dict(function.__globals__)
        cells = tuple(types.CellType() for _ in function.__closure__ or ())
        copy = types.FunctionType(
            code.replace(co_consts=float32(code.co_consts, _ours(function))),
            scope, name, float32(function.__defaults__), cells,
        )  # fmt: skip
        copy.__dict__.update(function.__dict__)
        # Before the rest: functions of a file may name each other.
        _copies[function] = copy
        for named in {*code.co_names} & {*scope}:
            scope[named] = _translated(function, named, scope[named])
        # A number made of an integer.
        scope["float"] = np.float32
        for cell, kept in zip(cells, function.__closure__ or (), strict=True):
            cell.cell_contents = _translated(function, "", kept.cell_contents)
    return _copies[function]


def _translated(function: Function, name: str, thing: Any) -> Any:
    if isinstance(thing, types.ModuleType) and function.__module__ != maths32.__name__:
        return _module(function, thing)
    if not isinstance(thing, types.FunctionType):
        return float32(ANALOGUES.get((function.__module__, name), thing), _ours(function))
    if thing.__module__.startswith(("numba", "numpy", "typing")) or thing in compiler.provided:
        return PLACES.get(thing, thing)
    if function.__module__ == maths32.__name__ and thing.__module__ == maths.__name__:
        # There they are meant: doubles between, or functions without constants.
        return thing
    return native(thing)


def _module(function: Function, module: types.ModuleType) -> types.ModuleType:
    """Return a module as a function sees it, with copies of what the function takes of it."""
    if module in (math, np):
        return module
    seen = types.ModuleType(module.__name__)
    for name in function.__code__.co_names:
        if hasattr(module, name):
            setattr(seen, name, _translated(function, name, getattr(module, name)))
    return seen


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

    def __call__(self, lo: int, hi: int, *arguments: Any) -> None:
        """Do the blocks lo..hi."""
        self.bound(*arguments)(lo, hi)


def _argument(name: str, thing: Any) -> Any:
    if isinstance(thing, np.ndarray):
        return thing.astype(np.float32) if name in READ else thing
    # Of what is a tuple, the settings are numbers and the sides arrays.
    return tuple(map(float32, thing)) if isinstance(thing, tuple) else float32(thing)
