"""Numbers typed on the command line: `10,10,50,60`, rows separated by `;`."""

from __future__ import annotations

from collections.abc import Iterator

from lossctl.data import number
from lossctl.data.source import Block, Source
from lossctl.errors import DataError

_STARTS = "+-.0123456789 \t"


def _rows(text: str) -> list[list[bytes]]:
    return [row.encode("utf-8", "replace").split(b",") for row in text.split(";")]


def is_inline(text: str) -> bool:
    """Tell whether a text is numbers; a file of such a name can be given as `./1,2`."""
    # Of a million paths few are looked at twice.
    return text[:1] in _STARTS and all(number.is_number(field) for row in _rows(text) for field in row)


def near_miss(text: str) -> str | None:
    """Return a hint for a text that begins as inline numbers and does not end so, else None."""
    fields = [field for row in _rows(text) for field in row]
    if not number.is_number(fields[0]):
        return None
    for place, field in enumerate(fields, start=1):
        if not number.is_number(field):
            return f"as inline numbers: {number.complaint(field)[0]} (number {place})"
    return None


class InlineSource(Source):
    """Rows of inline numbers, shape (rows, numbers in a row), as Python floats: numpy is not needed."""

    dtype = "float64"
    is_text = True

    def __init__(self, text: str, role: str, width: int | None) -> None:
        """Parse all of `text`; raise DataError for an overflow, ragged rows or a wrong width."""
        self.path = role
        rows = _rows(text)
        self._width = len(rows[0])
        self._flat: list[float] = []
        for place, row in enumerate(rows):
            if len(row) != self._width:
                raise DataError(
                    f"row {place}: {len(row)} numbers, but row 0 has {self._width}",
                    hint="rows are separated by ';' and are equally long",
                    path=role,
                )
            for field in row:
                value = number.parse(field)
                if value is None:
                    message, hint = number.complaint(field)
                    raise DataError(f"row {place}: {message}", hint=hint, path=role)
                self._flat.append(value)
        if width is not None and self._width != width:
            hint = "rows are separated by ';'" if self._width > width else None
            raise DataError(f"{self._width} numbers in a row, expected {width}", hint=hint, path=role)
        self.shape = (len(rows), self._width)

    def blocks(self, rows: int) -> Iterator[Block]:
        """Yield the rows as lists of floats."""
        count = len(self._flat) // self._width
        for start in range(0, count, rows):
            stop = min(start + rows, count)
            flat = self._flat[start * self._width : stop * self._width]
            yield Block(start, (stop - start, self._width), flat)
