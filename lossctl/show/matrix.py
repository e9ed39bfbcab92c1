"""The losses of all pairs as text: row i for prediction i, column j for target j."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lossctl.run.result import Result
from lossctl.show.results import Cell, number, titles


class Lines:
    """Rows of numbers on their way out, written as they come."""

    def __init__(self, write: Callable[[str], Any], separator: str) -> None:
        """Take what writes a text."""
        self._write, self._separator = write, separator

    def begin(self, shape: tuple[int, ...]) -> None:
        """Learn how many numbers make a row."""
        self._width = shape[1]
        self._row: list[str] = []

    def append(self, flat: Any) -> None:
        """Write the rows that are complete."""
        numbers = [*self._row, *map(number, flat if isinstance(flat, list) else flat.tolist())]
        whole = len(numbers) - len(numbers) % self._width
        rows = (numbers[start : start + self._width] for start in range(0, whole, self._width))
        self._write("".join(f"{self._separator.join(row)}\n" for row in rows))
        self._row = numbers[whole:]


def columns(result: Result, title: str) -> dict[str, list[Cell]]:
    """Return a matrix as columns of a table, under the numbers of the targets."""
    rows = [[float(x) for x in row] for row in result.values]
    cells: dict[str, list[Cell]] = {title: [*range(len(rows))]}
    return cells | {str(j): [*column] for j, column in enumerate(zip(*rows, strict=True))}


def markdown(results: Sequence[Result]) -> str:
    """A table for a page for each loss, its signature below it."""
    text = ""
    for title, result in zip(titles(results), results, strict=True):
        cells = columns(result, title)
        rows = [[number(x) for x in row] for row in zip(*cells.values(), strict=True)]
        lines = [list(cells), ["---:"] * len(cells), *rows]
        text += "".join(f"| {' | '.join(line)} |\n" for line in lines) + f"\n`{result.signature}`  \n\n"
    return text.removesuffix("\n")


def table(results: Sequence[Result], width: int, colour: bool) -> str:
    """A table for a terminal for each loss, its signature below it; rows alone where a table is too wide."""
    from lossctl.show.table import matrix

    texts: list[str] = []
    for title, result in zip(titles(results), results, strict=True):
        drawn = matrix(columns(result, title), result.signature, width, colour)
        if drawn is None:
            lines = Lines(texts.append, "\t")
            lines.begin((len(result.values), len(result.values[0])))
            for row in result.values:
                lines.append(row)
        else:
            texts.append(drawn)
    return "".join(texts)
