"""What is varied: `-L size=1e4,1e6` is an axis with two levels, and each combination of levels is a cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lossctl.errors import UsageError
from lossctl.loss import did_you_mean
from lossctl.requests import Asked

MOST = 1 << 40


class Cell(NamedTuple):
    """One row of the table to be. Where `size` or `dtype` is None, the data say; `layout` "" is the loss's own."""

    asked: Asked
    layout: str
    size: int | None
    dtype: str | None
    threads: int
    gradient: bool
    rival: str

    @property
    def kernel(self) -> tuple[object, ...]:
        """What the kernel depends on that the cell takes."""
        return str(self.asked), self.layout, self.dtype, self.gradient

    def __str__(self) -> str:
        """Write it in a few words, for a line of progress."""
        parts = [self.asked.name, self.layout, f"{self.size:,}".replace(",", " ") if self.size else "", self.dtype]
        return " ".join(part for part in (*parts, "with gradient" * self.gradient, f"against {self.rival}") if part)


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


def _layout(text: str) -> str:
    if text not in ("NC", "NCHW"):
        raise UsageError(f"layout is '{text}'; expected NC or NCHW, of class scores")
    return text


AXES: dict[str, Callable[[str], Any]] = {
    "size": _size, "dtype": _dtype, "threads": _threads, "rival": str, "gradient": _yes, "layout": _layout,
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
    asked: Sequence[Asked], axes: Mapping[str, Sequence[Any]], sizes: Callable[[Asked], int | None]
) -> Iterator[Cell]:
    """Yield the cells; what is next to each other shares its data. `sizes` tells how many items where no axis does."""
    for request in asked:
        classes = request.losses[0].shape == "classes"
        for layout in axes.get("layout", ("",)) if classes else ("",):
            for size in axes.get("size") or (sizes(request),):
                for dtype in axes["dtype"]:
                    for threads in axes["threads"]:
                        for gradient in axes["gradient"]:
                            for rival in axes["rival"]:
                                yield Cell(request, layout, size, dtype, threads, gradient, rival)
