"""The records of CSV text, one at a time, in plain Python.

A field is quoted as a whole or holds no quote (RFC 4180); within quotes `""` is one quote, and commas and
newlines are text. Records end with LF or CRLF.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from lossctl.errors import DataError, LimitError

MAX_RECORD = 16 << 20
MAX_FIELDS = 100_000

_QUOTED = re.compile(rb'"((?:[^"]++|"")*+)"')
_BARE = re.compile(rb'[^",\n]*+')


class Record(NamedTuple):
    """The fields of one record, its first physical line (from 1), and where the next one begins."""

    fields: list[bytes]
    line: int
    end: int


class Text(NamedTuple):
    """Whole records of a file: their bytes, the line and the byte offset of the first, the file's name."""

    data: bytes
    line: int
    offset: int
    path: str


def records(text: Text) -> Iterator[Record]:
    """Yield every record of `text`; raise DataError or LimitError at the first that is malformed."""
    start, line = 0, text.line
    while start < len(text.data):
        record = next_record(text, start, line)
        assert record is not None
        yield record
        line += text.data.count(b"\n", start, record.end)
        start = record.end


def next_record(text: Text, start: int, line: int, *, ended: bool = True) -> Record | None:
    """Return the record at byte `start` of the data; None if it is not whole and the file has not `ended`.

    Raise DataError for a blank line, a stray or unclosed quote, a lone CR, a NUL byte or broken UTF-8, and
    LimitError for a record that is too long or has too many fields.
    """
    data = text.data
    end = data.find(b"\n", start)
    quote = data.find(b'"', start, end if end >= 0 else len(data))
    if quote >= 0:
        found = _quoted_record(text, start, line, ended)
        if found is None:
            return None
        fields, end = found
    elif end < 0 and not ended:
        return None
    else:
        ended_by_newline = end >= 0
        end = end if ended_by_newline else len(data)
        content = data[start:end]
        if ended_by_newline and content.endswith(b"\r"):
            content = content[:-1]
        fields = content.split(b",") if content.count(b",") < MAX_FIELDS else []
    _check_bytes(text, start, end, line)
    if end - start > MAX_RECORD:
        raise too_long(text.path, line)
    if not fields or len(fields) > MAX_FIELDS:
        raise LimitError(f"more than {MAX_FIELDS} fields in a line", path=text.path, line=line)
    if quote < 0:
        if not data[start:end].strip(b" \t\r"):
            raise blank_line(text.path, line)
        if b"\r" in content:
            raise _lone_return(text.path, line)
    return Record(fields, line, end + 1)


def _quoted_record(text: Text, start: int, line: int, ended: bool) -> tuple[list[bytes], int] | None:
    data, fields, at = text.data, [], start
    while True:
        if data[at : at + 1] == b'"':
            match = _QUOTED.match(data, at)
            if match is None:
                if not ended:
                    return None
                raise _bad_quote("unclosed quote", text, start, line, at)
            fields.append(match[1].replace(b'""', b'"'))
            at = match.end()
            if data[at : at + 2] == b"\r\n":
                at += 1
            elif at + 1 >= len(data) and not ended:
                return None
        else:
            match = _BARE.match(data, at)
            assert match is not None
            at = match.end()
            follows = data[at : at + 1]
            field = match[0][:-1] if follows == b"\n" and match[0].endswith(b"\r") else match[0]
            if b"\r" in field and (follows or ended):
                raise _lone_return(text.path, line + data.count(b"\n", start, at))
            fields.append(field)
        follows = data[at : at + 1]
        if follows == b"\n" or (not follows and ended):
            return fields, at
        if not follows:
            return None
        if follows != b",":
            raise _bad_quote("a quote may only enclose a whole field", text, start, line, at)
        at += 1


def _bad_quote(message: str, text: Text, start: int, line: int, at: int) -> DataError:
    hint = 'a quote within text is written twice, in a quoted field: "5"" pipe"'
    return DataError(message, hint=hint, path=text.path, line=line + text.data.count(b"\n", start, at))


def _lone_return(path: str, line: int) -> DataError:
    return DataError("a CR without an LF", hint="lines end with LF or CRLF", path=path, line=line)


def blank_line(path: str, line: int) -> DataError:
    """Return the error for a blank line that rows follow."""
    hint = "only the end of a file may have blank lines"
    return DataError("blank line", hint=hint, path=path, line=line)


def too_long(path: str, line: int) -> LimitError:
    """Return the error for a record that is longer than MAX_RECORD bytes."""
    hint = "is it text, and is every quote closed?"
    return LimitError(f"a line longer than {MAX_RECORD >> 20} MiB", hint=hint, path=path, line=line)


def _check_bytes(text: Text, start: int, end: int, line: int) -> None:
    content = text.data[start:end]
    if b"\0" in content:
        hint = "is it a binary file, or UTF-16?"
        raise _bad_byte("NUL byte", hint, text, start, content.index(b"\0"), line)
    if content.isascii():
        return
    try:
        content.decode()
    except UnicodeDecodeError as error:
        message = f"byte 0x{content[error.start]:02x} is not UTF-8"
        raise _bad_byte(message, "is it Latin-1? save it as UTF-8", text, start, error.start, line) from None


def _bad_byte(message: str, hint: str, text: Text, start: int, at: int, line: int) -> DataError:
    line += text.data.count(b"\n", start, start + at)
    place = text.offset + start + at
    return DataError(f"{message} at byte offset {place}", hint=hint, path=text.path, line=line)
