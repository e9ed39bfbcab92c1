"""Copies of a plain function, and of all that it reaches, in which something else takes the place of a few things."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

import numpy as np

Function = Callable[..., Any]

# Functions whose compiled form is not made from their text.
provided: set[Function] = set()


class Copies:
    """The copies of one kind."""

    def __init__(self) -> None:
        """Begin with none."""
        self._made: dict[Function, Function] = {}

    def place(self, function: Function) -> Function | None:
        """Return what takes the place of a function; None where that is its copy."""
        return None

    def called(self, function: Function, by: Function) -> Function:
        """Return what `by` calls instead of a function."""
        return self.of(function)

    def thing(self, thing: Any, name: str, by: Function) -> Any:
        """Return what `by` has instead of anything else: a constant ("") in its text or closure, or a global."""
        return thing

    def of(self, function: Function) -> Function:
        """Return what takes the place of a plain function."""
        placed = self.place(function)
        if placed is not None:
            return placed
        if function not in self._made:
            code = function.__code__
            scope = dict(function.__globals__)
            cells = tuple(types.CellType() for _ in function.__closure__ or ())
            copy = types.FunctionType(
                code.replace(co_consts=self.thing(code.co_consts, "", function)),
                scope, function.__name__, self.thing(function.__defaults__, "", function), cells,
            )  # fmt: skip
            copy.__dict__.update(function.__dict__)
            # Before the rest: functions of a file may name each other.
            self._made[function] = copy
            try:
                for named in {*code.co_names} & {*scope}:
                    scope[named] = self._seen(scope[named], named, function)
                self.complete(scope)
                for cell, kept in zip(cells, function.__closure__ or (), strict=True):
                    cell.cell_contents = self._seen(kept.cell_contents, "", function)
            except BaseException:
                # Half a copy is none.
                del self._made[function]
                raise
        return self._made[function]

    def complete(self, scope: dict[str, Any]) -> None:
        """Change the globals of a copy."""

    def _seen(self, thing: Any, name: str, by: Function) -> Any:
        if isinstance(thing, types.ModuleType):
            return self.module(thing, by)
        if isinstance(thing, types.FunctionType):
            return self.called(thing, by)
        return self.thing(thing, name, by)

    def module(self, module: types.ModuleType, by: Function) -> types.ModuleType:
        """Return a module as `by` sees it, with copies of what it takes of it."""
        if module in (math, np):
            return module
        seen = types.ModuleType(module.__name__)
        for name in by.__code__.co_names:
            if hasattr(module, name):
                setattr(seen, name, self._seen(getattr(module, name), name, by))
        return seen
