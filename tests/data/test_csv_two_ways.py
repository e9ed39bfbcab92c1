"""One contract for small and large CSV: both ways end in the same bits or in the same error."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lossctl.data import fast
from lossctl.data.csv import CsvSource
from lossctl.data.opening import open_source
from lossctl.errors import LossctlError

STRICT, FAST = 1 << 60, 0


@pytest.fixture(scope="module", autouse=True)
def _small_parts() -> Iterator[None]:
    """Let the fast way look for trouble in parts of a few bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast, "_PART", 8)
        yield


def outcome(data: bytes, selector: str, *, chunk: int, fast_from: int, rows: int = 3) -> tuple[object, ...]:
    """Return the shape, names and bits of what is read, or the whole error."""
    try:
        source = open_source(f"-{selector}", role="pred", stdin=io.BytesIO(data))
        assert isinstance(source, CsvSource)
        source.chunk_bytes, source.fast_from = chunk, fast_from
        values: list[float] = []
        for block in source.blocks(rows):
            assert block.start * block.shape[1] == len(values)
            values.extend(block.flat.tolist())  # type: ignore[union-attr]
        return source.columns, struct.pack(f"{len(values)}d", *values), source.shape
    except LossctlError as error:
        return type(error).__name__, str(error), error.hint, error.line


def check(data: bytes, selector: str, chunk: int) -> None:
    expected = outcome(data, selector, chunk=1 << 20, fast_from=STRICT)
    for chunk_bytes, fast_from in ((chunk, STRICT), (chunk, FAST), (1 << 20, FAST)):
        assert outcome(data, selector, chunk=chunk_bytes, fast_from=fast_from) == expected


NASTY = [
    b"+1", b" 1 ", b"\t1", b"1.", b".5", b"1E5", b"-0", b"1e-400", b"5e-324", b"2.4703282292062328e-324",
    b"0x10", b"1_0", b"nan", b"NaN(1)", b"inf", b"-Infinity", b"1e999", b"", b"NA", b'""', b'"1"', b'" 1 "',
    b'"1', b'1"', b'"1"2', b'1"2"', b' "1"', b'"1" ', b'"1""', b'"1\n"', b"1\x00", b"1\x0b",
    b"1\xa0", b"1\xff",
    "１".encode(), "−1".encode(), b"1;2", b"1\t2", b"1 2", b"+-1", b"1e", b".", b"-", b"1\r", b"\r1",
    b"1\r\r",
    b"0e99999999999999999999", b"1e-99999999999999999999", b"9" * 400, b"0" * 400 + b"1", b"9007199254740993",
    b"1" + b"0" * 400 + b"e-400", b"\xef\xbb\xbf1", b"1\n", b"\n", b"1,2", b"#1", b"'1'", b"1\x1a",
    b"179769313486231580793e289",
    "٣".encode(), b'"a\r\nb"', b'"a,b"', b'"a""b"', b"text", b"\xe9", "é".encode(), b'"\r"', b"a\x00b",
    b'5" pipe',
]  # fmt: skip


@pytest.mark.parametrize("field", NASTY)
@pytest.mark.parametrize("chosen", [0, 1])
def test_nasty_field(field: bytes, chosen: int) -> None:
    for before in (b"a,b\n1,2\n", b"a,b\r\n1,2\r\n"):
        for after in (b"\n3,4\n", b"\n3,4", b"", b"\n\n", b'\n3,"4"\n'):
            for row in (field + b",2", b"2," + field):
                for chunk in (1, 5, 16):
                    check(before + row + after, f"::{chosen}", chunk)


@pytest.mark.parametrize("field", NASTY)
def test_nasty_single_column(field: bytes) -> None:
    for after in (b"\n3\n", b"", b"\n\n", b"\n\n3", b" \n", b"\r\n", b"\n\r\n \n"):
        for chunk in (1, 7):
            check(b"a\n" + field + after, "::0", chunk)
            check(field + after, "", chunk)


fields = st.sampled_from(NASTY) | st.floats().map(lambda value: repr(value).encode()) | st.binary(max_size=3)
CRUMBS = [b"1", b"2.5", b",", b"\n", b"\r\n", b'"', b"a", b" ", b"\r", b"\x00", b"\xff", b"-", b"e"]
soup = st.lists(st.sampled_from(CRUMBS), max_size=40).map(b"".join)
rows_of_two = st.lists(st.lists(fields, min_size=2, max_size=2), min_size=1, max_size=6)
finite = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=400, deadline=None)
@given(rows_of_two, st.integers(1, 40), st.booleans())
def test_fields(rows: list[list[bytes]], chunk: int, crlf: bool) -> None:
    data = (b"\r\n" if crlf else b"\n").join(b",".join(row) for row in rows)
    check(b"a,b\n" + data, "::b", chunk)


@settings(max_examples=400, deadline=None)
@given(soup, st.integers(1, 20))
@example(b'1,"\n",3\n1,"\n\n",4', 2)
@example(b"1,2\n\n\n\n3,4", 1)
@example(b'1,""2\n3,4\n', 4)
def test_soup(data: bytes, chunk: int) -> None:
    check(b"a,b\n1,2\n" + data, "::0", chunk)
    check(data, "", chunk)


@settings(max_examples=100, deadline=None)
@given(st.lists(finite, min_size=1, max_size=50), st.integers(1, 99))
def test_every_float_comes_back(values: list[float], chunk: int) -> None:
    data = "\n".join(map(repr, values)).encode()
    expected = (None, struct.pack(f"{len(values)}d", *values), (None, 1))
    assert outcome(data, "", chunk=chunk, fast_from=FAST) == expected
    assert outcome(data, "", chunk=chunk, fast_from=STRICT) == expected
