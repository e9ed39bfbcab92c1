"""Compiled kernels: numba, its flags, and a private cache of machine code that heals itself.

Plain functions become compilable by registering each of them, and every plain function it reaches, as an overload that
LLVM must inline (it would otherwise stop inlining a formula of some size, and then nothing vectorises). No fast-math:
the compiled kernel does the operations of the interpreted one, in their order, and gives its bits.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import pickle
import tempfile
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types as nb
from numba.core import cgutils
from numba.core.caching import CompileResultCacheImpl, _Cache
from numba.core.compiler import Compiler
from numba.extending import intrinsic, overload
from numba.np.arrayobj import _empty_nd_impl

from lossctl import maths
from lossctl.engine import sums, vectors
from lossctl.engine.cache import cache_directory
from lossctl.engine.copies import provided
from lossctl.engine.interleave import Interleaved
from lossctl.engine.lanes import lanes, opposes, pushes

FLAGS = {"error_model": "numpy", "nogil": True}
INLINED = {"error_model": "numpy", "forceinline": True}

Function = Callable[..., Any]


@intrinsic
def _bits(typing_context, x):
    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(64))

    return nb.int64(nb.float64), generate


@intrinsic
def _unbits(typing_context, i):
    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.DoubleType())

    return nb.float64(nb.int64), generate


def fetching(number: Any) -> Any:
    """Return the intrinsic that reads an entry of an array as a number of a type."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        stored = builder.load(builder.gep(array.data, [arguments[1]], inbounds=True))
        return context.cast(builder, stored, signature.args[0].dtype, number)

    return intrinsic(lambda typing_context, values, i: (number(values, nb.intp), generate))


_fetch = fetching(nb.float64)


@intrinsic
def _store(typing_context, values, i, x):
    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        builder.store(arguments[2], builder.gep(array.data, [arguments[1]], inbounds=True))
        return context.get_dummy_value()

    return nb.void(values, nb.intp, nb.float64), generate


@intrinsic
def _blank(typing_context, values, i, n):
    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        first = builder.gep(array.data, [arguments[1]], inbounds=True)
        cgutils.memset(builder, first, builder.mul(array.itemsize, arguments[2]), 0)
        return context.get_dummy_value()

    return nb.void(values, nb.intp, nb.intp), generate


def prefetch(builder: Any, pointer: Any) -> None:
    """Write that what lies there will be read soon, and once; it need not exist.

    It goes to the first cache alone: what the interpreter needs for the rest of a call stays in the second.
    """
    pointer = builder.bitcast(pointer, ir.IntType(8).as_pointer())
    i32 = ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [pointer.type, i32, i32, i32])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
    builder.call(function, [pointer, i32(0), i32(0), i32(1)])


@intrinsic
def _expect(typing_context, values, i):
    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        prefetch(builder, builder.gep(array.data, [arguments[1]]))
        return context.get_dummy_value()

    return nb.void(values, nb.intp), generate


@intrinsic
def _lent(typing_context, arrays):
    def generate(context, builder, signature, arguments):
        found = []
        for place, kind in enumerate(signature.args[0]):
            array = context.make_array(kind)(context, builder, builder.extract_value(arguments[0], place))
            array.meminfo = ir.Constant(array.meminfo.type, None)
            found.append(array._getvalue())
        return context.make_tuple(builder, signature.return_type, found)

    return arrays(arrays), generate


@intrinsic
def _hold(typing_context, arrays):
    return nb.void(arrays), lambda context, builder, signature, arguments: context.get_dummy_value()


def roomy(number: Any, axes: int, zeros: bool = True) -> Any:
    """Return the intrinsic that makes a new array; numba's own functions would be compiled with every first kernel."""
    kind = nb.Array(number, axes, "C")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        shape = cgutils.unpack_tuple(builder, arguments[0]) if axes > 1 else list(arguments)
        array = _empty_nd_impl(context, builder, kind, shape)
        if zeros:
            cgutils.memset(builder, array.data, builder.mul(array.itemsize, array.nitems), 0)
        return array._getvalue()

    return intrinsic(
        lambda typing_context, shape: (kind(nb.UniTuple(nb.intp, axes) if axes > 1 else nb.intp), generate)
    )


_room, _rooms, _folds = roomy(nb.float64, 1), roomy(nb.float64, 2), roomy(nb.float64, 1, zeros=False)


def _register(function: Function, implementation: Function) -> None:
    """Let compiled code call `function` as `implementation`; texts are constants where they are passed."""
    names = ", ".join(inspect.signature(function).parameters)
    room = {"implementation": implementation}
    exec(f"def typed({names}): return implementation", room)
    options = FLAGS if hasattr(function, "called") else INLINED
    overload(function, jit_options=options | {"pipeline_class": Interleaved}, strict=False, prefer_literal=True)(
        room["typed"]
    )


_registered: set[Function] = set()


def provide(function: Function, implementation: Function) -> None:
    """Let compiled code call `function` as the numba function `implementation`, and not as what it says itself."""
    provided.add(function)
    _registered.add(function)
    _register(function, implementation)


provide(maths.bits, lambda x: _bits(x))
provide(maths.unbits, lambda i: _unbits(i))
provide(sums.room, lambda n: _room(n))
provide(sums.folds, lambda: _folds(sums.ROOM))
provide(sums.rooms, lambda rows, n: _rooms((rows, n)))
provide(sums.fetch, lambda values, i: _fetch(values, i))
provide(sums.store, lambda values, i, x: _store(values, i, x))
provide(sums.blank, lambda values, i, n: _blank(values, i, n))
provide(sums.expect, lambda values, i: _expect(values, i))
provide(sums.lent, lambda arrays: _lent(arrays))
provide(sums.hold, lambda arrays: _hold(arrays))
provide(sums.nothing, lambda: np.int32(0))
provide(sums.several, lambda count, n: np.int32(count + np.int32(n)))
provide(sums.lacking, lambda condition: not condition)
provide(sums.tally, lambda count, holds: np.int32(count + np.int32(holds)))


def provide_lanes(place: Callable[[Function], Function], terms: Callable[[Function], Function], number: Any) -> None:
    """Let compiled code do what is made of a row in lanes of numbers of a type.

    `place` gives the function that stands for one in that type, `terms` the same of a term.
    """
    for total, added in vectors.SUMS.items():
        provide(place(total), _sum_of(lanes([terms(term) for term in added], number)))
    for push, moved in vectors.PUSHES.items():
        provide(place(push), _push_of(pushes(terms(moved), number)))
    for push, away in vectors.OPPOSED.items():
        provide(place(push), _opposed_of(opposes(terms(away), number)))


def _sum_of(found: Any) -> Function:
    return lambda a, b, i, n, u, v, t: found(a, b, i, n, u, v, t)


def _push_of(found: Any) -> Function:
    return lambda a, b, i, n, u, v, t, w, scale, slopes, old: found(a, b, i, n, u, v, t, w, scale, slopes, old)


def _opposed_of(found: Any) -> Function:
    return lambda a, b, i, n, u, scale, by_a, by_b, old_a, old_b: found(a, b, i, n, u, scale, by_a, by_b, old_a, old_b)


def itself(function: Function) -> Function:
    """Return a function."""
    return function


provide_lanes(itself, itself, nb.float64)


def register(function: Function) -> None:
    """Make a plain function, and all plain functions that it reaches, callable from compiled code."""
    if function in _registered:
        return
    _registered.add(function)
    for reached in _reached(function):
        register(reached)
    _register(function, function)


def _reached(function: Function) -> Iterator[Function]:
    """Yield the plain functions among a function's globals, closure and modules it takes attributes of."""
    names = function.__code__.co_names
    found = [function.__globals__.get(name) for name in names]
    found += [cell.cell_contents for cell in function.__closure__ or ()]
    modules = [thing for thing in found if isinstance(thing, types.ModuleType)]
    found += [getattr(module, name, None) for module in modules for name in names]
    for thing in found:
        if isinstance(thing, types.FunctionType) and not thing.__module__.startswith(("numba", "numpy", "typing")):
            yield thing


def compiled(kernel: Function, key: str) -> Function:
    """Return the compiled kernel. `key` tells it from all others made from the same sources."""
    for reached in _reached(kernel):
        register(reached)
    dispatcher = numba.njit(**FLAGS, pipeline_class=Compiler if hasattr(kernel, "crowded") else Interleaved)(kernel)
    directory = cache_directory()
    if directory is not None:
        dispatcher._cache = KernelCache(kernel, directory, key)
    return dispatcher


class KernelCache(_Cache):
    """One file per kernel and signature: a checksum, then numba's own reduction of the compiled kernel.

    Unlike numba's index it knows every source a kernel is made of, never trusts a damaged file and has no races: a file
    is written aside and renamed. Failing to write is not failing to compute.
    """

    def __init__(self, kernel: Function, directory: Path, key: str) -> None:
        self._implementation = CompileResultCacheImpl.__new__(CompileResultCacheImpl)
        self._directory = directory
        self._key = key

    @property
    def cache_path(self) -> str:
        """The directory of the cache."""
        return str(self._directory)

    def enable(self) -> None:
        """Do nothing: the cache is always on."""

    def disable(self) -> None:
        """Do nothing: the cache is always on."""

    def flush(self) -> None:
        """Do nothing: files are never stale, their directory's name is a digest of the sources."""

    def _path(self, signature: Any, codegen: Any) -> Path:
        name = repr((self._key, str(signature), codegen.magic_tuple()))
        return self._directory / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.kernel"

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the cached kernel of that signature; None when there is none that is whole."""
        target_context.refresh()
        path = self._path(sig, target_context.codegen())
        try:
            stored = path.read_bytes()
            if hashlib.sha256(stored[32:]).digest() != stored[:32]:
                return None
            return self._implementation.rebuild(target_context, pickle.loads(stored[32:]))
        except (OSError, pickle.UnpicklingError, ValueError, EOFError, AttributeError, ImportError):
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Store a compiled kernel."""
        from numba.core.serialize import dumps

        payload = dumps(self._implementation.reduce(data))
        path = self._path(sig, data.codegen)
        try:
            handle, aside = tempfile.mkstemp(dir=self._directory)
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(payload).digest() + payload)
            Path(aside).replace(path)
        except OSError:
            return
