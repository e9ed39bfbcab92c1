"""`--fail-above`: a limit for each loss, and the exit code of those that are above it."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence

import typer

from lossctl.cli.streams import say
from lossctl.errors import UsageError
from lossctl.run.result import Result

GATE_FAILED = 1


def limits(text: str | None, names: Sequence[str], others: Sequence[str] = ()) -> dict[str, float]:
    """Return the limit of each loss, from `0.2` or `giou=0.2,ciou=0.3`. Raises UsageError.

    A number alone limits the losses of `names`; those of `others` have to be named.
    """
    if text is None:
        return {}
    known = [*names, *others]
    found: dict[str, float] = {}
    for part in text.split(","):
        name, equals, number = part.rpartition("=")
        try:
            limit = float(number)
        except ValueError:
            limit = math.nan
        if math.isnan(limit):
            raise UsageError(f"fail-above is '{text.strip()}'; expected a number, or loss=number")
        found |= dict.fromkeys([name.strip()] if equals else names, limit)
    for name in found:
        if name not in known:
            raise UsageError(f"fail-above names {name}, which is not evaluated", hint=f"evaluated: {', '.join(known)}")
    return found


def check(results: Sequence[Result], found: Mapping[str, float]) -> None:
    """Raise typer.Exit if a loss, or under reduction `none` one of its values, is above its limit."""
    from lossctl.show.results import number

    failed = False
    for result in results:
        name = result.name or result.loss
        limit = found.get(name)
        if limit is None:
            continue
        worst = float(result) if result.value is not None else max(map(float, result.values))
        # Not `worst > limit`: a NaN passes no gate.
        if not worst <= limit:
            failed = True
            say(f"lossctl: gate: {name} {number(worst)} is above {number(limit)}")
    if failed:
        sys.stdout.flush()
        raise typer.Exit(GATE_FAILED)
