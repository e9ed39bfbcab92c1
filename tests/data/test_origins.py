"""Inline numbers, paths, pipes and what is none of them."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from test_csv_faults import table

from lossctl.data.opening import open_source
from lossctl.errors import DataError


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("10,10,50,60", [[10, 10, 50, 60]]),
        ("-1,0,4,4", [[-1, 0, 4, 4]]),
        (" 1 , 2e3 ; +.5,-0 ", [[1, 2000], [0.5, 0]]),
        ("7", [[7]]),
        ("1;2;3", [[1], [2], [3]]),
    ],
)
def test_inline(text: str, rows: list[list[float]]) -> None:
    source = open_source(text, role="pred")
    assert source.shape == (len(rows), len(rows[0]))
    assert table(source) == rows
    assert table(source, 1) == rows
    assert (source.path, source.line(0), source.rereadable) == ("pred", None, True)


@pytest.mark.parametrize(
    ("text", "width", "message"),
    [
        ("1,2;3", None, "pred: row 1: 1 numbers, but row 0 has 2"),
        ("1,2,3", 4, "pred: 3 numbers in a row, expected 4"),
        ("1,2;3,1e999", None, "pred: row 1: '1e999' overflows to infinity"),
    ],
)
def test_bad_inline(text: str, width: int | None, message: str) -> None:
    with pytest.raises(DataError) as caught:
        open_source(text, role="pred", width=width)
    assert str(caught.value) == message


def test_almost_inline() -> None:
    with pytest.raises(DataError, match="no such file") as caught:
        open_source("10,10,5O,60", role="pred")
    assert caught.value.hint == "as inline numbers: '5O' is not a number (number 3)"


def test_inline_needs_no_numpy(tmp_path: Path) -> None:
    code = (
        "import sys, lossctl.data.opening as s, lossctl.data.csv, lossctl.data.npy, lossctl.data.write\n"
        "assert [b.flat for b in s.open_source('1;3', role='pred').blocks(1)] == [[1.0], [3.0]]\n"
        "assert not {'numpy', 'pyarrow'} & set(sys.modules)\n"
        "assert list(s.open_source(sys.argv[1], role='pred').blocks(1))\n"
        "assert 'pyarrow' not in sys.modules\n"
    )
    path = tmp_path / "a.csv"
    path.write_text("1,2\n")
    subprocess.run([sys.executable, "-c", code, path], check=True, timeout=60)


def message(text: str) -> tuple[str, str | None]:
    with pytest.raises(DataError) as caught:
        open_source(text, role="pred")
    assert str(caught.value).isprintable()
    return caught.value.message, caught.value.hint


def test_missing_files(tmp_path: Path) -> None:
    (tmp_path / "preds.csv").write_text("1\n")
    name, hint = message(str(tmp_path / "pred.csv"))
    assert name == "no such file"
    assert hint == f"did you mean '{tmp_path / 'preds.csv'}'?"
    assert message(str(tmp_path / "pred.csv::a")) == (name, hint)
    assert message(str(tmp_path / "no" / "a.csv"))[1] == f"the folder '{tmp_path / 'no'}' cannot be read"
    assert message(str(tmp_path / "\x1b[2J.csv"))[0] == "no such file"
    assert message("a\0b") == ("not the name of a file", None)


def test_what_is_no_file(tmp_path: Path) -> None:
    assert message(str(tmp_path))[0] == "a folder, expected a file"
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    assert message(str(loop))[0] == "a loop of symbolic links"
    assert message("/dev/zero")[0] == "a device or a socket, expected a file"
    assert message("/dev/null")[0] == "empty file"
    assert "too long" in message("a" * 5000)[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("1\n")
    path.chmod(0)
    assert message(str(path))[0] == "no permission to read it"


def test_names_that_look_like_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("1,2").write_text("3\n")
    Path("a::b").write_text("4\n")
    assert table(open_source("./1,2", role="pred")) == [[3]]
    assert table(open_source("a::b", role="pred")) == [[4]]


@pytest.mark.parametrize("kind", ["csv", "npy"])
def test_fifo(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    rows = np.arange(200_000.0).reshape(-1, 2)
    data = io.BytesIO()
    if kind == "npy":
        np.save(data, rows)
    else:
        np.savetxt(data, rows, "%.17g", ",")
    writer = threading.Thread(target=path.write_bytes, args=(data.getvalue(),))
    writer.start()
    source = open_source(str(path), role="pred")
    assert not source.rereadable
    assert sum(float(np.sum(block.flat)) for block in source.blocks(1000)) == rows.sum()
    writer.join()
    with pytest.raises(DataError, match="only once"):
        table(source)


def test_closed_standard_input() -> None:
    stdin = io.BytesIO()
    stdin.close()
    with pytest.raises(DataError, match="<stdin>: standard input is closed"):
        open_source("-", role="pred", stdin=stdin)
