"""Results as a small table for a terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping, Sequence
from typing import Literal

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from lossctl.run.result import Result
from lossctl.show.results import Cell, columns, rows, signatures

# Wider than any table: a number is never broken, however narrow the terminal.
UNBROKEN = 10_000


def table(results: Sequence[Result], width: int, colour: bool) -> str:
    """Return the table, and below it the signature of each result."""
    cells = columns(results)
    out, console = _paper(colour)
    grid = grid_of(cells, named=results[0].value is not None)
    if results[0].value is None or _fits(console, grid, width):
        console.print(grid)
    else:
        console.print(_stacked(cells))
    for signature in signatures(results):
        # A sum's is long: a line for each term.
        console.print(Text(signature.replace(" + ", "\n+ "), style="dim"), soft_wrap=True)
    return out.getvalue()


def matrix(cells: dict[str, list[Cell]], signature: str, width: int, colour: bool) -> str | None:
    """Return a matrix as a table with its signature below it; None where it is wider than that."""
    out, console = _paper(colour)
    grid = grid_of(cells, named=False)
    if not _fits(console, grid, width):
        return None
    console.print(grid)
    console.print(Text(signature, style="dim"), soft_wrap=True)
    return out.getvalue()


def _paper(colour: bool) -> tuple[io.StringIO, Console]:
    out = io.StringIO()
    system: Literal["auto"] | None = "auto" if colour else None
    return out, Console(file=out, width=UNBROKEN, force_terminal=colour, color_system=system, highlight=False)


def _fits(console: Console, grid: Table, width: int) -> bool:
    return Measurement.get(console, console.options, grid).maximum <= width


def grid_of(cells: Mapping[str, Sequence[Cell]], named: bool) -> Table:
    """Return columns as a table without lines between rows: names, and what has no title, on the left."""
    drawn = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
    grid = Table(box=box.SIMPLE_HEAD if drawn else box.ASCII2, pad_edge=False, show_edge=False)
    for place, title in enumerate(cells):
        style = None if place else "bold" if named else "dim"
        grid.add_column(title, style=style, justify="right" if place and title.strip() else "left", no_wrap=True)
    for row in rows({title: list(column) for title, column in cells.items()}):
        grid.add_row(*row)
    return grid


def _stacked(cells: dict[str, list[Cell]]) -> Text:
    """Return each loss with its numbers below it, for terminals on which they do not fit beside it."""
    title = next(iter(cells))
    lines = Text(f"{title}:\n" if title not in ("", "loss", "term") else "")
    for name, *numbers in rows(cells):
        indent = " " * (len(name) - len(name.lstrip()) + 2)
        lines.append(f"{name}\n", style="bold")
        for title, shown in zip(list(cells)[1:], numbers, strict=True):
            lines.append(f"{indent}{title} {shown}\n" if shown else "")
    lines.rstrip()
    return lines


def blocks(tables: Sequence[dict[str, list[Cell]]], signatures: Sequence[str], width: int, colour: bool) -> str:
    """Return several tables, a blank line between them, and below them the signatures."""
    out, console = _paper(colour)
    for cells in tables:
        grid = grid_of(cells, named=True)
        console.print(grid if _fits(console, grid, width) else _stacked(cells))
        console.print()
    for signature in signatures:
        console.print(Text(signature, style="dim"), soft_wrap=True)
    return out.getvalue()
