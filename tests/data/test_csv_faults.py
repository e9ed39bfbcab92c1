"""Every way a CSV can be wrong ends in one located line."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pytest

from lossctl.data.chunks import quotes_enclose_fields
from lossctl.data.csv import CsvSource
from lossctl.data.opening import open_source
from lossctl.data.records import MAX_RECORD
from lossctl.data.source import Source
from lossctl.errors import DataError, LimitError, LossctlError

BOXES = (("x1", "y1", "x2", "y2"), ("xmin", "ymin", "xmax", "ymax"))


def read(data: bytes, selector: str = "", **options: object) -> list[list[float]]:
    source = open_source(f"-{selector}", role="pred", stdin=io.BytesIO(data), **options)  # type: ignore[arg-type]
    return table(source)


def table(source: Source, rows: int = 2) -> list[list[float]]:
    values: list[list[float]] = []
    for block in source.blocks(rows):
        assert block.start == len(values)
        values.extend(np.reshape(block.flat, block.shape).tolist())
    return values


def fault(data: bytes, selector: str = "", **options: object) -> LossctlError:
    with pytest.raises(LossctlError) as caught:
        read(data, selector, **options)
    return caught.value


HEAD = b"x1,y1,x2,y2\n1,2,3,4\n"
FAULTS = {
    "short row": (b"5,6,7\n", 3, "3 fields, expected 4", "a row lost a column, or the delimiter is not ','"),
    "long row": (b"5,6,7,8,9\n", 3, "5 fields, expected 4", "comma too many"),
    "semicolons": (b"5;6;7;8\n", 3, "1 field, expected 4", "looks like ';'"),
    "tabs": (b"5\t6\t7\t8\n", 3, "1 field, expected 4", "looks like a tab"),
    "blank line": (b"\n5,6,7,8\n", 3, "blank line", "only the end"),
    "spaces only": (b"  \n5,6,7,8\n", 3, "blank line", "only the end"),
    "word": (b"5,six,7,8\n", 3, "column y1: 'six' is not a number", ""),
    "empty field": (b"5,,7,8\n", 3, "column y1: empty field", "missing values"),
    "NA": (b"5,6,7,NA\n", 3, "column y2: 'NA' is a missing value", "missing values"),
    "null": (b"null,6,7,8\n", 3, "column x1: 'null' is a missing value", "missing values"),
    "nan": (b"5,6,nan,8\n", 3, "column x2: 'nan' is not finite", "--nonfinite skip"),
    "-inf": (b"5,6,-inf,8\n", 3, "column x2: '-inf' is not finite", "--nonfinite skip"),
    "overflow": (b"5,6,1e999,8\n", 3, "column x2: '1e999' overflows to infinity", "1.797e308"),
    "thousands": (b'5,6,"1,234",8\n', 3, "column x2: '1,234' is not a number", "thousands separator"),
    "decimal comma": (b'5,6,"1,5",8\n', 3, "column x2: '1,5' is not a number", "decimal comma"),
    "unquoted decimal comma": (b"5,6,1,5,8\n", 3, "5 fields, expected 4", "decimal comma"),
    "grouped": (b"5,6,1_000,8\n", 3, "'1_000' is not a number", "grouped"),
    "Arabic digits": ("5,6,٣,8\n".encode(), 3, "'٣' is not a number", "not ASCII"),
    "hexadecimal": (b"5,6,0x10,8\n", 3, "'0x10' is not a number", "hexadecimal"),
    "minus sign": ("5,6,−1,8\n".encode(), 3, "'−1' is not a number", "U+2212"),
    "unclosed quote": (b'5,6,"7,8\n9,9,9,9\n', 3, "unclosed quote", "written twice"),
    "stray quote": (b'5,6,7",8\n', 3, "a quote may only enclose a whole field", "written twice"),
    "text after quote": (b'5,6,"7"0,8\n', 3, "a quote may only enclose a whole field", "written twice"),
    "NUL": (b"5,6,\x007,8\n", 3, "NUL byte at byte offset 24", "binary"),
    "Latin-1": (b"5,6,\xe9,8\n", 3, "byte 0xe9 is not UTF-8 at byte offset 24", "Latin-1"),
    "lone CR": (b"5,6,7,8\r9,9,9,9\n", 3, "a CR without an LF", "LF or CRLF"),
    "escape": (b"5,6,\x1b[31mred,8\n", 3, r"column x2: '\x1b[31mred' is not a number", ""),
    "long field": (b"5,6," + b"y" * 999 + b",8\n", 3, f"'{'y' * 40}…' is not a number", ""),
    "after a quoted newline": (b'"5\n",6,7,8\n', 3, r"column x1: '5\n' is not a number", ""),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("packed", [False, True])
def test_fault(name: str, packed: bool) -> None:
    row, line, message, hint = FAULTS[name]
    data = HEAD + row
    error = fault(gzip.compress(data) if packed else data, width=4)
    assert isinstance(error, DataError)
    assert (error.path, error.line) == ("<stdin>", line)
    assert message in error.message
    assert hint in (error.hint or "")
    assert str(error).isprintable()


WHOLE_FILES = {
    "empty": (b"", "empty file"),
    "blank": (b"\n \n\r\n", "empty file"),
    "only a BOM": (b"\xef\xbb\xbf", "empty file"),
    "header only": (b"x1,y1,x2,y2\n", "no rows, only a header"),
    "header and blank lines": (b"x1,y1,x2,y2\n\n\n", "no rows, only a header"),
    "UTF-16 with a BOM": ("1,2,3,4\n".encode("utf-16"), "looks like UTF-16 text"),
    "UTF-16 without": ("1,2,3,4\n".encode("utf-16-be"), "looks like UTF-16 text"),
    "a typo in the first row": (b"1,2,3O,4\n5,6,7,8\n", "neither a header nor a row of numbers: 1,2,3O,4"),
    "nan in the first row": (b"1,2,nan,4\n5,6,7,8\n", "neither a header nor a row of numbers"),
    "a row of NA first": (b"NA,NA,NA,NA\n5,6,7,8\n", "neither a header nor a row of numbers"),
    "overflow in the first row": (b"1,2,1e999,4\n", "column 2: '1e999' overflows"),
    "zip": (b"PK\x03\x04abc", "looks like a zip archive"),
    "PNG": (b"\x89PNG\r\n\x1a\n", "looks like a PNG image"),
    "pickle": (b"\x80\x04\x95", "looks like a pickle"),
    "parquet": (b"PAR1\x15\x04", "looks like a Parquet file"),
    "HDF5": (b"\x89HDF\r\n", "looks like an HDF5 file"),
    "gzip twice": (gzip.compress(gzip.compress(b"1,2,3,4\n")), "looks like a gzip within a gzip"),
    "truncated gzip": (gzip.compress(HEAD * 99)[:-9], "the gzip data end too early"),
    "corrupt gzip": (gzip.compress(HEAD * 99)[:20] + b"\xff" * 400, "corrupt gzip data"),
    "bad gzip checksum": (gzip.compress(HEAD)[:-8] + bytes(8), "corrupt gzip data"),
    "semicolons": (b"x1;y1;x2;y2\n1;2;3;4\n", "1 column, expected 4: x1;y1;x2;y2"),
    "too many columns": (b"1,2,3,4,5\n", "5 columns, expected 4"),
    "blank first line": (b"\n1,2,3,4\n", "blank line"),
    "a million fields": (b"1," * 1_000_000 + b"1\n", "more than 100000 fields in a line"),
    "an endless line": (b"1" * (MAX_RECORD + 2), "a line longer than 16 MiB"),
    "an endless second line": (HEAD + b"1" * (MAX_RECORD + 2) + b"\n", "a line longer than 16 MiB"),
    "an endless quote": (HEAD + b'1,2,3,"' + b"4\n" * (MAX_RECORD // 2), "a line longer than 16 MiB"),
}


@pytest.mark.parametrize("name", WHOLE_FILES)
def test_whole_file(name: str) -> None:
    data, message = WHOLE_FILES[name]
    error = fault(data, width=4)
    assert message in error.message
    assert isinstance(error, LimitError if "longer than" in message or "more than" in message else DataError)
    assert str(error).isprintable()


FINE = {
    "plain": b"1,2,3,4\n5,6,7,8\n",
    "no newline at the end": b"1,2,3,4\n5,6,7,8",
    "CRLF": b"1,2,3,4\r\n5,6,7,8\r\n",
    "BOM": b"\xef\xbb\xbf1,2,3,4\n5,6,7,8\n",
    "BOM and header": b"\xef\xbb\xbfx1,y1,x2,y2\n1,2,3,4\n5,6,7,8\n",
    "blank lines at the end": b"1,2,3,4\n5,6,7,8\n\n \r\n\t\n",
    "quoted": b'"x1","y1","x2","y2"\n"1","2","3","4"\n5,6,7,"8"\n',
    "written otherwise": b"+1, 2 ,3.,4e0\n.5e1,6.0,7\t,8E+0\n",
    "names over order": b"y2,x2,y1,x1\n4,3,2,1\n8,7,6,5\n",
    "other names, other case": b"id,XMin,ymin,xmax,YMAX\na,1,2,3,4\nb,5,6,7,8\n",
    "unknown names in order": b"a,b,c,d\n1,2,3,4\n5,6,7,8\n",
    "text beside": b'x1,y1,note,x2,y2\n1,2,"a\n""b"",\r\n",3,4\n5,6,\xc3\xa9,7,8\n',
}


@pytest.mark.parametrize("name", FINE)
def test_fine(name: str) -> None:
    assert read(FINE[name], width=4, names=BOXES) == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert read(gzip.compress(FINE[name]), width=4, names=BOXES) == [[1, 2, 3, 4], [5, 6, 7, 8]]


def test_physical_lines_after_quoted_newlines(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'a,b\n"x\ny",1\nz,2\n"x\n\ny",3\nz,oops\n')
    source = open_source(f"{path}::b", role="pred")
    with pytest.raises(DataError, match=r"a\.csv:8: column b: 'oops' is not a number"):
        table(source)
    assert [source.line(row) for row in range(5)] == [2, 4, 5, 8, None]
    piped = open_source("-::b", role="pred", stdin=io.BytesIO(b'a,b\n"x\ny",1\nz,2\n'))
    table(piped)
    assert piped.line(1) is None


def test_last_row_of_many(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_bytes(b"x1,y1,x2,y2\n" + b"1.5,2.5,3.5,4.5\n" * 1_000_000 + b"1,2,3,4x\n")
    source = open_source(str(path), role="pred", width=4)
    with pytest.raises(DataError, match=r"many\.csv:1000002: column y2: '4x' is not a number"):
        list(source.blocks(4096))
    assert source.line(999_999) == 1_000_001


def test_blocks_are_whole_and_repeatable(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("".join(f"{row},{-row}\n" for row in range(1000)))
    source = open_source(str(path), role="pred")
    assert isinstance(source, CsvSource)
    assert (source.shape, source.dtype, source.columns) == ((None, 2), "float64", None)
    assert source.rereadable
    for chunk, rows in ((7, 3), (100, 999), (64, 1000), (8 << 20, 1), (50, 5000)):
        source.chunk_bytes = chunk
        blocks = list(source.blocks(rows))
        assert all(block.shape[0] == rows for block in blocks[:-1])
        assert all(block.flat.flags.c_contiguous for block in blocks)  # type: ignore[union-attr]
        assert np.concatenate([block.flat for block in blocks]).tolist() == [
            float(value) for row in range(1000) for value in (row, -row)
        ]
    with path.open("a") as file:
        file.write("1,2\n")
    with pytest.raises(DataError, match="changed while"):
        table(source)


def test_clean_quotes_go_the_fast_way() -> None:
    for data, clean in (
        (b'"1","2"\n"3","4"', True),
        (b'"a""b",1\r\n"""",2\r\n"","""x"""\r\n', True),
        (b'1,"a\n,b"\n', True),
        (b'"1"2\n', False),
        (b'1"2"\n', False),
        (b'""2\n', False),
        (b' "1"\n', False),
        (b'"', False),
    ):
        assert quotes_enclose_fields(np.frombuffer(data, np.uint8)) is clean
