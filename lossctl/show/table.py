"""Results as a small table for a terminal."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lossctl.run.result import Result
from lossctl.show.results import cells


def table(results: Sequence[Result], width: int, colour: bool) -> str:
    """Return the table, and below it the signature of each result."""
    head, rows = cells(results)
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    grid.add_column(head[0], style="bold" if results[0].value is not None else "dim")
    for title in head[1:]:
        grid.add_column(title, justify="right", overflow="fold")
    for row in rows:
        grid.add_row(*row)
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=colour, color_system="auto" if colour else None, highlight=False
    )
    console.print(grid)
    for signature in dict.fromkeys(result.signature for result in results):
        console.print(Text(signature, style="dim"), soft_wrap=True)
    return out.getvalue()
