"""Small plots in text: a curve in braille dots, or in plain ASCII, with the least and the greatest at its edges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

# The dots of a braille character, by column and row; ASCII has one column and three heights.
BRAILLE = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
HEIGHTS = "'-."


class Style(NamedTuple):
    """What plots are made of: dots per character, and the lines around them."""

    across: int
    down: int
    side: str
    foot: str
    corner: str
    zero: str


DOTS = Style(2, 4, "│", "─", "└", "┄")
ASCII = Style(1, 3, "|", "-", "+", ".")


def plot(
    title: str, axis: str, ends: tuple[float, float], values: Sequence[float], size: tuple[int, int], ascii_only: bool
) -> list[str]:
    """Return the lines of a plot of values at equal steps from one end of its axis to the other.

    size: characters across, labels included, and lines of the curve itself. Values that are not finite leave gaps.
    """
    style = ASCII if ascii_only else DOTS
    low, high = _range([value for value in values if math.isfinite(value)])
    labels = [_label(high, high - low) if high > low else "", _label(low, high - low)]
    margin = max(map(len, labels))
    width, height = size[0] - margin - 2, size[1]
    rows = _rows(values, (low, high), width, height, style)
    names = [labels[0], *[""] * (height - 2), labels[1]]
    lines = [f"{'':{margin}}  {title}"]
    lines += [f"{name:>{margin}} {style.side}{row}" for name, row in zip(names, rows, strict=True)]
    left, right = (_label(end, ends[1] - ends[0]) for end in ends)
    lines.append(f"{'':{margin}} {style.corner}{style.foot * width}")
    return [*lines, f"{'':{margin}}  {left}{axis.center(width - len(left) - len(right))}{right}"]


def beside(left: Sequence[str], right: Sequence[str], width: int) -> list[str]:
    """Return two blocks of lines side by side, the right one from column `width` on."""
    return [f"{a:{width}}{b}".rstrip() for a, b in zip(left, right, strict=True)]


def _label(x: float, span: float) -> str:
    """Write an end of an axis; what cannot be told from 0 on it is 0."""
    return f"{x if abs(x) > 1e-6 * span else 0.0:.3g}"


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Return the least and the greatest; of a constant, whose last digits are no curve, its distance from 0."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    return (low, high) if high - low > 1e-9 * max(high, -low) else (min(low, 0.0), max(high, 0.0))


def _rows(values: Sequence[float], span: tuple[float, float], width: int, height: int, style: Style) -> list[str]:
    dots = [[set[tuple[int, int]]() for _ in range(width)] for _ in range(height)]
    columns, levels = width * style.across, height * style.down
    for column in range(columns):
        # What falls into the column, from its left neighbour's last value on, so that the curve stays in one piece.
        first, last = (round(place * (len(values) - 1) / columns) for place in (column, column + 1))
        found = [_level(value, span, levels) for value in values[first : last + 1] if math.isfinite(value)]
        if style is ASCII and found and max(found) - min(found) == 1:
            # Its steps are high: two of them for what lies between would make a gentle curve a staircase.
            found = [found[len(found) // 2]]
        for at in range(min(found), max(found) + 1) if found else ():
            dots[at // style.down][column // style.across].add((column % style.across, at % style.down))
    axis = _level(0.0, span, levels) // style.down if span[0] < 0.0 < span[1] else None
    return [
        "".join(_character(cell, style.zero if place == axis else " ", style) for cell in row).rstrip()
        for place, row in enumerate(dots)
    ]


def _level(value: float, span: tuple[float, float], levels: int) -> int:
    """Return the row of dots of a value, counted from the top."""
    low, high = span
    return round((high - value) / (high - low) * (levels - 1)) if high > low else levels - 1


def _character(dots: set[tuple[int, int]], empty: str, style: Style) -> str:
    if not dots:
        return empty
    if style is ASCII:
        return HEIGHTS[min(dots)[1]] if len(dots) == 1 else "|"
    return chr(0x2800 + sum(BRAILLE[column][row] for column, row in dots))
