"""What single precision does in its own way: the bits of a float32, rooms of them, and the sum of a block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types as nb
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from lossctl import maths32
from lossctl.engine import compile as compiler
from lossctl.engine import sums

Function = Callable[..., Any]


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
def _store(typing_context, values, i, x):
    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        number = context.cast(builder, arguments[2], signature.args[2], signature.args[0].dtype)
        builder.store(number, builder.gep(array.data, [arguments[1]], inbounds=True))
        return context.get_dummy_value()

    return nb.void(values, nb.intp, x), generate


_fetch = compiler.fetching(nb.float32)
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
