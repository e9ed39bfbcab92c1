"""Timings and comparisons as tables for a terminal."""

from __future__ import annotations

import io
import sys
import textwrap
from collections.abc import Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.text import Text

from lossctl.bench.compare import Comparison
from lossctl.bench.formats import LEGEND, Columns, bar, changes, circumstances, columns, heading, problems
from lossctl.bench.record import Document
from lossctl.show.table import UNBROKEN, grid_of

BAR = 12
# What a narrow terminal does without, the first first; all of it is in --format csv and json.
SPARE = ("of RAM", "M/s", "first", " ", "±", "95 %", "GB/s")


def timings(document: Document, width: int, colour: bool) -> str:
    """Return the table of a document, below it what the columns mean, what went wrong, and the circumstances."""
    table = columns(document)
    if "ratio" in table:
        table[" "] = _bars(document)
    out, console = _console(colour)
    if document.rows:
        console.print(Text(heading(document.rows), style="bold"), soft_wrap=True)
    left_out = _fit(table, console, width)
    console.print(grid_of(table, named=True))
    told = [text for title, text in LEGEND if title in table]
    if left_out:
        told.append(f"no room for {', '.join(left_out)}: --format csv has all")
    for line in (*problems(document), "; ".join(told), *circumstances(document)):
        _note(console, line, width)
    return out.getvalue()


def comparison(found: Comparison, width: int, colour: bool) -> str:
    """Return the table of a comparison, below it what to know."""
    table = changes(found)
    out, console = _console(colour)
    _fit(table, console, width)
    console.print(grid_of(table, named=True))
    for note in found.notes:
        _note(console, note, width)
    return out.getvalue()


def _console(colour: bool) -> tuple[io.StringIO, Console]:
    out = io.StringIO()
    return out, Console(
        file=out, width=UNBROKEN, force_terminal=colour, color_system="auto" if colour else None, highlight=False
    )


def _note(console: Console, line: str, width: int) -> None:
    wrapped = textwrap.wrap(line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    console.print(Text("\n".join(wrapped), style="dim"), soft_wrap=True)


def _fit(table: Columns, console: Console, width: int) -> Sequence[str]:
    """Take columns away until the table is narrow enough; return the titles of those that hold numbers."""
    left_out = []
    for title in SPARE:
        if Measurement.get(console, console.options, grid_of(table, named=True)).maximum <= width:
            break
        if table.pop(title, None) is not None:
            left_out.append(title)
    return [title for title in left_out if title.strip()]


def _bars(document: Document) -> list[str]:
    """Return a bar for each ratio, the longest for the largest."""
    drawn = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
    most = max((row.ratio or 0.0 for row in document.rows), default=0.0)
    return [bar((row.ratio or 0.0) / most, BAR, not drawn).ljust(BAR) if most else "" for row in document.rows]
