"""Text that is wrong ends in one located line, through the real command; text that only looks odd is read."""

import gzip
import math

import pytest

HEAD = b"x1,y1,x2,y2\n1,2,3,4\n"
GOOD = "1,2,3,4;5,6,7,8"

REFUSED = {
    "short row": (HEAD + b"5,6,7\n", "p.csv:3: 3 fields, expected 4"),
    "long row": (HEAD + b"5,6,7,8,9\n", "p.csv:3: 5 fields, expected 4"),
    "empty": (b"", "p.csv: empty file"),
    "header only": (b"x1,y1,x2,y2\n", "p.csv: no rows, only a header"),
    "unclosed quote": (HEAD + b'5,6,7,"8\n', "p.csv:3: unclosed quote"),
    "quoted newline": (HEAD + b'5,6,7,"8\n"\n', "p.csv:3: column y2: '8\\n' is not a number"),
    "word": (HEAD + b"5,six,7,8\n", "p.csv:3: column y1: 'six' is not a number"),
    "nan": (HEAD + b"5,nan,7,8\n", "p.csv:3: column y1: 'nan' is not finite"),
    "inf": (HEAD + b"5,6,inf,8\n", "p.csv:3: column x2: 'inf' is not finite"),
    "NA": (HEAD + b"5,NA,7,8\n", "p.csv:3: column y1: 'NA' is a missing value"),
    "empty field": (HEAD + b"5,,7,8\n", "p.csv:3: column y1: empty field, expected a number"),
    "null": (HEAD + b"5,null,7,8\n", "p.csv:3: column y1: 'null' is a missing value"),
    "overflow": (HEAD + b"5,6,1e999,8\n", "p.csv:3: column x2: '1e999' overflows to infinity"),
    "thousands": (HEAD + b'5,6,"1,234",8\n', "p.csv:3: column x2: '1,234' is not a number"),
    "grouped": (HEAD + b"5,6,1_000,8\n", "p.csv:3: column x2: '1_000' is not a number"),
    "Arabic digits": (HEAD + "5,6,٧,8\n".encode(), "p.csv:3: column x2: '٧' is not a number"),
    "hexadecimal": (HEAD + b"5,6,0x10,8\n", "p.csv:3: column x2: '0x10' is not a number"),
    "U+2212": (HEAD + "5,6,−7,8\n".encode(), "p.csv:3: column x2: '−7' is not a number"),
    "semicolons": (b"x1;y1;x2;y2\n1;2;3;4\n", "p.csv:1: 1 column, expected 4: x1;y1;x2;y2"),
    "decimal comma": (HEAD + b'5,6,"7,5",8\n', "p.csv:3: column x2: '7,5' is not a number"),
    "unexpected header": (b"1,2,3,x\n1,2,3,4\n", "p.csv:1: neither a header nor a row of numbers: 1,2,3,x"),
    "header twice": (HEAD + HEAD, "p.csv:3: column x1: 'x1' is not a number"),
    "duplicate name": (b"x1,y1,x2,y2,x1\n1,2,3,4,5\n", "p.csv:1: duplicate column name 'x1'"),
    "missing name": (b"x1,y1,x2,z2\n1,2,3,4\n", None),
    "UTF-16": ("x1,y1,x2,y2\n1,2,3,4\n".encode("utf-16"), "p.csv: looks like UTF-16 text"),
    "Latin-1": (HEAD + b"5,6,7,8\xe9\n", "p.csv:3: byte 0xe9 is not UTF-8 at byte offset 27"),
    "broken UTF-8": (HEAD + b"5,6,7,8\xc3(\n", "p.csv:3: byte 0xc3 is not UTF-8 at byte offset 27"),
    "NUL": (HEAD + b"5,6,7,\x008\n", "p.csv:3: NUL byte at byte offset 26"),
    "ANSI escapes": (HEAD + b"5,6,\x1b[31m7,8\n", "p.csv:3: column x2: '\\x1b[31m7' is not a number"),
    "blank line": (HEAD + b"\n5,6,7,8\n", "p.csv:3: blank line"),
    "lone CR": (b"x1,y1,x2,y2\r1,2,3,4\r", "p.csv:1: a CR without an LF"),
    "broken gzip": (gzip.compress(HEAD)[:-4], "p.csv: "),
}  # fmt: skip


@pytest.mark.parametrize("fault", REFUSED)
def test_refused(command, tmp_path, fault):
    data, message = REFUSED[fault]
    (tmp_path / "p.csv").write_bytes(data)
    answer = command("box", "giou", "p.csv", GOOD, "-o", "out.csv", cwd=tmp_path)
    if message is None:
        # Four columns of other names are boxes all the same; by name they are not there.
        answer = command("box", "giou", "p.csv::x1,y1,x2,y2", GOOD, "-o", "out.csv", cwd=tmp_path)
        message = "p.csv:1: no column 'y2'"
        assert answer.hint == "the columns are x1,y1,x2,z2"
    assert answer.code == 3
    assert answer.error().startswith(message)
    assert [path.name for path in tmp_path.iterdir()] == ["p.csv"]


HINTS = {
    "semicolons": "the delimiter looks like ';'",
    "decimal comma": "a decimal comma?",
    "U+2212": "the minus sign is U+2212",
    "nan": "--nonfinite skip",
    "thousands": "a thousands separator?",
}


@pytest.mark.parametrize("fault", HINTS)
def test_hints(here, tmp_path, fault):
    (tmp_path / "p.csv").write_bytes(REFUSED[fault][0])
    assert HINTS[fault] in here("box", "giou", tmp_path / "p.csv", GOOD).hint


FINE = {
    "plain": HEAD + b"5,6,7,8\n",
    "no header": b"1,2,3,4\n5,6,7,8\n",
    "no newline at the end": HEAD + b"5,6,7,8",
    "BOM": b"\xef\xbb\xbf" + HEAD + b"5,6,7,8\n",
    "CRLF": (HEAD + b"5,6,7,8\n").replace(b"\n", b"\r\n"),
    "quoted": HEAD + b'"5","6",7,"8"\n',
    "text beside it": b'id,x1,y1,x2,y2\n"a\nb",1,2,3,4\nc,5,6,7,8\n',
    "gzip": gzip.compress(HEAD + b"5,6,7,8\n"),
}


@pytest.mark.parametrize("name", FINE)
def test_fine(command, tmp_path, name):
    (tmp_path / "p.csv").write_bytes(FINE[name])
    assert command("box", "giou", "p.csv", GOOD, cwd=tmp_path) == (0, "0\n", "")


@pytest.mark.parametrize("how", ["skip", "propagate"])
def test_nonfinite_on_request(here, tmp_path, how):
    (tmp_path / "p.csv").write_bytes(HEAD + b"5,nan,7,8\n")
    answer = here("box", "giou", tmp_path / "p.csv", GOOD, f"--nonfinite={how}")
    assert answer.code == 0
    if how == "skip":
        assert answer.out == "0\n"
        assert "1 of 2 items are left out" in answer.err
    else:
        assert math.isnan(float(answer.out))


def test_a_line_without_end_is_not_buffered(command, tmp_path):
    with (tmp_path / "p.csv").open("wb") as file:
        file.write(b"1,")
        file.truncate(100 << 20)
    answer = command("box", "giou", "p.csv", GOOD, cwd=tmp_path)
    assert answer.code in (3, 6)
    assert answer.error().startswith("p.csv:1: ")
    (tmp_path / "p.csv").write_bytes(b"1234567890" * (20 << 17))
    answer = command("box", "giou", "p.csv", GOOD, cwd=tmp_path)
    assert (answer.code, answer.error()) == (6, "p.csv:1: a line longer than 16 MiB")


def test_a_million_fields(command, tmp_path):
    (tmp_path / "p.csv").write_bytes(b"1," * 1_000_000 + b"1\n")
    answer = command("box", "giou", "p.csv", GOOD, cwd=tmp_path)
    assert (answer.code, answer.error()) == (6, "p.csv:1: more than 100000 fields in a line")


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_an_error_in_the_last_of_many_rows(command, tmp_path, reduction):
    (tmp_path / "p.csv").write_bytes(b"1,2,3,4\n" * 400_000 + b"1,2,3,four\n")
    answer = command("box", "giou", "p.csv", "p.csv", f"--reduction={reduction}", cwd=tmp_path)
    assert answer.code == 3
    assert answer.error() == "p.csv:400001: column 3: 'four' is not a number"


def test_escapes_in_names_are_shown(command, tmp_path):
    (tmp_path / "\x1b[31mred.csv").write_bytes(HEAD[:-2])
    answer = command("box", "giou", "\x1b[31mred.csv", GOOD, cwd=tmp_path)
    assert answer.code == 3
    assert answer.error().startswith("\\x1b[31mred.csv:2: ")
