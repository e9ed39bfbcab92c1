"""Text between marks, which programs write into pages that people write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def replace(page: Path, name: str, lines: Sequence[str]) -> None:
    """Put lines between the marks of that name. Raises ValueError for a page without them."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found, rest = page.read_text().partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"{page} has no marks {begin} and {end}")
    page.write_text(f"{before}{begin}\n" + "".join(f"{line}\n" for line in lines) + f"{end}{after}")
