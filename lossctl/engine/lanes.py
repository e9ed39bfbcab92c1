"""Sums over a row in eight lanes and slopes of its entries, as vector instructions.

A compiler packs the lanes of `vectors.added` only by luck, and asks before the entries of each row whether the arrays
overlap. So the formula of a term is called with values that, instead of being calculated with, write the instruction
for several numbers at once: the same operations in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types as nb
from numba.core import cgutils
from numba.extending import intrinsic

from lossctl.engine.trace import I32, INDEX, Pen, Traced
from lossctl.engine.vectors import LANES, STRIP

# Bytes of the vectors in which slopes are made; their lanes are no part of the result.
WIDE = 64


def lanes(term: Callable[..., Any], number: Any) -> Any:
    """Return the intrinsic that does as `vectors.added(term)` in numbers of a type, float64 or float32."""

    @intrinsic
    def total(typing_context, a, b, i, n, u, v, t):
        def generate(context, builder, signature, arguments):
            row = _Row(context, builder, number, signature.args[:2], arguments[:4], LANES)
            return _total(builder, row, term, arguments[4:])

        return number(a, b, nb.intp, nb.intp, number, number, number), generate

    return total


def pushes(term: Callable[..., Any], number: Any) -> Any:
    """Return the intrinsic that does as `vectors.pushed(term)`, likewise."""

    @intrinsic
    def push(typing_context, a, b, i, n, u, v, t, w, scale, slopes, old):
        def generate(context, builder, signature, arguments):
            _push(context, builder, number, signature.args, arguments, term, 1)
            return context.get_dummy_value()

        return nb.void(a, b, nb.intp, nb.intp, number, number, number, number, number, slopes, nb.boolean), generate

    return push


def opposes(term: Callable[..., Any], number: Any) -> Any:
    """Return the intrinsic that does as `vectors.opposed(term)`, likewise."""

    @intrinsic
    def push(typing_context, a, b, i, n, u, scale, by_a, by_b, old_a, old_b):
        def generate(context, builder, signature, arguments):
            _push(context, builder, number, signature.args, arguments, term, 2)
            return context.get_dummy_value()

        return nb.void(a, b, nb.intp, nb.intp, number, number, by_a, by_b, nb.boolean, nb.boolean), generate

    return push


class _Row:
    """Where two sides are read: one number of each at a time, or as many as a vector has lanes."""

    def __init__(self, context: Any, builder: Any, number: Any, kinds: Any, arguments: Any, lanes: int) -> None:
        *arrays, i, n = arguments
        self.lanes = lanes
        self._context, self._builder = context, builder
        self._sides = [
            (kind.dtype, context.make_array(kind)(context, builder, array).data)
            for kind, array in zip(kinds, arrays, strict=True)
        ]
        self.number = context.get_data_type(number)
        self.vector = ir.VectorType(self.number, lanes)
        self._at = cgutils.alloca_once_value(builder, builder.mul(i, n))
        self.end = builder.add(self.at, n)

    @property
    def at(self) -> Any:
        """The place of the next number."""
        return self._builder.load(self._at)

    def go(self, steps: int) -> None:
        """Go on."""
        self._builder.store(self._builder.add(self.at, ir.Constant(INDEX, steps)), self._at)

    def place(self, dtype: Any, data: Any, kind: Any) -> tuple[Any, Any, int]:
        """Return the pointer to the next numbers of an array, their type, and how they are aligned."""
        stored = self._context.get_data_type(dtype)
        width = self._context.get_abi_sizeof(stored)
        pointer = self._builder.gep(data, [self.at], inbounds=True)
        if kind is self.vector:
            stored = ir.VectorType(stored, self.lanes)
            pointer = self._builder.bitcast(pointer, stored.as_pointer())
        return pointer, stored, width

    def read(self, dtype: Any, data: Any, kind: Any) -> Any:
        """Return the next numbers of an array in the precision of the row."""
        pointer, stored, width = self.place(dtype, data, kind)
        loaded = self._builder.load(pointer, align=width)
        return loaded if stored == kind else self._builder.fpext(loaded, kind)

    def calls(self, term: Callable[..., Any], kind: Any, factors: Any) -> Any:
        """Return the term of the next numbers."""
        given = [*(self.read(*side, kind) for side in self._sides), *factors]
        pen = Pen(self._builder, self.number, self.lanes if kind is self.vector else 1)
        return term(*(Traced(pen, value) for value in given)).value

    def spread(self, value: Any) -> Any:
        """Return a vector of the same number."""
        return Pen(self._builder, self.number, self.lanes).spread(value)

    def packs(self, stop: Any) -> _While:
        """Return the loop over what is left in whole vectors."""
        after = ir.Constant(INDEX, self.lanes)
        return _While(self._builder, lambda: self._builder.icmp_signed("<=", self._builder.add(self.at, after), stop))

    def ones(self, stop: Any) -> _While:
        """Return the loop over what is left."""
        return _While(self._builder, lambda: self._builder.icmp_signed("<", self.at, stop))


def _total(builder: Any, row: _Row, term: Callable[..., Any], factors: Any) -> Any:
    packed = [row.spread(factor) for factor in factors]
    whole = cgutils.alloca_once_value(builder, ir.Constant(row.number, 0.0))
    sums = cgutils.alloca_once(builder, row.vector)
    with row.ones(row.end):
        far = builder.add(row.at, ir.Constant(INDEX, STRIP))
        stop = builder.select(builder.icmp_signed("<", far, row.end), far, row.end)
        builder.store(ir.Constant(row.vector, [0.0] * LANES), sums)
        with row.packs(stop):
            builder.store(builder.fadd(builder.load(sums), row.calls(term, row.vector, packed)), sums)
            row.go(LANES)
        with row.ones(stop):
            held = builder.load(sums)
            first = builder.fadd(builder.extract_element(held, I32(0)), row.calls(term, row.number, factors))
            builder.store(builder.insert_element(held, first, I32(0)), sums)
            row.go(1)
        held = builder.load(sums)
        lane = [builder.extract_element(held, I32(k)) for k in range(LANES)]
        while len(lane) > 1:
            half = len(lane) // 2
            lane = [builder.fadd(lane[k], lane[k + half]) for k in range(half)]
        builder.store(builder.fadd(builder.load(whole), lane[0]), whole)
    return builder.load(whole)


def _push(
    context: Any, builder: Any, number: Any, kinds: Any, arguments: Any, term: Callable[..., Any], sides: int
) -> None:
    """Write the loop over a row: to the slopes of the first of the last `sides` arrays a term is added, else taken."""
    row = _Row(context, builder, number, kinds[:2], arguments[:4], WIDE * 8 // number.bitwidth)
    factors, arrays, olds = arguments[4 : -2 * sides], arguments[-2 * sides : -sides], arguments[-sides:]
    slopes = [
        (kind.dtype, context.make_array(kind)(context, builder, array).data)
        for kind, array in zip(kinds[-2 * sides : -sides], arrays, strict=True)
    ]
    packed, several = [row.spread(factor) for factor in factors], [row.spread(old) for old in olds]

    def push(kind: Any, factors: Any, olds: Any, steps: int) -> None:
        moved = row.calls(term, kind, factors)
        zero = ir.Constant(kind, [0.0] * steps if steps > 1 else 0.0)
        for side, (slope, old) in enumerate(zip(slopes, olds, strict=True)):
            before = builder.select(old, row.read(*slope, kind), zero)
            after = builder.fsub(before, moved) if side else builder.fadd(before, moved)
            pointer, stored, width = row.place(*slope, kind)
            builder.store(after if stored == kind else builder.fptrunc(after, stored), pointer, align=width)
        row.go(steps)

    with row.packs(row.end):
        push(row.vector, packed, several, row.lanes)
    with row.ones(row.end):
        push(row.number, factors, olds, 1)


class _While:
    """Code that runs as long as a condition holds."""

    def __init__(self, builder: Any, condition: Callable[[], Any]) -> None:
        self._builder, self._condition = builder, condition

    def __enter__(self) -> None:
        builder = self._builder
        self._head, body, self._end = (builder.append_basic_block(f"lanes.{name}") for name in ("head", "body", "end"))
        builder.branch(self._head)
        builder.position_at_end(self._head)
        builder.cbranch(self._condition(), body, self._end)
        builder.position_at_end(body)

    def __exit__(self, *_: object) -> None:
        self._builder.branch(self._head)
        self._builder.position_at_end(self._end)
