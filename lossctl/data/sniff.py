"""Which format a file has: its first bytes decide, not its name."""

from __future__ import annotations

from collections.abc import Sequence

from lossctl.data.npy_header import MAGIC
from lossctl.data.number import shown
from lossctl.data.origin import Origin
from lossctl.data.source import Source
from lossctl.data.stream import Stream
from lossctl.errors import DataError

_HEAD = 1024
_OTHERS = (
    (b"PK\x03\x04", "a zip archive (NPZ, XLSX)"),
    (b"PK\x05\x06", "an empty zip archive (NPZ, XLSX)"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"\x89HDF", "an HDF5 file"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
    (b"\x1f\x8b", "a gzip within a gzip"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"%PDF", "a PDF"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
    (b"<!DOCTYPE", "a web page"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "XML"),
)


def open_by_content(origin: Origin, selector: str | None, names: Sequence[Sequence[str]], width: int | None) -> Source:
    """Return the NPY or CSV source that the bytes of `origin` are; raise DataError for any other format."""
    stream = origin.open()
    try:
        head = stream.peek(_HEAD)
        if not head:
            raise DataError("empty file", path=origin.path)
        if MAGIC.startswith(head[: len(MAGIC)]):
            return _npy(origin, stream, selector)
        refuse_others(head, origin.path)
        from lossctl.data.csv import CsvSource

        return CsvSource(origin, stream, selector, names, width)
    except BaseException:
        stream.close()
        raise


def _npy(origin: Origin, stream: Stream, selector: str | None) -> Source:
    from lossctl.data.npy import NpySource

    if selector is not None:
        raise DataError(
            "an NPY file has no columns to choose",
            hint=f"leave out '::{shown(selector)}'; an NPY file holds one array",
            path=origin.path,
        )
    return NpySource(origin, stream)


def refuse_others(head: bytes, path: str) -> None:
    """Raise DataError for the first bytes of a format that is not read."""
    read = "only CSV and NPY files are read, gzipped or not"
    for magic, name in _OTHERS:
        if head.startswith(magic):
            hint = "save it as UTF-8" if "UTF" in name else read
            raise DataError(f"looks like {name}", hint=hint, path=path)
    start = head[:64]
    if len(start) >= 4 and (not any(start[::2]) or not any(start[1::2])) and any(start):
        raise DataError("looks like UTF-16 text", hint="save it as UTF-8", path=path)
    if path.endswith((".npy", ".npy.gz")) and not _is_text(head):
        raise DataError(f"not an NPY file: it begins with '{shown(head, 12)}'", hint=read, path=path)


def _is_text(head: bytes) -> bool:
    # A character may be cut in two at the end of the head.
    return b"\0" not in head and "\N{REPLACEMENT CHARACTER}" not in head[:-4].decode("utf-8", "replace")
