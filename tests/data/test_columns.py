"""Which columns a selector, known names or their number choose."""

from __future__ import annotations

import pytest
from test_csv_faults import BOXES, fault, read

from lossctl.errors import DataError, UsageError

DATA = b"id,p0,p1,p2,1\n7,10,11,12,13\n"


@pytest.mark.parametrize(
    ("selector", "row"),
    [
        ("p0", [10]),
        (" p2 , p0 ", [12, 10]),
        ("p0..p2", [10, 11, 12]),
        ("1", [13]),
        ("0", [7]),
        ("-2", [12]),
        ("0..2", [7, 10, 11]),
        ("p1..-1", [11, 12, 13]),
        ("p0,p0", [10, 10]),
    ],
)
def test_selector(selector: str, row: list[float]) -> None:
    assert read(DATA, f"::{selector}") == [row]


@pytest.mark.parametrize(
    ("data", "selector", "message", "hint"),
    [
        (DATA, "pp0", "no column 'pp0'", "did you mean 'p0'? the columns are id,p0,p1,p2,1"),
        (DATA, "zzz", "no column 'zzz'", "the columns are id,p0,p1,p2,1"),
        (DATA, "9", "no column 9: the file has 5 columns", ""),
        (DATA, "-6", "no column -6", ""),
        (DATA, "p2..p0", "column range 'p2..p0' runs backwards", ""),
        (DATA, "p0..", "no column ''", ""),
        (b"1,2\n", "x", "no column 'x'", "there is no header; choose by position: 0 to 1"),
        (b"a,b,a\n1,2,3\n", "a", "duplicate column name 'a'", "choose one by its position: 0, 2"),
        (b"name,5,2x\nfoo,3,4\n", "1,2", "neither a header nor a row of numbers: name,5,2x", "'2x'"),
        (b"a\x1b[1m,b\n1,2\n", "c", "no column 'c'", r"a\x1b[1m,b"),
    ],
)
def test_bad_selector(data: bytes, selector: str, message: str, hint: str) -> None:
    error = fault(data, f"::{selector}")
    assert isinstance(error, DataError)
    assert message in error.message
    assert hint in (error.hint or "")


def test_empty_selector_is_a_usage_error() -> None:
    assert isinstance(fault(DATA, "::"), UsageError)


def test_duplicate_names_matter_only_when_asked_for() -> None:
    assert read(b"a,b,a\n1,2,3\n", "::b") == [[2]]
    assert read(b"a,b,a\n1,2,3\n", "::2") == [[3]]
    assert read(b"a,b,a\n1,2,3\n") == [[1, 2, 3]]


def test_a_row_with_a_text_column_and_no_header_is_not_lost() -> None:
    assert read(b"a.png,5,6\nb.png,3,4\n", "::1,2") == [[5, 6], [3, 4]]
    assert read(b"a.png,1,2\nb.png,3,4\n", "::-2,-1") == [[1, 2], [3, 4]]
    assert "a header or numbers?" in fault(b"a.png,1,2\nb.png,3,4\n", "::1,2").message


def test_a_name_that_is_a_number_and_no_position() -> None:
    assert read(b"country,2023,2024\na,1,2\n", "::2024") == [[2]]


def test_a_selector_of_another_width() -> None:
    assert fault(DATA, "::p0..p2", width=4).message == "3 columns chosen, expected 4"


def test_positions_of_a_header() -> None:
    assert read(b"name,x,y\na,1,2\n", "::1..2") == [[1, 2]]


def test_two_readings() -> None:
    data = b"x1,y1,x2,y2,xmin,ymin,xmax,ymax\n" + b"1,2,3,4,5,6,7,8\n"
    error = fault(data, names=BOXES, width=4)
    assert error.message == "the columns can be read as x1,y1,x2,y2 or xmin,ymin,xmax,ymax"
    assert read(data, "::xmin..ymax", names=BOXES, width=4) == [[5, 6, 7, 8]]


def test_names_twice_in_another_case() -> None:
    assert "duplicate column name 'x1'" in fault(b"X1,X1,y1,x2,y2\n1,2,3,4,5\n", names=BOXES).message
    assert read(b"X1,x1,y1,x2,y2\n1,2,3,4,5\n", names=BOXES) == [[2, 3, 4, 5]]


def test_columns_listed_where_none_fit() -> None:
    error = fault(b"id,a,b\n1,2,3\n", width=4, names=BOXES)
    assert error.message == "3 columns, expected 4: id,a,b"
    assert error.hint == "choose: <stdin>::col,col"
    error = fault(b"file,a,b\nx.png,2,3\n")
    assert error.message == "column 0 is text ('x.png'), and no columns were chosen"
    assert error.hint == "choose: <stdin>::col,col of file,a,b"


def test_short_first_row() -> None:
    error = fault(b"1,2,3\n1,2,3,4\n", width=4)
    assert (error.message, error.line) == ("3 fields, expected 4", 1)
