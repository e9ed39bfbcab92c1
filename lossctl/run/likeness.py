"""A request as another library would answer it: the loss with its arithmetic, the options that it implies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lossctl.convention import Convention
from lossctl.errors import UsageError
from lossctl.like.shelf import find, made_like, refuse_lacking
from lossctl.loss import Loss
from lossctl.requests import Request
from lossctl.run.options import Options
from lossctl.run.reading import Reading


def as_in(request: Request, options: Options) -> tuple[Request, Options]:
    """Return the request and the options as `options.like` has them; both as they are when it is None."""
    if options.like is None:
        return request, options
    convention = find(request.loss, options.like)
    implied: dict[str, Any] = {}
    if convention.aggregates:
        implied = {"aggregate": options.aggregate or convention.aggregates[0], "absent": "count"}
    if options.normalizer is not None:
        implied["normalizer"] = options.normalizer + convention.added_to_normalizer
    return made_like(request, options.like, options.input), replace(options, **implied)


def refuse(loss: Loss, options: Options, with_slopes: bool) -> None:
    """Raise UsageError for what the library of `options.like` cannot do: this loss, or these options."""
    if options.like is None:
        return
    convention = find(loss, options.like)
    if with_slopes:
        raise UsageError(f"a gradient like {options.like}", hint="slopes are those of our definition: leave --like out")
    theirs = f"{options.like}'s {convention.called}"
    if loss.takes_scores and options.input is not None and options.input not in convention.inputs:
        raise UsageError(f"{theirs} takes {convention.inputs[0]}, not {options.input}")
    if options.reduction not in convention.reductions:
        raise UsageError(
            f"{theirs} has no such reduction '{options.reduction}'", hint=f"--reduction {convention.reductions[-1]}"
        )
    for name in ("group_by", "pairs", "match"):
        if getattr(options, name) is not None:
            raise UsageError(f"{name} like {options.like}", hint="leave --like out")
    refuse_lacking(convention, options.like, _given(options))
    _refuse_pooling(convention, theirs, options)


def _given(options: Options) -> dict[str, object]:
    """Return the options that a library may lack, where they are given."""
    named = {name: getattr(options, name) for name in ("weights", "class_weights")}
    return {name: setting for name, setting in named.items() if setting is not None}


def _refuse_pooling(convention: Convention, theirs: str, options: Options) -> None:
    if not convention.aggregates:
        return
    if options.aggregate is not None and options.aggregate not in convention.aggregates:
        told = f"{theirs} does not pool '{options.aggregate}'"
        raise UsageError(told, hint=f"--aggregate {' or '.join(convention.aggregates)}")
    if options.absent not in ("skip", "count"):
        raise UsageError(f"absent '{options.absent}' with {theirs}", hint="there an absent class counts like any other")


def refuse_reading(loss: Loss, reading: Reading, options: Options) -> None:
    """Raise UsageError for class scores where the library's function takes masks of one channel."""
    if loss.convention is not None and loss.convention.one_channel and reading.classes > 1:
        theirs = f"{options.like}'s {loss.convention.called}"
        raise UsageError(f"{theirs} takes masks of one channel, not {reading.classes} classes")
