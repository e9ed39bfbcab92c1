"""What is varied: `-L size=1e4,1e6` is an axis with two levels, and each combination of levels is a cell."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lossctl.bench.cases import has_native, layouts
from lossctl.errors import UsageError
from lossctl.loss import did_you_mean
from lossctl.requests import Asked

MOST = 1 << 40


class Cell(NamedTuple):
    """One row of the table to be. Where `size` or `dtype` is None, the data say; `layout` "" is the loss's own.

    `arithmetic` is lossctl's, float64 or native; `input` logits or probs, "" for a loss that takes no scores.
    """

    asked: Asked
    layout: str
    size: int | None
    dtype: str | None
    threads: int
    gradient: bool
    rival: str
    arithmetic: str = "float64"
    input: str = ""

    @property
    def kernel(self) -> tuple[object, ...]:
        """What the kernel depends on that the cell takes."""
        return str(self.asked), self.layout, self.dtype, self.gradient, self.arithmetic, self.input

    @property
    def race(self) -> Cell:
        """The cell without its rival: cells that agree in this are measured together."""
        return self._replace(rival="")

    def __str__(self) -> str:
        """Write it in a few words, for a line of progress."""
        size = f"{self.size:,}".replace(",", " ") if self.size else ""
        native = "native" * (self.arithmetic == "native")
        probs = "probs" * (self.input == "probs")
        against = f"against {self.rival}" * bool(self.rival)
        parts = [self.asked.name, self.layout, probs, size, self.dtype, native, "with gradient" * self.gradient]
        return " ".join(part for part in (*parts, against) if part)


def _size(text: str) -> int:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not (1 <= number <= MOST and number.is_integer()):
        raise UsageError(f"size is '{text}'; expected a whole number of items: 1e6")
    return int(number)


def _dtype(text: str) -> str:
    names = {"f32": "float32", "f64": "float64"}
    name = names.get(text, text)
    if name not in names.values():
        raise UsageError(f"dtype is '{text}'; expected f32 or f64")
    return name


def _threads(text: str) -> int:
    if not (text.isdecimal() and int(text)):
        raise UsageError(f"threads is '{text}'; expected a whole number > 0")
    return int(text)


def _yes(text: str) -> bool:
    if text not in ("yes", "no"):
        raise UsageError(f"gradient is '{text}'; expected yes or no")
    return text == "yes"


def _one_of(axis: str, *choices: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in choices:
            raise UsageError(f"{axis} is '{text}'; expected {', '.join(choices[:-1])} or {choices[-1]}")
        return text

    return check


AXES: dict[str, Callable[[str], Any]] = {
    "size": _size, "dtype": _dtype, "arithmetic": _one_of("arithmetic", "float64", "native"), "threads": _threads,
    "rival": str, "gradient": _yes, "layout": _one_of("layout", "NC", "NCHW", "NHW"),
    "input": _one_of("input", "logits", "probs"),
}  # fmt: skip


def levels(texts: Sequence[str]) -> dict[str, list[Any]]:
    """Return the levels of each axis. Raises UsageError for an axis or a level that there is not."""
    found: dict[str, list[Any]] = {}
    for text in texts:
        name, equals, rest = text.strip().partition("=")
        parts = [part.strip() for part in rest.split(",") if part.strip()]
        if not (equals and parts):
            raise UsageError(
                f"-L is '{text.strip()}'; expected axis=level,level", hint=f"the axes are {', '.join(AXES)}"
            )
        if name not in AXES:
            close = did_you_mean(name, AXES)
            offer = f"; did you mean '{close}'?" if close else ""
            raise UsageError(f"unknown axis '{name}'{offer}", hint=f"the axes are {', '.join(AXES)}")
        found.setdefault(name, []).extend(AXES[name](part) for part in parts)
    return {name: list(dict.fromkeys(given)) for name, given in found.items()}


def cells(
    asked: Sequence[Asked], axes: Mapping[str, Sequence[Any]], sizes: Callable[[Asked, str], int | None]
) -> Iterator[Cell]:
    """Yield the cells; what is next to each other shares its data, and those that differ in their rival its times.

    `sizes` tells how many items where no axis does. A level that a loss does not have stands for its usual one.
    """
    for request in asked:
        native = has_native(request)
        for layout, input in itertools.product(_layouts(request, axes), _inputs(request, axes)):
            for size, dtype in itertools.product(axes.get("size") or (sizes(request, layout),), axes["dtype"]):
                single = native and dtype in (None, "float32")
                computed = dict.fromkeys(x if single else "float64" for x in axes.get("arithmetic", ("float64",)))
                rest = itertools.product(computed, axes["threads"], axes["gradient"], axes["rival"])
                for arithmetic, threads, gradient, rival in rest:
                    yield Cell(request, layout, size, dtype, threads, gradient, rival, arithmetic, input)


def _layouts(request: Asked, axes: Mapping[str, Sequence[Any]]) -> Sequence[str]:
    known = layouts(request.losses[0])
    return [layout for layout in axes.get("layout", ()) if layout in known] or [""]


def _inputs(request: Asked, axes: Mapping[str, Sequence[Any]]) -> Sequence[str]:
    scores = any(loss.takes_scores for loss in request.losses)
    return axes.get("input", ("",)) if scores and not any(loss.needs_logits for loss in request.losses) else [""]
