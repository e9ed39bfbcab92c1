"""NPY files that lie, and those that are only unusual, through the real command."""

import io
import resource
import struct
import time

import numpy as np
import pytest

TARGET = "1,2,3,4;5,6,7,8"
BOXES = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])


def saved(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def raw(header, data=b"", version=(1, 0)):
    size = struct.pack("<H" if version == (1, 0) else "<I", len(header))
    return b"\x93NUMPY" + bytes(version) + size + header.encode("latin-1") + data


def declared(shape, descr="'<f8'", data=b""):
    return raw(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n", data)


SOUND = saved(BOXES.astype(float))
REFUSED = {
    "magic alone": (SOUND[:6], "truncated NPY header"),
    "truncated header": (SOUND[:60], "truncated NPY header"),
    "truncated data": (SOUND[:-8], "expected 64 bytes of data (shape 2x4, float64), the file has 56"),
    "trailing bytes": (SOUND + b"\0", "expected 64 bytes of data (shape 2x4, float64), the file has 65"),
    "version 9.9": (SOUND[:6] + b"\x09\x09" + SOUND[8:], "NPY version 9.9"),
    "bad magic": (b"\x92" + SOUND[1:], ""),
    "text": (b"1,2,3,4\nnot numbers\n", ""),
    "pickle": (b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00]\x94(K\x01K\x02e.", ""),
    "20 KB header": (raw("{" + " " * 20_000 + "'descr'"), "malformed NPY header"),
    "no dict": (raw("[1, 2]\n"), "malformed NPY header"),
    "import": (raw("__import__('os').system('touch owned')\n"), "malformed NPY header"),
    "import as a value": (declared("__import__('os').system('touch owned')"), "malformed NPY header"),
    "parentheses": (declared("(" * 4000 + ")" * 4000), "malformed NPY header"),
    "objects": (saved(np.array([None, 1], object)), "the items are Python objects (a pickle)"),
    "records": (saved(np.zeros(2, "f8,f8")), "records"),
    "strings": (saved(np.array(["a", "b"])), "the items are text"),
    "dates": (saved(np.array(["2026-01-01"], "M8[D]")), "the items are dates"),
    "complex": (saved(np.array([1j])), "the items are complex numbers"),
    "longdouble": (saved(np.zeros(2, np.longdouble)), "the items are floats of an unusual width"),
    "V0": (declared("(2,)", "'|V0'"), "the items are raw bytes"),
    "10^12 items": (declared("(1000000000000,)"), "expected 8000000000000 bytes of data"),
    "2^64 items": (declared("(4294967296, 4294967296)"), "expected "),
    "negative": (declared("(-1,)"), "NPY header: shape (-1,)"),
    "a bool": (declared("(True,)"), "NPY header: shape (True,)"),
    "a float": (declared("(3.0,)"), "NPY header: shape (3.0,)"),
    "70 dimensions": (declared(f"({'1, ' * 70})"), "NPY header: 70 dimensions"),
    "an empty array": (saved(np.zeros((0, 4))), "no items"),
    "not boxes": (saved(np.zeros((2, 5))), None),
}  # fmt: skip


@pytest.mark.parametrize("fault", REFUSED)
def test_refused(command, tmp_path, fault):
    data, message = REFUSED[fault]
    (tmp_path / "p.npy").write_bytes(data)
    answer = command("box", "giou", "p.npy", TARGET, cwd=tmp_path)
    assert answer.code == 3
    assert "allow_pickle" not in answer.err
    if fault == "an empty array":
        assert answer.error() == "0 predictions but 2 targets (p.npy 0x4, target 2x4)"
    elif message is None:
        assert answer.error() == "the prediction is 2×5, expected N×4: one box a row"
    else:
        assert answer.error().startswith("p.npy" if not message else f"p.npy: {message}")
    assert [path.name for path in tmp_path.iterdir()] == ["p.npy"]


@pytest.mark.parametrize("fault", ["parentheses", "10^12 items", "2^64 items"])
def test_refused_in_no_time_and_space(here, tmp_path, fault):
    (tmp_path / "p.npy").write_bytes(REFUSED[fault][0])
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    assert here("box", "giou", tmp_path / "p.npy", TARGET).code == 3
    assert time.perf_counter() - started < 0.25
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4096


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f2", "<f4", "<i8", ">i2", "|u1"])
@pytest.mark.parametrize("order", "CF")
def test_unusual_and_fine(here, tmp_path, dtype, order):
    (tmp_path / "p.npy").write_bytes(saved(np.array(BOXES, dtype, order=order)))
    assert here("box", "giou", tmp_path / "p.npy", TARGET) == (0, "0\n", "")


def test_bool_and_zero_dimensions(here, tmp_path):
    np.save(tmp_path / "mask.npy", np.array([[True, False], [False, True]]))
    np.save(tmp_path / "one.npy", np.float64(3))
    assert here("pixel", "dice", tmp_path / "mask.npy", tmp_path / "mask.npy", "--input=probs").out == "0\n"
    assert here("regression", "mae", tmp_path / "one.npy", "1").out == "2\n"
