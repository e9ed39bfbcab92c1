"""NPY: every sound array comes back bit for bit, every other file in one line and without memory."""

from __future__ import annotations

import gzip
import io
import resource
import struct
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lossctl.data import npy
from lossctl.data.buffers import WORTH, Buffers
from lossctl.data.opening import open_source
from lossctl.errors import DataError, LimitError, LossctlError


def saved(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def raw(header: str, data: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    length = struct.pack("<H" if version == (1, 0) else "<I", len(header))
    return b"\x93NUMPY" + bytes(version) + length + header.encode("latin-1") + data


def plain(shape: str, descr: str = "'<f8'", data: bytes = b"", order: str = "False") -> bytes:
    return raw(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n", data)


def check(path: str, array: np.ndarray, rows: int) -> None:
    source = open_source(path, role="pred")
    shape = array.shape or (1,)
    assert (source.shape, source.dtype) == (shape, array.dtype.name)
    start = 0
    for block in source.blocks(rows):
        assert block.start == start
        assert block.shape == (min(rows, shape[0] - start), *shape[1:])
        flat = block.flat
        assert isinstance(flat, np.ndarray)
        assert flat.ndim == 1
        assert flat.flags.c_contiguous
        assert flat.dtype.isnative
        assert flat.dtype == array.dtype.newbyteorder("=")
        expected = array.reshape(shape)[start : start + rows].astype(flat.dtype).tobytes()
        assert flat.tobytes() == expected
        start += block.shape[0]
    assert start == shape[0] or not array.size
    assert source.line(0) is None


DTYPES = ["?", *(order + kind for kind in ("i1", "u1") for order in "|"), *(
    order + kind for order in "<>" for kind in ("i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8")
)]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (1,), (7,), (0,), (5, 4), (4, 3, 2), (0, 4), (3, 0)])
def test_every_dtype_and_order(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    array = (random.random(shape) * 200 - 100).astype("i1").astype(dtype)
    path = tmp_path / "a.npy"
    for order in (array, np.asfortranarray(array)):
        path.write_bytes(saved(order))
        check(str(path), array, 2)
        path.write_bytes(gzip.compress(saved(order)))
        check(str(path), array, 3)
        source = open_source("-", role="pred", stdin=io.BytesIO(saved(order)))
        assert sum(block.shape[0] for block in source.blocks(1000)) == (source.shape[0] if array.size else 0)


def test_fortran_strips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npy, "_PART", 100)
    monkeypatch.setattr(npy, "_SHORT_STRIP", 1)
    array = np.random.default_rng(0).random((17, 2, 3)).astype(">f4")
    path = tmp_path / "a.npy"
    path.write_bytes(saved(np.asfortranarray(array)))
    for rows in (1, 2, 5, 16, 17, 50):
        check(str(path), array, rows)


def test_other_spellings(tmp_path: Path) -> None:
    array = np.arange(6.0).reshape(2, 3)
    path = tmp_path / "a.npy"
    for header in (
        "{'descr':'<f8','fortran_order':False,'shape':(2,3)}",
        '{"shape": (2L, 3L,), "descr": "<f8", "fortran_order": False}\n',
        "  { 'fortran_order' : False , 'shape' : ( 2 , 3 ) , 'descr' : '<f8' , }" + " " * 20_000,
    ):
        for version in ((1, 0), (2, 0), (3, 0)):
            path.write_bytes(raw(header, array.tobytes(), version))
            check(str(path), array, 1)


SIZE = "expected 24 bytes of data (shape 3, float64), the file has"
ATTACKS = {
    "magic only": (b"\x93NUMPY", "truncated NPY header"),
    "half a magic": (b"\x93NU", "truncated NPY header"),
    "truncated header": (
        saved(np.zeros(3))[:40],
        "truncated NPY header: expected 118 bytes, the file has 30",
    ),
    "truncated data": (plain("(3,)", data=bytes(23)), f"{SIZE} 23"),
    "no data": (plain("(3,)"), f"{SIZE} 0"),
    "trailing bytes": (plain("(3,)", data=bytes(25)), f"{SIZE} 25"),
    "version 9.9": (raw("{}", version=(9, 9)), "NPY version 9.9, expected 1.0, 2.0 or 3.0"),
    "a long header": (raw("x" * 70_000, version=(2, 0)), "NPY header of 70000 bytes, at most 65536 are read"),
    "4 GiB of header": (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "NPY header of 4294967295 bytes"),
    "no dict": (raw("[1, 2]"), "malformed NPY header at '[1, 2]'"),
    "an import": (raw("__import__('os').system('id')"), "malformed NPY header at '__import__"),
    "an import inside": (plain("__import__('os')"), "malformed NPY header"),
    "parentheses": (raw("(" * 4000), "malformed NPY header at '(((("),
    "parentheses inside": (plain("(" * 4000), "malformed NPY header"),
    "text after it": (
        raw("{'descr': '<f8', 'fortran_order': False, 'shape': ()} x"),
        "malformed NPY header at",
    ),
    "missing key": (raw("{'descr': '<f8', 'shape': ()}"), "keys descr, shape, expected descr, fortran_order"),
    "extra key": (
        raw("{'descr': '<f8', 'fortran_order': False, 'shape': (), 'x': ()}"),
        "shape, x, expected",
    ),
    "key twice": (raw("{'descr': '<f8', 'descr': '<f8'}"), "'descr' is there twice"),
    "escape": (raw("{'\x1b[2J': 1}"), r"malformed NPY header at ''\x1b[2J': 1}'"),
    "order 1": (plain("()", order="'1'"), "fortran_order is '1', expected True or False"),
    "object": (saved(np.array([{}], dtype=object)), "the items are Python objects (a pickle)"),
    "records": (saved(np.zeros(2, "i4,f8")), "records (a structured dtype), expected plain numbers"),
    "bytes": (saved(np.array([b"ab"])), "the items are bytes, dtype '|S2'"),
    "text": (saved(np.array(["ab"])), "the items are text, dtype '<U2'"),
    "dates": (saved(np.array(["2020-01-01"], "M8[D]")), "the items are dates, dtype '<M8[D]'"),
    "spans": (saved(np.array([1], "m8[ns]")), "the items are time spans"),
    "complex": (saved(np.array([1j])), "the items are complex numbers, dtype '<c16'"),
    "longdouble": (plain("(1,)", "'<f16'", bytes(16)), "unusual width (longdouble), dtype '<f16'"),
    "void": (plain("(1,)", "'|V0'"), "the items are raw bytes or records, dtype '|V0'"),
    "unknown": (plain("(1,)", "'<q7'"), "unknown dtype '<q7'"),
    "int3": (plain("(1,)", "'<i3'"), "unknown dtype '<i3'"),
    "no string": (plain("(1,)", "True"), "unknown dtype True"),
    "a trillion": (plain("(1000000000000,)", data=bytes(72)), "expected 8000000000000 bytes of data"),
    "overflow": (plain("(4294967296, 4294967296)"), "expected 147573952589676412928 bytes"),
    "20 digits": (plain(f"({'9' * 20},)"), "is too large"),
    "4000 digits": (plain(f"({'9' * 5000},)"), "is too large"),
    "negative": (plain("(-1,)"), "shape (-1,), expected whole numbers"),
    "True": (plain("(True,)"), "shape (True,), expected whole numbers"),
    "a float": (plain("(3.0,)"), "shape (3.0,), expected whole numbers"),
    "no tuple": (plain("(3)"), "shape (3), expected whole numbers"),
    "70 dimensions": (plain(f"({'1,' * 70})", data=bytes(8)), "70 dimensions, at most 64"),
    "bool 7": (plain("(2,)", "'|b1'", b"\x01\x07"), "a bool item is 7, expected 0 or 1"),
    "zip": (b"PK\x03\x04" + bytes(99), "looks like a zip archive (NPZ, XLSX)"),
    "pickle": (b"\x80\x04\x95" + bytes(99), "looks like a pickle"),
    "garbage": (b"\x01\x02\xff\x00" * 9, "not an NPY file: it begins with"),
}


def attempt(path: str) -> str:
    with pytest.raises(DataError) as caught:
        list(open_source(path, role="pred").blocks(1 << 40))
    error = caught.value
    assert str(error).isprintable()
    assert "allow_pickle" not in f"{error} {error.hint}"
    return error.message


@pytest.mark.parametrize("name", ATTACKS)
def test_attack(tmp_path: Path, name: str) -> None:
    data, message = ATTACKS[name]
    path = tmp_path / "a.npy"
    path.write_bytes(data)
    tracemalloc.start()
    begin = time.process_time()
    try:
        assert message in attempt(str(path))
        assert time.process_time() - begin < 0.5
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    packed = tmp_path / "a.npy.gz"
    packed.write_bytes(gzip.compress(data))
    if name == "trailing bytes":
        message = "bytes follow the 24 that its header declares"
    assert message in attempt(str(packed))


@pytest.mark.parametrize("shape", ["(1000000000000,)", "(1, 1000000000000)", "(4294967296, 4294967296)"])
def test_declared_sizes_in_a_pipe_take_no_memory(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npy, "_PART", 1 << 16)
    source = open_source("-", role="pred", stdin=io.BytesIO(plain(shape, data=bytes(100_000))))
    with pytest.raises(DataError, match="the file has 100000"):
        list(source.blocks(1 << 20))


def test_a_block_beyond_memory(tmp_path: Path) -> None:
    path = tmp_path / "sparse.npy"
    header = plain("(1, 1000000000000)", "'|u1'")
    with path.open("wb") as file:
        file.write(header)
        try:
            file.truncate(len(header) + 10**12)
        except OSError:
            pytest.skip("no file of this size here")
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (1 << 36, limits[1]))
    try:
        with pytest.raises(LimitError, match="not enough memory for a block of 1000000000000 bytes"):
            next(open_source(str(path), role="pred").blocks(1))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def test_selector_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(saved(np.zeros(3)))
    with pytest.raises(DataError, match="has no columns to choose"):
        open_source(f"{path}::x", role="pred")


def test_a_file_that_shrinks_or_is_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(saved(np.zeros(1000)))
    source = open_source(str(path), role="pred")
    blocks = source.blocks(100)
    next(blocks)
    with path.open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(DataError, match="the file changed while it was read"):
        list(blocks)
    path.write_bytes(saved(np.zeros(1000)))
    blocks = source.blocks(100)
    with pytest.raises(DataError, match="the file changed while it was read"):
        list(blocks)
    source = open_source(str(path), role="pred")
    path.unlink()
    with pytest.raises(DataError, match=r"a\.npy"):
        list(source.blocks(100))


def test_small_files_are_read_once(tmp_path: Path) -> None:
    """They are told from others of the same header, and read again they are what they were."""
    for name, number in (("a", 1.0), ("b", 2.0)):
        (tmp_path / f"{name}.npy").write_bytes(saved(np.full(10, number)))
    sources = [open_source(str(tmp_path / f"{name}.npy"), role="pred") for name in "ab"]
    for source, number in zip(sources, (1.0, 2.0), strict=True):
        assert [block.flat.tolist() for block in source.blocks(10)] == [[number] * 10]
        assert len(list(source.blocks(3))) == 4
    (tmp_path / "a.npy").unlink()
    with pytest.raises(DataError, match="vanished"):
        list(sources[0].blocks(10))


def test_blocks_do_not_share_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(saved(np.arange(100)))
    blocks = [block.flat for block in open_source(str(path), role="pred").blocks(7)]
    assert np.concatenate(blocks).tolist() == list(range(100))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 140), st.booleans())
def test_any_bytes_end_in_a_result_or_an_error(junk: bytes, at: int, insert: bool) -> None:
    data = saved(np.arange(6.0).reshape(2, 3))
    data = data[:at] + junk + data[at + (0 if insert else len(junk)) :]
    failure = None
    try:
        for block in open_source("-", role="pred", stdin=io.BytesIO(data)).blocks(1):
            assert len(block.flat) > 0
    except LossctlError as error:
        failure = error
    assert failure is None or (failure.exit_code in (3, 6) and str(failure).isprintable())


def test_memory_is_lent_again_once_no_view_is_left() -> None:
    buffers = Buffers()
    first = buffers.take(WORTH)
    place = first.ctypes.data
    view = first.view(np.float64)[3:]
    del first
    second = buffers.take(WORTH)
    assert second.ctypes.data != place
    del view
    assert buffers.take(WORTH).ctypes.data == place
    assert len(buffers.take(2 * WORTH)) == 2 * WORTH


def test_rows_longer_than_a_piece(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(saved(np.arange(40.0).reshape(2, 20)))
    pieces = list(open_source(str(tmp_path / "a.npy"), role="pred").pieces(16))
    assert [len(piece) for piece in pieces] == [16, 16, 8]
    assert np.concatenate(pieces).tolist() == list(range(40))
