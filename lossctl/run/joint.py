"""Weighted sums of losses: each term is evaluated as if it were asked for alone, then they are added.

The terms of a sum share the passes over the data with all other losses asked for. The value is the correctly rounded
sum of the products weight · value, so that whoever adds the terms as they are shown gets the same number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TypeVar

from lossctl.data.source import Source
from lossctl.engine.sums import exact
from lossctl.errors import UsageError
from lossctl.requests import Asked, Joint, Request, summed
from lossctl.run.evaluate import evaluate as evaluate_each
from lossctl.run.options import Options
from lossctl.run.result import Group, Result
from lossctl.run.sides import Sink
from lossctl.run.slopes import WeightedSum

R = TypeVar("R", bound=Result)


def evaluate(
    asked: Sequence[Asked],
    pred: Source | tuple[Source, ...],
    target: Source | None,
    options: Options,
    sinks: Sequence[Sink] = (),
) -> list[Result]:
    """Return the result of each request over the data, joint or not.

    `sinks`: for each request, what takes d result / d pred. Raises what the evaluation of a single loss raises, and
    UsageError where the terms of a sum have different items.
    """
    with ExitStack() as stack:
        takers: list[Sink] = []
        sums = []
        for request, sink in zip(asked, sinks, strict=False):
            if isinstance(request, Joint):
                if len(request.losses[0].sides) > 1:
                    raise UsageError(f"no gradient of the sum {request.name}", hint="ask for one term at a time")
                sums.append(WeightedSum([weight for weight, _ in request.terms], sink, stack))
                takers += sums[-1].takers
            else:
                takers.append(sink)
        results = gathered(asked, evaluate_each(plain(asked), pred, target, options, takers))
        for each in sums:
            each.hand_on()
    return results


def plain(asked: Sequence[Asked]) -> list[Request]:
    """Return what is asked for with the terms of each sum in its place."""
    return [part for request in asked for part in _parts(request)]


def gathered(asked: Sequence[Asked], results: Sequence[Result]) -> list[Result]:
    """Return the result of each request, given those of `plain`."""
    found = iter(results)
    return [_gathered(request, [next(found) for _ in _parts(request)]) for request in asked]


def _parts(request: Asked) -> list[Request]:
    return [term.request for term in request.terms] if isinstance(request, Joint) else [request]


def _gathered(request: Asked, results: Sequence[Result]) -> Result:
    if not isinstance(request, Joint):
        return results[0]
    names = [part.name for part in _parts(request)]
    if len(set(names)) < len(names):
        names = [str(part) for part in _parts(request)]
    terms = [
        replace(result, name=name, weight=weight)
        for result, name, (weight, _) in zip(results, names, request.terms, strict=True)
    ]
    return added(Result, request.name, terms)


def added(kind: type[R], loss: str, terms: Sequence[Result]) -> R:
    """Return the sum of terms that know their weights; of one value each, or of as many values each.

    Raises UsageError where the terms have different numbers of values.
    """
    families = {term.family for term in terms}
    counts = {term.count for term in terms}
    parts = [term.weighted for term in terms]
    return kind(
        loss=loss, family=families.pop() if len(families) == 1 else "joint", parameters={},
        reduction=terms[0].reduction,
        value=None if None in parts else exact(part for part in parts if part is not None),
        values=_values(terms) if None in parts else None,
        count=counts.pop() if len(counts) == 1 else None,
        ignored=max(term.ignored for term in terms),
        degenerate=max(term.degenerate for term in terms),
        absent=max((term.absent for term in terms if term.absent is not None), default=None),
        infinite=max(term.infinite for term in terms), groups=tuple(_groups(terms)),
        signature=summed(((term.weight or 0.0, _signature(term)) for term in terms), plus=" + "),
        warnings=tuple(dict.fromkeys(warning for term in terms for warning in term.warnings)),
        inputs=tuple(dict.fromkeys(side for term in terms for side in term.inputs)), terms=tuple(terms),
    )  # fmt: skip


def _groups(terms: Sequence[Result]) -> Iterator[Group]:
    """Yield the sum for each group, where the terms have the same ones; None where one of them has no value."""
    if len({tuple(group.label for group in term.groups) for term in terms}) > 1:
        return
    for groups in zip(*(term.groups for term in terms), strict=True):
        parts = [
            None if group.value is None else (term.weight or 0.0) * group.value
            for term, group in zip(terms, groups, strict=True)
        ]
        value = None if None in parts else exact(part for part in parts if part is not None)
        counts = {group.count for group in groups}
        count = counts.pop() if len(counts) == 1 else None
        yield Group(groups[0].label, value, count, max(group.ignored for group in groups))


def _signature(term: Result) -> str:
    """Return what decides a term's number; that of a sum, where it is multiplied, in parentheses."""
    return f"({term.signature})" if len(term.terms) > 1 and term.weight != 1 else term.signature


def _values(terms: Sequence[Result]) -> list[float]:
    """Return the sum of each item."""
    sizes = [len(term.values) for term in terms]
    if len(set(sizes)) > 1:
        counted = ", ".join(f"{term.name} {size}" for term, size in zip(terms, sizes, strict=True))
        hint = "their items do not correspond; --reduction mean or sum adds one number of each"
        raise UsageError(f"the terms have different numbers of values: {counted}", hint=hint)
    columns = [[float(term.weight or 0.0) * float(x) for x in term.values] for term in terms if term.weight]
    return list(map(exact, zip(*columns, strict=True))) if columns else [0.0] * sizes[0]
