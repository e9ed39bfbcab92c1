"""Numbers that, instead of being calculated with, write the instruction for several at once.

A plain formula that is called with them writes itself as vector instructions: the same operations in the same order.
Only arithmetic can be traced: no branches, and nothing that looks at the bits of a number, as logarithms do.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from llvmlite import ir
from numba import types as nb
from numba.core import cgutils

from lossctl import maths
from lossctl.engine.copies import Copies, provided

Function = Callable[..., Any]

I32, INDEX = ir.IntType(32), ir.IntType(64)


class UntraceableError(TypeError):
    """A formula is more than arithmetic."""


class Pen(NamedTuple):
    """Writes code for so many numbers of a type at a time."""

    builder: Any
    number: Any
    lanes: int = 1

    @property
    def kind(self) -> Any:
        """The type of what it writes."""
        return ir.VectorType(self.number, self.lanes) if self.lanes > 1 else self.number

    def constant(self, number: float) -> Any:
        """Return the same number in all lanes."""
        return ir.Constant(self.kind, [float(number)] * self.lanes if self.lanes > 1 else float(number))

    def spread(self, value: Any) -> Any:
        """Return a value that is known only when the code runs in all lanes."""
        if self.lanes == 1:
            return value
        found = ir.Constant(ir.VectorType(value.type, self.lanes), ir.Undefined)
        for k in range(self.lanes):
            found = self.builder.insert_element(found, value, I32(k))
        return found

    def call(self, name: str, value: Any) -> Traced:
        """Write a call of a function of LLVM of one number."""
        short = self.number.intrinsic_name
        full = f"llvm.{name}.{short if self.lanes == 1 else f'v{self.lanes}{short}'}"
        kind = ir.FunctionType(self.kind, [self.kind])
        return Traced(self, self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, full), [value]))


class Traced:
    """Numbers, or conditions of numbers, in code that is being written."""

    # Or numpy's numbers would take it for one of their own.
    __array_ufunc__ = None

    def __init__(self, pen: Pen, value: Any) -> None:
        """Stand for an LLVM value."""
        self.pen, self.value = pen, value

    def given(self, other: Any) -> Any:
        """Return the LLVM value of an operand that has to be a number."""
        value = other.value if isinstance(other, Traced) else self.pen.constant(other)
        if isinstance(other, bool) or value.type != self.pen.kind:
            raise UntraceableError("a condition for a number")
        return value

    def __bool__(self) -> bool:
        """Refuse: what a branch depends on is not known yet."""
        raise UntraceableError("a branch")

    def __neg__(self) -> Traced:
        """Write a change of sign."""
        return Traced(self.pen, self.pen.builder.fneg(self.value))

    def __abs__(self) -> Traced:
        """Write the removal of a sign."""
        return self.pen.call("fabs", self.value)


class _Beyond:
    """What is more than arithmetic, and whatever is made of it: no harm if it is not the result."""


def _beyond(*_: Any) -> Any:
    return BEYOND


BEYOND = _Beyond()


def _arithmetic(instruction: str, backwards: bool = False) -> Function:
    def write(self: Traced, other: Any) -> Any:
        if other is BEYOND:
            return BEYOND
        operands = self.given(self), self.given(other)
        return Traced(self.pen, getattr(self.pen.builder, instruction)(*operands[:: -1 if backwards else 1]))

    return write


def _comparison(sign: str) -> Function:
    def write(self: Traced, other: Any) -> Any:
        if other is BEYOND:
            return BEYOND
        compare = self.pen.builder.fcmp_unordered if sign == "!=" else self.pen.builder.fcmp_ordered
        return Traced(self.pen, compare(sign, self.given(self), self.given(other)))

    return write


def _junction(instruction: str, neutral: bool) -> Function:
    def write(self: Traced, other: Any) -> Any:
        if isinstance(other, Traced):
            return Traced(self.pen, getattr(self.pen.builder, instruction)(self.value, other.value))
        if not isinstance(other, bool):
            raise UntraceableError("a number for a condition")
        return self if other is neutral else other

    return write


for _name, _instruction in (("add", "fadd"), ("sub", "fsub"), ("mul", "fmul"), ("truediv", "fdiv")):
    setattr(Traced, f"__{_name}__", _arithmetic(_instruction))
    setattr(Traced, f"__r{_name}__", _arithmetic(_instruction, backwards=True))
for _name, _sign in (("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">="), ("eq", "=="), ("ne", "!=")):
    setattr(Traced, f"__{_name}__", _comparison(_sign))
for _name, _instruction, _neutral in (("and", "and_", True), ("or", "or_", False)):
    setattr(Traced, f"__{_name}__", _junction(_instruction, _neutral))
    setattr(Traced, f"__r{_name}__", _junction(_instruction, _neutral))
for _name in ("add", "sub", "mul", "truediv", "and", "or", "lshift", "rshift"):
    setattr(_Beyond, f"__{_name}__", _beyond)
    setattr(_Beyond, f"__r{_name}__", _beyond)
for _name in ("lt", "le", "gt", "ge", "eq", "ne", "neg", "abs", "invert"):
    setattr(_Beyond, f"__{_name}__", _beyond)


def _select(condition: Any, a: Any, b: Any) -> Any:
    if any(x is BEYOND for x in (condition, a, b)):
        return BEYOND
    if not isinstance(condition, Traced):
        return a if condition else b
    pen = condition.pen
    return Traced(pen, pen.builder.select(condition.value, condition.given(a), condition.given(b)))


def _lacking(condition: Any) -> Any:
    if not isinstance(condition, Traced):
        return condition if condition is BEYOND else not condition
    return Traced(condition.pen, condition.pen.builder.not_(condition.value))


def _sqrt(x: Any) -> Any:
    if not isinstance(x, Traced):
        return x if x is BEYOND else maths.sqrt(x)
    # Of what is negative it is NaN, as the plain one is.
    return x.pen.call("sqrt", x.value)


class Numbers(NamedTuple):
    """An array in code that is being written."""

    context: Any
    kind: Any
    data: Any

    @staticmethod
    def of(context: Any, builder: Any, kind: Any, value: Any) -> Any:
        """Return an argument of the code: an array, several, or None."""
        if isinstance(kind, nb.NoneType):
            return None
        if isinstance(kind, nb.BaseTuple):
            each = zip(kind, cgutils.unpack_tuple(builder, value), strict=True)
            return tuple(Numbers.of(context, builder, *one) for one in each)
        return Numbers(context, kind, context.make_array(kind)(context, builder, value).data)


class Place(NamedTuple):
    """The index of the first of several numbers that lie together."""

    pen: Pen
    index: Any


class _Unknown:
    """Some array, or several; or settings, with the pen that writes them."""

    def __init__(self, pen: Pen | None = None) -> None:
        self.pen = pen

    def __getitem__(self, k: int) -> Any:
        return self if self.pen is None else Traced(self.pen, ir.Constant(self.pen.kind, ir.Undefined))


def _fetch(values: Numbers | _Unknown, i: Place) -> Traced:
    pen, index = i
    if isinstance(values, _Unknown):
        return Traced(pen, ir.Constant(pen.kind, ir.Undefined))
    context, kind, data = values
    stored = context.get_data_type(kind.dtype)
    many = ir.VectorType(stored, pen.lanes)
    pointer = pen.builder.bitcast(pen.builder.gep(data, [index], inbounds=True), many.as_pointer())
    loaded = pen.builder.load(pointer, align=context.get_abi_sizeof(stored))
    if stored == pen.number:
        return Traced(pen, loaded)
    cast = pen.builder.sitofp if getattr(kind.dtype, "signed", False) else pen.builder.uitofp
    if isinstance(stored, ir.DoubleType | ir.FloatType):
        cast = pen.builder.fpext if isinstance(stored, ir.FloatType) else pen.builder.fptrunc
    return Traced(pen, cast(loaded, pen.kind))


class _Formulas(Copies):
    """Copies of formulas that can be called with traced numbers."""

    # By name, so that those of copies in single precision are found as well.
    PLACES: ClassVar[dict[str, Function]] = {
        "lossctl.maths.select": _select, "lossctl.maths.sqrt": _sqrt, "lossctl.engine.sums.lacking": _lacking,
        "lossctl.engine.sums.fetch": _fetch, "lossctl.engine.single.fetch": _fetch,
    }  # fmt: skip

    def place(self, function: Function) -> Function | None:
        found = self.PLACES.get(f"{function.__module__}.{function.__name__}")
        if found is None and function in provided:
            return _beyond
        if found is None:
            for name in function.__code__.co_names:
                # Such as float or isinstance, which ask what a number is.
                if hasattr(builtins, name) and name not in function.__globals__ and name != "abs":
                    raise UntraceableError(name)
        return found


# The copy of a formula that takes traced numbers. Raises UntraceableError.
formula = _Formulas().of


def operations(traced: Function, conditions: bool = False) -> set[str]:
    """Return the instructions that a formula of (pred, target, i, params) is made of, and the functions it calls.

    Raises UntraceableError, also where it does not give numbers, or conditions, of what it is given. A condition may be
    one that never holds.
    """
    function = ir.Function(ir.Module(), ir.FunctionType(ir.VoidType(), []), "formula")
    pen = Pen(ir.IRBuilder(function.append_basic_block()), ir.DoubleType(), 2)
    try:
        found = traced(_Unknown(), _Unknown(), Place(pen, INDEX(0)), _Unknown(pen))
    except Exception as error:
        # What it does with a number that is none, only the formula knows.
        raise UntraceableError(str(error)) from error
    if conditions and found is False:
        return set()
    each = found if isinstance(found, tuple) else (found,)
    wanted = ir.VectorType(ir.IntType(1), pen.lanes) if conditions else pen.kind
    if not all(isinstance(one, Traced) and one.value.type == wanted for one in each):
        raise UntraceableError("more than arithmetic, or none")
    reached, names = [one.value for one in each], set()
    while reached:
        value = reached.pop()
        if isinstance(value, ir.Instruction):
            names.add(value.callee.name if isinstance(value, ir.CallInstr) else value.opname)
            reached += value.operands
    return names
