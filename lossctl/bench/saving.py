"""Exports that are whole after every cell: a run that is interrupted loses the cell it was at."""

from __future__ import annotations

from collections.abc import Sequence

from lossctl.bench.formats import ENDINGS, FORMS
from lossctl.bench.record import Document
from lossctl.data.output import check_writable, replacing

# What a run that is interrupted has to say of itself; empty where it has saved nothing.
news: list[str] = []


class Exports:
    """The files that a document is written to, time and again."""

    def __init__(self, paths: Sequence[str], cells: int) -> None:
        """Raise UsageError, OutputError for what cannot be written."""
        for path in paths:
            check_writable(path, tuple(ENDINGS))
        self._paths, self._cells = paths, cells

    def save(self, document: Document) -> None:
        """Write all files anew, each whole or not at all. Raises OutputError."""
        for path in self._paths:
            with replacing(path) as file:
                file.write(FORMS[ENDINGS[path[path.rindex(".") :].lower()]](document).encode())
        if self._paths:
            news[:] = [f"{len(document.rows)} of {self._cells} cells are saved in {', '.join(self._paths)}"]

    def done(self) -> None:
        """Have nothing more to say."""
        news.clear()
