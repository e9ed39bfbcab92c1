"""How the text a person typed becomes a source of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from lossctl.data.inline import InlineSource, is_inline
from lossctl.data.source import Source


def open_source(
    text: str,
    *,
    role: str,
    names: Sequence[Sequence[str]] = (),
    width: int | None = None,
    stdin: BinaryIO | None = None,
) -> Source:
    """Open inline numbers, a path, `path::selector` or `-`, and read as much as tells its shape.

    `role` names the source where it has no path. `names` are the column names that are taken unasked when a
    header has all of one set, `width` the number of columns (or inline numbers) that a row must have.
    Raise DataError or LimitError.
    """
    if is_inline(text):
        return InlineSource(text, role, width)

    from lossctl.data.origin import locate
    from lossctl.data.sniff import open_by_content

    origin, selector = locate(text, stdin)
    return open_by_content(origin, selector, names, width)
