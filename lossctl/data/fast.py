"""The fast way through CSV text: pyarrow, where it is sure to agree with the strict way.

Whatever pyarrow refuses, and all that it might read otherwise, is read again by `parse_strict`, which
accepts it or says what is wrong with which line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lossctl.data.chunks import quotes_enclose_fields, split
from lossctl.data.records import Text
from lossctl.data.strict import Layout, parse_strict

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_PART = 64 << 10
_BOM = b"\xef\xbb\xbf"


def parse_fast(text: Text, layout: Layout) -> npt.NDArray[np.float64]:
    """Return the chosen numbers of all records, row after row; raise what `parse_strict` raises."""
    import numpy as np

    flat = _parse_arrow(text.data, layout) if same_for_all(text.data) else None
    if flat is not None:
        return flat
    parts = [] if len(text.data) <= _PART else list(split(text, _PART))
    if len(parts) <= 1:
        return np.array(parse_strict(text, layout), np.float64)
    # Most parts are sound: only where the trouble is, pay for the strict way.
    return np.concatenate([parse_fast(part, layout) for part in parts])


def same_for_all(data: bytes) -> bool:
    """Tell whether pyarrow sees the same records and fields in the data as the strict way."""
    import numpy as np

    if b"\0" in data or data.startswith(_BOM):
        return False
    if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
        return False
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError:
            return False
    return b'"' not in data or quotes_enclose_fields(np.frombuffer(data, np.uint8))


def _parse_arrow(data: bytes, layout: Layout) -> npt.NDArray[np.float64] | None:
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv

    names = [str(place) for place in range(layout.fields)]
    unique = [str(place) for place in dict.fromkeys(layout.chosen)]
    try:
        table = csv.read_csv(
            pa.py_buffer(data),
            read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=len(data) + 1),
            parse_options=csv.ParseOptions(newlines_in_values=b'"' in data, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(unique, pa.float64()),
                include_columns=unique,
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowException:
        return None
    rows = np.empty((table.num_rows, len(layout.chosen)), np.float64)
    for place, column in enumerate(layout.chosen):
        rows[:, place] = table.column(str(column)).to_numpy()
    return rows.reshape(-1) if np.isfinite(rows).all() else None
