"""The header of an NPY file: a small grammar, read without evaluating anything."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from lossctl.data.number import shown
from lossctl.errors import DataError

MAGIC = b"\x93NUMPY"
MAX_HEADER = 64 << 10
# Headers that are remembered: thousands of files may have the same one.
KEPT = 64
_MAX_DIMENSIONS = 64
_WIDTHS = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8)}
_REFUSED = {
    "O": "Python objects (a pickle)",
    "S": "bytes",
    "a": "bytes",
    "U": "text",
    "M": "dates",
    "m": "time spans",
    "c": "complex numbers",
    "V": "raw bytes or records",
    "f": "floats of an unusual width (longdouble)",
}
_ITEM = re.compile(
    r"""\s*+(?:'(\w{1,40})'|"(\w{1,40})")\s*+:\s*+"""
    r"""('[^'\\]{0,200}'|"[^"\\]{0,200}"|True|False|\([^()\[\]{}'"]*+\))\s*+(,|(?=\}))"""
)
_DTYPE = re.compile(r"([<>=|]?)([a-zA-Z?])(\d{0,9})(?:\[.{1,40}\])?")
_SHAPE = re.compile(r"\(\s*+(?:\d++L?\s*+,\s*+)*+(?:\d++L?\s*+)?\)")


class Header(NamedTuple):
    """What an NPY header says; `dtype` is a numpy type string such as '<f8', `length` the header's bytes."""

    shape: tuple[int, ...]
    dtype: str
    fortran: bool
    length: int

    @property
    def items(self) -> int:
        """The number of items, exactly, however large."""
        product = 1
        for size in self.shape:
            product *= size
        return product

    @property
    def width(self) -> int:
        """Bytes of one item."""
        return int(self.dtype[2:])


def parse_header(head: bytes, path: str) -> Header:
    """Return what the first bytes of a file say; `head` need not be longer than MAX_HEADER + 12 bytes.

    Raise DataError for a header that is truncated, malformed or of another version, and for items that are
    no plain numbers.
    """
    if head[: len(MAGIC)] != MAGIC[: len(head)]:
        raise DataError("not an NPY file", path=path)
    if len(head) < 10:
        raise DataError("truncated NPY header", path=path)
    version = head[6], head[7]
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise DataError(f"NPY version {version[0]}.{version[1]}, expected 1.0, 2.0 or 3.0", path=path)
    start = 10 if version == (1, 0) else 12
    length = int.from_bytes(head[8:start], "little")
    if len(head) < start:
        raise DataError("truncated NPY header", path=path)
    if length > MAX_HEADER:
        raise DataError(f"NPY header of {length} bytes, at most {MAX_HEADER} are read", path=path)
    if len(head) < start + length:
        have = len(head) - start
        raise DataError(f"truncated NPY header: expected {length} bytes, the file has {have}", path=path)
    try:
        return _understood(head[start : start + length])._replace(length=start + length)
    except DataError as error:
        error.path = path
        raise


@functools.lru_cache(KEPT)
def _understood(text: bytes) -> Header:
    """Return what the text of a header says; raise DataError, without a path."""
    items = _items(text.decode("latin-1"))
    return Header(_shape(items["shape"]), _dtype(items["descr"]), _order(items), len(text))


def _items(text: str) -> dict[str, str]:
    items: dict[str, str] = {}
    at = text.find("{") + 1
    if not at or text[: at - 1].strip():
        raise _malformed(text)
    while (item := _ITEM.match(text, at)) is not None:
        key = item[1] or item[2]
        if key in items:
            raise DataError(f"NPY header: '{key}' is there twice")
        items[key] = item[3]
        at = item.end()
        if not item[4]:
            break
    if re.match(r"\s*+['\"]descr['\"]\s*+:\s*+\[", text[at : at + 200]):
        raise DataError("records (a structured dtype), expected plain numbers")
    if re.fullmatch(r"\s*+\}\s*+", text[at:]) is None:
        raise _malformed(text[at:])
    if set(items) != {"descr", "fortran_order", "shape"}:
        keys = ", ".join(sorted(items)) or "none"
        raise DataError(f"NPY header: keys {keys}, expected descr, fortran_order, shape")
    return items


def _malformed(text: str) -> DataError:
    return DataError(f"malformed NPY header at '{shown(text.strip())}'")


def _order(items: dict[str, str]) -> bool:
    value = items["fortran_order"]
    if value not in ("True", "False"):
        raise DataError(f"NPY header: fortran_order is {shown(value)}, expected True or False")
    return value == "True"


def _dtype(value: str) -> str:
    match = _DTYPE.fullmatch(value[1:-1]) if value[0] in "'\"" else None
    if match is None:
        raise DataError(f"NPY header: unknown dtype {shown(value)}")
    order, kind, width = match[1], match[2], int(match[3] or 0)
    if kind == "?" and not width:
        kind, width = "b", 1
    if width not in _WIDTHS.get(kind, ()):
        name = _REFUSED.get(kind)
        if name is None or (kind == "f" and width < 10) or kind not in _REFUSED:
            raise DataError(f"NPY header: unknown dtype {shown(value)}")
        hint = "lossctl never unpickles; save plain numbers" if kind == "O" else "save plain numbers"
        message = f"the items are {name}, dtype {shown(value)}, expected plain numbers"
        raise DataError(message, hint=hint)
    return f"{order or '='}{kind}{width}"


def _shape(value: str) -> tuple[int, ...]:
    sizes = re.findall(r"\d+", value) if _SHAPE.fullmatch(value) else None
    if sizes is None or re.fullmatch(r"\(\s*+\d++L?\s*+\)", value):
        raise DataError(f"NPY header: shape {shown(value)}, expected whole numbers")
    if len(sizes) > _MAX_DIMENSIONS:
        raise DataError(f"NPY header: {len(sizes)} dimensions, at most {_MAX_DIMENSIONS}")
    if any(len(size) > 19 for size in sizes):
        raise DataError(f"NPY header: shape {shown(value)} is too large")
    return tuple(map(int, sizes))
