"""What a loss can be told: a parameter's range and default, and what a text from a shell means for it."""

from __future__ import annotations

import math
from collections.abc import Container
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from lossctl.errors import UsageError

Setting = float | bool | str | None


class Interval(NamedTuple):
    """The range of a number: from `low` to `high`, each included unless open."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    exponent: bool = False  # of a power, so that some settings make faster kernels

    def __contains__(self, x: object) -> bool:
        """Tell whether the finite number x lies inside."""
        if not isinstance(x, int | float) or not math.isfinite(x):
            return False
        above = x > self.low if self.low_open else x >= self.low
        below = x < self.high if self.high_open else x <= self.high
        return above and below

    def __str__(self) -> str:
        """Write the range as one reads it: `> 0`, `0..1`."""
        if self.high == math.inf:
            return "any number" if self.low == -math.inf else f"{'>' if self.low_open else '≥'} {self.low:g}"
        left = f"{self.low:g}{' (excluded)' if self.low_open else ''}"
        return f"{left}..{self.high:g}{' (excluded)' if self.high_open else ''}"


Real = Annotated[float, Interval()]
Positive = Annotated[float, Interval(0, low_open=True)]
NonNegative = Annotated[float, Interval(0)]
Unit = Annotated[float, Interval(0, 1)]
Exponent = Annotated[float, Interval(0, exponent=True)]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a loss: its name, default, range and text."""

    name: str
    default: Setting
    text: str
    interval: Interval | None = None
    choices: tuple[str, ...] = ()
    flag: bool = False
    nullable: bool = False

    @property
    def required(self) -> bool:
        """Whether the caller has to give it."""
        return isinstance(self.default, type)  # inspect's mark for "no default"

    @property
    def option(self) -> str:
        """Its name on the command line, without the dashes."""
        return self.name.replace("_", "-")

    def static(self, setting: Setting, easy: Container[Setting]) -> bool:
        """Whether a setting selects code: it is compiled in then, else passed at run time; `easy`: such exponents."""
        return self.interval is None or self.nullable or (self.interval.exponent and setting in easy)

    def __str__(self) -> str:
        """Write its range: numbers, choices or a switch."""
        kinds = [str(self.interval)] if self.interval else []
        kinds += list(self.choices) + ["yes, no"] * self.flag + ["none"] * self.nullable
        return " | ".join(kinds)

    def accept(self, given: object) -> Setting:
        """Return the setting that `given` (a number, a bool, a text from a shell, None) means.

        Raises UsageError when it is outside the range.
        """
        text = str(given).strip().lower()
        if self.flag and text in {"true", "yes", "1", "false", "no", "0"}:
            return text in {"true", "yes", "1"}
        if self.nullable and text == "none":
            return None
        if text in self.choices:
            return text
        number = _number(given)
        if self.interval is not None and number in self.interval:
            return number
        raise UsageError(f"{self.name} is {str(given).strip()}; expected {self}")


def _number(given: object) -> float | None:
    try:
        return float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
