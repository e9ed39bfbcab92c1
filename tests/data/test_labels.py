"""Columns of text: which are read, and where one is wrong."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pytest

from lossctl.data.labels import read_labels, read_rows
from lossctl.errors import DataError, LossctlError, UsageError

DATA = b"image,class,1,score\na.png,cat,7,0.5\nb.png, dog ,8,0.25\n"


def labels(data: bytes, selector: str) -> list[str]:
    return read_labels(f"-::{selector}", io.BytesIO(data))


@pytest.mark.parametrize(
    ("data", "selector", "expected"),
    [
        (DATA, "image", ["a.png", "b.png"]),
        (DATA, "class", ["cat", "dog"]),
        (DATA, "0", ["a.png", "b.png"]),
        (DATA, "-1", ["0.5", "0.25"]),
        (DATA.replace(b"\n", b"\r\n") + b"\n\n", "class", ["cat", "dog"]),
        (b"\xef\xbb\xbf" + DATA, "image", ["a.png", "b.png"]),
        (gzip.compress(DATA, mtime=0), "image", ["a.png", "b.png"]),
        (b'name,x\n"one, two\nthree ""four""",1\n', "name", ['one, two\nthree "four"']),
        (b"a.png,1,2\nb.png,3,4\n", "0", ["a.png", "b.png"]),
        (b"1,2\n3,4\n", "1", ["2", "4"]),
        (b"cat\ndog\ncat\n", "0", ["cat", "dog", "cat"]),
        ("name\nK\u00f6ln\n".encode(), "name", ["K\u00f6ln"]),
    ],
)
def test_column(data: bytes, selector: str, expected: list[str]) -> None:
    assert labels(data, selector) == expected


def test_several_columns() -> None:
    assert read_rows("-::image,class", io.BytesIO(DATA)) == [("a.png", "cat"), ("b.png", "dog")]
    assert read_rows("-::image..class", io.BytesIO(DATA)) == [("a.png", "cat"), ("b.png", "dog")]


def test_many_rows_of_a_file_are_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    wanted = [f"image {i % 1000} {'x' * 40}" for i in range(250_000)]
    path.write_text("n,label\n" + "".join(f"{i},{label}\n" for i, label in enumerate(wanted)))
    assert path.stat().st_size > 8 << 20
    assert read_labels(f"{path}::label") == wanted


@pytest.mark.parametrize(
    ("data", "selector", "told"),
    [
        (DATA, "imag", "<stdin>:1: no column 'imag'"),
        (DATA, "1", "<stdin>:1: '1' is a position, and is in the first row"),
        (DATA, "9", "<stdin>: no column 9: the file has 4 columns"),
        (DATA + b"c.png,,9,1\n", "class", "<stdin>:4: column class: no label"),
        (DATA + b"c.png, \t,9,1\n", "class", "<stdin>:4: column class: no label"),
        (DATA + b"c.png,cat,9\n", "image", "<stdin>:4: 3 fields, expected 4"),
        (DATA + b"\nc.png,cat,9,1\n", "image", "<stdin>:4: blank line"),
        (DATA + b'c.png,"cat,9,1\n', "image", "<stdin>:4: unclosed quote"),
        (DATA + b"\xff,cat,9,1\n", "image", "<stdin>:4: byte 0xff is not UTF-8"),
        (b"image,class\n", "image", "<stdin>: no rows, only a header"),
        (b"image,image\na,b\n", "image", "<stdin>:1: duplicate column name 'image'"),
        (b"", "image", "<stdin>: empty file"),
        (b"PK\x03\x04rest", "image", "<stdin>: looks like a zip archive"),
    ],
)
def test_faults(data: bytes, selector: str, told: str) -> None:
    with pytest.raises(DataError) as caught:
        labels(data, selector)
    assert str(caught.value).startswith(told)


def test_an_array_has_no_labels(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(DataError, match="an NPY file has no columns of labels"):
        read_labels(f"{tmp_path}/a.npy::x")


@pytest.mark.parametrize("text", ["labels.csv", "labels.csv::name,x", "labels.csv::"])
def test_one_column_has_to_be_chosen(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("labels.csv").write_text("name,x\na,1\n")
    with pytest.raises(UsageError):
        read_labels(text)


def test_a_missing_file() -> None:
    with pytest.raises(LossctlError, match="no such file"):
        read_labels("missing.csv::name")


@pytest.mark.parametrize("data", [DATA, DATA.replace(b"\n", b"\r\n"), b"1,2\n3,4\n", "name,x\nK\u00f6ln,1\n".encode()])
def test_quotes_make_no_difference(data: bytes) -> None:
    """Text without quotes is split at its commas; with one, every record is read by the grammar."""
    last = data.rstrip().rpartition(b",")[2]
    quoted = data.replace(last, b'"' + last + b'"')
    assert read_rows("-::0..-1", io.BytesIO(data)) == read_rows("-::0..-1", io.BytesIO(quoted))
