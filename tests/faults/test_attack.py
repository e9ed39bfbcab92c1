"""Any bytes offered as CSV or NPY end in a result, or in exit 3 or 6 with one line: never in a traceback."""

import io
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lossctl.cli.main import run

FIXED = settings(
    max_examples=150, derandomize=True, database=None, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
CSV = b"x1,y1,x2,y2\n1,2,3,4\n-5,6,7.5,8e0\n"
PIECES = [
    b",", b"\n", b"\r\n", b"\r", b'"', b'""', b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1f\x8b", b"nan", b"1e999", b"-",
    b"e", b".", b" ", b";", b"\t", b"x1", b"0" * 400, b"9" * 400, "−".encode(), b"\xc3", b"\x93NUMPY", b"1,2,3,4\n",
]  # fmt: skip


def npy():
    file = io.BytesIO()
    np.save(file, np.array([[1, 2, 3, 4], [5, 6, 7, 8]], float))
    return file.getvalue()


NPY = npy()


@st.composite
def mutated(draw, seed):
    """Bytes with some pieces put in, left out or overwritten."""
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        how = draw(st.sampled_from(["insert", "delete", "overwrite", "cut"]))
        piece = draw(st.one_of(st.sampled_from(PIECES), st.binary(min_size=1, max_size=6)))
        if how == "insert":
            data[at:at] = piece
        elif how == "delete":
            del data[at : at + len(piece)]
        elif how == "overwrite":
            data[at : at + len(piece)] = piece
        else:
            del data[at:]
    return bytes(data)


def outcome(path, data, capsys, *options):
    path.write_bytes(data)
    code = run(["box", "giou", str(path), str(path), *options])
    return code, *capsys.readouterr()


@pytest.mark.parametrize("seed", [CSV, NPY], ids=["csv", "npy"])
def test_mutations(seed, tmp_path, capsys):
    @FIXED
    @given(data=mutated(seed))
    def attack(data):
        code, out, err = outcome(tmp_path / "p", data, capsys)
        if code == 0:
            assert float(out) == 0
        else:
            assert code in (3, 6)
            assert out == ""
            assert err.startswith("lossctl: error: ")
            first, *rest = err.splitlines()
            assert first.isprintable()
            assert len(rest) <= 1
            assert all(line.startswith("  hint: ") for line in rest)

    attack()


@FIXED
@given(data=st.one_of(st.binary(max_size=300), st.binary(max_size=60).map(lambda tail: NPY[:10] + tail)))
def test_any_bytes_with_json(data, tmp_path, capsys):
    code, out, err = outcome(tmp_path / "p", data, capsys, "--format=json")
    assert code in (0, 3, 6)
    assert err == ""
    told = json.loads(out)
    assert told["schema"] == ("lossctl.result/1" if code == 0 else "lossctl.error/1")


@FIXED
@given(text=st.one_of(st.text(max_size=30), st.text(alphabet="0123456789-+.,;e: ", max_size=30)))
def test_any_text_as_numbers(text, capsys):
    code = run(["regression", "mae", f" {text}", "1,2"])
    out, err = capsys.readouterr()
    assert code in (0, 2, 3)
    assert bool(out) == (code == 0)
    assert err.count("lossctl: error: ") == (code != 0)
