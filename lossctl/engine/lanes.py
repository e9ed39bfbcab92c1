"""Sums over a row in lanes and slopes of its entries, as vector instructions.

A compiler packs the lanes of `vectors.added` only by luck, and asks before the entries of each row whether the arrays
overlap. So the formula of a term is called with values that, instead of being calculated with, write the instruction
for several numbers at once: the same operations in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types as nb
from numba.core import cgutils
from numba.extending import intrinsic

from lossctl.engine.trace import I32, INDEX, Pen, Traced
from lossctl.engine.vectors import ABREAST, LANES, STRIP

# Bytes of the vectors in which slopes are made; their lanes are no part of the result.
WIDE = 64


def lanes(terms: Sequence[Callable[..., Any]], number: Any) -> Any:
    """Return the intrinsic that adds up terms as `vectors` does, in numbers of a type, float64 or float32.

    Of one term it returns the sum, of several a tuple.
    """
    found = number if len(terms) == 1 else nb.UniTuple(number, len(terms))

    @intrinsic
    def total(typing_context, a, b, i, n, u, v, t):
        def generate(context, builder, signature, arguments):
            row = _Row(context, builder, number, signature.args[:2], arguments[:4])
            sums = _totals(builder, row, terms, arguments[4:])
            return sums[0] if len(sums) == 1 else context.make_tuple(builder, found, sums)

        return found(a, b, nb.intp, nb.intp, number, number, number), generate

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
    """Where two sides are read: so many numbers of each at a time."""

    def __init__(self, context: Any, builder: Any, number: Any, kinds: Any, arguments: Any) -> None:
        *arrays, i, n = arguments
        self._context, self._builder = context, builder
        self._sides = [
            (kind.dtype, context.make_array(kind)(context, builder, array).data)
            for kind, array in zip(kinds, arrays, strict=True)
        ]
        self.number = context.get_data_type(number)
        self._at = cgutils.alloca_once_value(builder, builder.mul(i, n))
        self.end = builder.add(self.at, n)

    @property
    def at(self) -> Any:
        """The place of the next number."""
        return self._builder.load(self._at)

    def go(self, steps: int) -> None:
        """Go on."""
        self._builder.store(self._builder.add(self.at, ir.Constant(INDEX, steps)), self._at)

    def pen(self, lanes: int) -> Pen:
        """Return what writes code for so many numbers."""
        return Pen(self._builder, self.number, lanes)

    def place(self, dtype: Any, data: Any, lanes: int) -> tuple[Any, Any, int]:
        """Return the pointer to the next numbers of an array, their type, and how they are aligned."""
        stored = self._context.get_data_type(dtype)
        width = self._context.get_abi_sizeof(stored)
        pointer = self._builder.gep(data, [self.at], inbounds=True)
        if lanes > 1:
            stored = ir.VectorType(stored, lanes)
            pointer = self._builder.bitcast(pointer, stored.as_pointer())
        return pointer, stored, width

    def read(self, dtype: Any, data: Any, lanes: int) -> Any:
        """Return the next numbers of an array in the precision of the row."""
        pointer, stored, width = self.place(dtype, data, lanes)
        loaded = self._builder.load(pointer, align=width)
        kind = self.pen(lanes).kind
        return loaded if stored == kind else self._builder.fpext(loaded, kind)

    def calls(self, term: Callable[..., Any], lanes: int, factors: Any) -> Any:
        """Return the term of the next numbers."""
        pen = self.pen(lanes)
        given = [*(self.read(*side, lanes) for side in self._sides), *map(pen.spread, factors)]
        return term(*(Traced(pen, value) for value in given)).value

    def packs(self, stop: Any, lanes: int) -> _While:
        """Return the loop over what is left in whole vectors."""
        after = ir.Constant(INDEX, lanes)
        return _While(self._builder, lambda: self._builder.icmp_signed("<=", self._builder.add(self.at, after), stop))

    def ones(self, stop: Any) -> _While:
        """Return the loop over what is left."""
        return _While(self._builder, lambda: self._builder.icmp_signed("<", self.at, stop))


def _totals(builder: Any, row: _Row, terms: Sequence[Callable[..., Any]], factors: Any) -> list[Any]:
    def places(kind: Any) -> list[Any]:
        return [
            cgutils.alloca_once_value(builder, ir.Constant(kind, 0.0 if kind == row.number else None)) for _ in terms
        ]

    whole, sums, wide = (places(kind) for kind in (row.number, row.pen(LANES).kind, row.pen(ABREAST * LANES).kind))

    def add(place: Any, more: Any) -> None:
        builder.store(builder.fadd(builder.load(place), more), place)

    with row.ones(row.end):
        far = builder.add(row.at, ir.Constant(INDEX, STRIP))
        stop = builder.select(builder.icmp_signed("<", far, row.end), far, row.end)
        for place in wide:
            builder.store(row.pen(ABREAST * LANES).constant(0.0), place)
        with row.packs(stop, ABREAST * LANES):
            for place, term in zip(wide, terms, strict=True):
                add(place, row.calls(term, ABREAST * LANES, factors))
            row.go(ABREAST * LANES)
        for place, lanes in zip(sums, wide, strict=True):
            builder.store(_folded(builder, builder.load(lanes), LANES), place)
        with row.packs(stop, LANES):
            for place, term in zip(sums, terms, strict=True):
                add(place, row.calls(term, LANES, factors))
            row.go(LANES)
        with row.ones(stop):
            for place, term in zip(sums, terms, strict=True):
                held = builder.load(place)
                first = builder.fadd(builder.extract_element(held, I32(0)), row.calls(term, 1, factors))
                builder.store(builder.insert_element(held, first, I32(0)), place)
            row.go(1)
        for place, lanes in zip(whole, sums, strict=True):
            add(place, builder.extract_element(_folded(builder, builder.load(lanes), 1), I32(0)))
    return [builder.load(place) for place in whole]


def _folded(builder: Any, lanes: Any, left: int) -> Any:
    """Return the vector whose second half was added to its first until so many lanes are left."""
    while lanes.type.count > left:
        half = lanes.type.count // 2
        nothing, kind = ir.Constant(lanes.type, ir.Undefined), ir.VectorType(I32, half)
        first, second = (
            builder.shuffle_vector(lanes, nothing, ir.Constant(kind, [I32(start + k) for k in range(half)]))
            for start in (0, half)
        )
        lanes = builder.fadd(first, second)
    return lanes


def _push(
    context: Any, builder: Any, number: Any, kinds: Any, arguments: Any, term: Callable[..., Any], sides: int
) -> None:
    """Write the loop over a row: to the slopes of the first of the last `sides` arrays a term is added, else taken."""
    row = _Row(context, builder, number, kinds[:2], arguments[:4])
    factors, arrays, olds = arguments[4 : -2 * sides], arguments[-2 * sides : -sides], arguments[-sides:]
    slopes = [
        (kind.dtype, context.make_array(kind)(context, builder, array).data)
        for kind, array in zip(kinds[-2 * sides : -sides], arrays, strict=True)
    ]

    def push(lanes: int) -> None:
        pen, moved = row.pen(lanes), row.calls(term, lanes, factors)
        for side, (slope, old) in enumerate(zip(slopes, olds, strict=True)):
            before = builder.select(pen.spread(old), row.read(*slope, lanes), pen.constant(0.0))
            after = builder.fsub(before, moved) if side else builder.fadd(before, moved)
            pointer, stored, width = row.place(*slope, lanes)
            builder.store(after if stored == pen.kind else builder.fptrunc(after, stored), pointer, align=width)
        row.go(lanes)

    wide = WIDE * 8 // number.bitwidth
    with row.packs(row.end, wide):
        push(wide)
    with row.ones(row.end):
        push(1)


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
