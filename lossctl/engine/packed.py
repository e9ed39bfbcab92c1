"""Sums over a piece of items in the registers of the vector unit.

A compiler does not keep sums in registers whose order it must not change: it stores the terms of a piece and reads
them again to fold them, which takes as long as a formula of a few operations. So such formulas are traced (see
`trace`); the sums are those of `sums.fold`, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types as nb
from numba.core import cgutils
from numba.extending import intrinsic

from lossctl.engine.compile import prefetch, provide
from lossctl.engine.sums import COLUMNS, LINE, PIECE, SINGLE
from lossctl.engine.trace import INDEX, Numbers, Pen, Place, Traced, UntraceableError, formula, operations

Function = Callable[..., Any]

# Bits of the widest vectors.
WIDE = 512


class Plan(NamedTuple):
    """How a piece is added up: in so many columns, with vectors of so many bits, reading so many bytes ahead."""

    number: Any
    columns: int
    bits: int
    ahead: int


# As measured. Doubles come too slowly for one term without divisions and roots: then narrow loads are faster, as fewer
# of them lie in two cache lines. Only the columns are part of the result.
DOUBLES, SINGLES = Plan(nb.float64, COLUMNS, 256, 4096), Plan(nb.float32, SINGLE, WIDE, 8192)


def packed(terms: Function, tests: Sequence[Function], native: bool) -> Function | None:
    """Return the function that adds up the terms of a piece, a number or several of (pred, target, i, params).

    It takes (pred, target, first, params, folded, at), writes what is left of each term to one of `folded` from `at`
    on, and returns of each test whether it holds for any item. None of formulas that are more than arithmetic.
    """
    try:
        traced = [formula(_single(plain) if native else plain) for plain in (terms, *tests)]
        used = [operations(one, conditions=one is not traced[0]) for one in traced]
    except UntraceableError:
        return None
    plan = SINGLES if native else DOUBLES
    slow = any(name.startswith(("fdiv", "llvm.sqrt")) for names in used for name in names)

    @intrinsic
    def add(typing_context, pred, target, first, params, folded, at):
        flags = nb.UniTuple(nb.boolean, len(tests))

        def generate(context, builder, signature, arguments):
            bits = WIDE if slow or len(folded) > 1 else plan.bits
            pen = Pen(builder, context.get_data_type(plan.number), bits // plan.number.bitwidth)
            arrays = [Numbers.of(context, builder, signature.args[k], arguments[k]) for k in (0, 1, 4)]
            settings = tuple(Traced(pen, pen.spread(x)) for x in cgutils.unpack_tuple(builder, arguments[3]))
            out = [builder.gep(one.data, [arguments[5]]) for one in arrays[2]]
            found = _piece(plan, pen, traced, arrays[:2], arguments[2], settings, out)
            return context.make_tuple(builder, flags, found)

        return flags(pred, target, nb.intp, params, folded, nb.intp), generate

    def piece(pred, target, first, params, folded, at):
        """Add up a piece."""
        raise NotImplementedError

    provide(piece, lambda pred, target, first, params, folded, at: add(pred, target, first, params, folded, at))
    return piece


def _single(plain: Function) -> Function:
    from lossctl.engine.native import native

    return native(plain)


def _piece(plan: Plan, pen: Pen, traced: Any, sides: Any, first: Any, settings: Any, out: Any) -> list[Any]:
    """Write the loop over a piece, and what is left of it to `out`; return whether each test holds for any item."""
    builder, (terms, *tests) = pen.builder, traced
    columns = plan.columns
    each = range(columns // pen.lanes)
    held = [[cgutils.alloca_once_value(builder, pen.constant(0.0)) for _ in each] for _ in out]
    none = ir.Constant(ir.VectorType(ir.IntType(1), pen.lanes), [0] * pen.lanes)
    flags = [cgutils.alloca_once_value(builder, none) for _ in tests]
    with cgutils.for_range(builder, INDEX(PIECE // columns)) as row:
        at = builder.add(first, builder.mul(row.index, INDEX(columns)))
        for side in _arrays(sides):
            width = side.context.get_abi_sizeof(side.context.get_data_type(side.kind.dtype))
            for byte in range(plan.ahead, plan.ahead + columns * width, 8 * LINE):
                prefetch(builder, builder.gep(side.data, [builder.add(at, INDEX(byte // width))]))
        for k in each:
            place = Place(pen, builder.add(at, INDEX(k * pen.lanes)))
            found = terms(*sides, place, settings)
            for column, term in zip(held, found if isinstance(found, tuple) else (found,), strict=True):
                builder.store(builder.fadd(builder.load(column[k]), term.value), column[k])
            for flag, test in zip(flags, tests, strict=True):
                holds = test(*sides, place, settings)
                if isinstance(holds, Traced):
                    builder.store(builder.or_(builder.load(flag), holds.value), flag)
    for pointer, column in zip(out, held, strict=True):
        _leave(pen, [builder.load(one) for one in column], pointer)
    bits = ir.IntType(pen.lanes)
    return [builder.icmp_unsigned("!=", builder.bitcast(builder.load(flag), bits), bits(0)) for flag in flags]


def _leave(pen: Pen, column: list[Any], out: Any) -> None:
    """Write what `sums.fold_columns` leaves of the columns."""
    builder, double = pen.builder, ir.VectorType(ir.DoubleType(), pen.lanes)
    if pen.kind == double:
        quarter = len(column) // 4
        fours = [column[k::quarter] for k in range(quarter)]
        column = [builder.fadd(builder.fadd(a, c), builder.fadd(b, d)) for a, b, c, d in fours]
    for k, one in enumerate(column):
        there = builder.bitcast(builder.gep(out, [INDEX(k * pen.lanes)]), double.as_pointer())
        builder.store(one if pen.kind == double else builder.fpext(one, double), there, align=8)


def _arrays(sides: Any) -> list[Numbers]:
    return [one for side in sides if side is not None for one in (side if type(side) is tuple else (side,))]
