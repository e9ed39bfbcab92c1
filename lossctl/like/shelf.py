"""Losses as other libraries compute them: which there are, and ours made like them."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import get_args

from lossctl.convention import Convention, Library
from lossctl.errors import UsageError
from lossctl.loss import Loss, Setting, shelf
from lossctl.requests import Request, written

LIBRARIES: tuple[str, ...] = get_args(Library)


def conventions(library: str) -> Mapping[str, Convention]:
    """Return the conventions of a library by the name of our loss."""
    shared: Mapping[str, Convention] = _module(library).CONVENTIONS
    return shared


def _module(library: str) -> ModuleType:
    return importlib.import_module(f"lossctl.like.{library}")


def find(loss: Loss, library: str) -> Convention:
    """Return how a library computes a loss. Raises UsageError where it does not."""
    shared = conventions(library)
    if loss.name in shared and shelf().get(loss.name) == Path(loss.source):
        return shared[loss.name]
    raise UsageError(f"{library} has no {loss.name}", hint=f"shared with {library}: {', '.join(sorted(shared))}")


def told(loss: Loss) -> Iterator[tuple[str, str]]:
    """Yield, for each library that has the loss, its name and release, and what it does in its own way."""
    for library in LIBRARIES:
        module = _module(library)
        if loss.name in module.CONVENTIONS and shelf().get(loss.name) == Path(loss.source):
            convention: Convention = module.CONVENTIONS[loss.name]
            ways = [way for way in _ways(convention, getattr(module, "AVERAGES", "")) if way]
            yield f"{library} {module.CHECKED}", f"{convention.called}: {'; '.join(ways) or 'the same'}"


def _ways(convention: Convention, averages: str) -> Iterator[str]:
    """Yield in words what differs: what the library's file says, then what its fields say, then how weights enter."""
    yield convention.differs
    for name, setting in convention.defaults.items():
        fixed = ", fixed" if name in convention.lacks else ""
        yield f"{name.replace('_', '-')} {written(setting)}{fixed}"
    lacks = [name.replace("_", "-") for name in convention.lacks if name not in {"weights", *convention.defaults}]
    if lacks:
        yield f"no {', no '.join(lacks)}"
    if len(convention.inputs) == 1:
        yield f"{convention.inputs[0]} only"
    if "weights" not in convention.lacks:
        yield averages


def made_like(request: Request, library: str, source: str | None) -> Request:
    """Return a request as a library computes it, its defaults in the place of ours; `source`: logits or probs.

    Raises UsageError for a loss that the library has not, and for parameters that its function has not.
    """
    convention = find(request.loss, library)
    refuse_lacking(convention, library, request.given)
    loss = _variant(request.loss, library, source)
    return Request.of(loss, request.given)


def refuse_lacking(convention: Convention, library: str, given: Mapping[str, object]) -> None:
    """Raise UsageError for what is given although the library's function has no such thing."""
    for name in given:
        if name.replace("-", "_") in convention.lacks:
            raise UsageError(f"{library}'s {convention.called} has no {name.replace('_', '-')}")


@functools.cache
def _variant(loss: Loss, library: str, source: str | None) -> Loss:
    """Return the loss with a library's arithmetic and defaults. One object each: kernels are kept by it."""
    convention = find(loss, library)
    value = convention.value
    if source == "probs" and convention.value_of_probs is not None:
        value = convention.value_of_probs
    defaults: Mapping[str, Setting] = convention.defaults
    parameters = tuple(replace(p, default=defaults.get(p.name, p.default)) for p in loss.parameters)
    # Its slope would be the slope of another function.
    loss = replace(loss, parameters=parameters, slope=None, convention=convention)
    if value is None:
        return loss
    return replace(loss, value=value, weight=None, source=str(_module(library).__file__))
