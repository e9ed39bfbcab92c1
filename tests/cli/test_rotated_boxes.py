"""Boxes of five numbers on the command line: which columns, which unit, which losses, and what goes wrong."""

import json
import math

import numpy as np
import pytest

import lossctl
from lossctl.loss import find, names

PRED, TARGET = "0,0,10,4,0.3", "1,0,10,5,0.2"
VALUE = 0.1848962548632096
ROTATED = [name for name in names("box") if find(name).shape == "rotated"]
UPRIGHT = [name for name in names("box") if find(name).shape == "boxes"]


def test_numbers_and_arrays_agree(here, tmp_path):
    assert here("box", "probiou", PRED, TARGET) == (0, f"{VALUE!r}\n", "")
    assert lossctl.loss("probiou")([[0, 0, 10, 4, 0.3]], [[1, 0, 10, 5, 0.2]]) == VALUE
    np.save(tmp_path / "p.npy", np.array([[0, 0, 10, 4, 0.3]]))
    assert here("box", "probiou", tmp_path / "p.npy", TARGET).out == f"{VALUE!r}\n"


@pytest.mark.parametrize(
    "header", ["cx,cy,w,h,theta", "x_center,y_center,width,height,ANGLE", "cx,cy,width,height,rotation"]
)
def test_columns_by_name(here, tmp_path, header):
    turned = ",".join(header.split(",")[::-1])
    (tmp_path / "p.csv").write_text(f"id,{turned}\n7,0.3,4,10,0,0\n")
    assert here("box", "probiou", tmp_path / "p.csv", TARGET).out == f"{VALUE!r}\n"


def test_degrees(here):
    p, t = (f"{text.rpartition(',')[0]},{math.degrees(float(text.rpartition(',')[2]))!r}" for text in (PRED, TARGET))
    answer = here("box", "probiou", p, t, "--degrees", "--format=json")
    result = json.loads(answer.out)["results"][0]
    assert result["value"] == pytest.approx(VALUE, rel=1e-14)
    assert "|angle=degrees|" in result["signature"]
    assert (
        "|angle=radians|"
        in json.loads(here("box", "gwd", PRED, TARGET, "--format=json").out)["results"][0]["signature"]
    )
    # A quarter turn with its sides exchanged is exactly the same box.
    assert here("box", "kld", "3,4,10,2,30", "3,4,2,10,-60", "--degrees").out == "0\n"


def test_all_are_those_that_fit(here):
    five, four = here("box", "all", PRED, TARGET), here("box", "all", "0,0,4,4", "0,0,4,5")
    assert [line.split("\t")[0] for line in five.out.splitlines()] == ROTATED
    assert set(UPRIGHT) > {line.split("\t")[0] for line in four.out.splitlines()} >= {"giou", "box-l1"}
    assert here("box", "all", "1,2,3", "1,2,3").code == 3


def test_all_of_a_table(here, tmp_path):
    (tmp_path / "p.csv").write_text("cx,cy,w,h,theta\n0,0,10,4,0.3\n")
    (tmp_path / "q.csv").write_text("score,x1,y1,x2,y2\n.5,0,0,10,4\n")
    assert [line.split("\t")[0] for line in here("box", "all", tmp_path / "p.csv", TARGET).out.splitlines()] == ROTATED
    assert "giou\t" in here("box", "all", tmp_path / "q.csv", "0,0,4,4").out


def test_gradient_keeps_its_columns(here, tmp_path):
    (tmp_path / "p.csv").write_text("cx,cy,w,h,theta\n0,0,10,4,0.3\n")
    assert here("box", "gwd", tmp_path / "p.csv", TARGET, "--gradient", tmp_path / "g.csv").code == 0
    header, row = (tmp_path / "g.csv").read_text().splitlines()
    assert header == "cx,cy,w,h,theta"
    expected = lossctl.loss("gwd").gradient([[0, 0, 10, 4, 0.3]], [[1, 0, 10, 5, 0.2]])
    assert [float(x) for x in row.split(",")] == expected[0].tolist()


def test_a_loss_of_ones_own(here, tmp_path):
    (tmp_path / "mine.py").write_text(
        'SHAPE = "rotated"\n'
        "def value(p, g, turn):\n    return turn[0] * turn[0]\n"
        "def slope(p, g, turn):\n    return 0.0, 0.0, 0.0, 0.0, 2 * turn[0] * turn[1]\n"
    )
    mine, boxes = str(tmp_path / "mine.py"), ("0,0,1,1,75", "0,0,1,1,45")
    assert float(here("box", mine, *boxes, "--degrees").out) == pytest.approx(0.25, rel=1e-15)
    slope = lossctl.loss(mine).gradient([[0, 0, 1, 1, 75]], [[0, 0, 1, 1, 45]], degrees=True)
    assert slope[0, 4] == pytest.approx(math.sqrt(0.75) * math.pi / 180, rel=1e-15)


def test_flat_boxes_are_counted(here):
    answer = here("box", "probiou", "0,0,6,0,0;1,1,2,2,0", "1,0,4,0,0;1,1,2,2,0", "--format=json")
    assert json.loads(answer.out)["results"][0]["degenerate"] == 1


FIVE = f"boxes of 5 numbers are for {', '.join(ROTATED)}"
FOUR = f"boxes of 4 numbers are for {', '.join(UPRIGHT[:4])}, …"
FORM = "a box is cx,cy,w,h,angle"
REFUSED = [
    (["probiou", "0,0,10,4", TARGET], 3, "pred: 4 numbers in a row, expected 5", FOUR),
    (["giou", "0,0,10,4", TARGET], 3, "target: 5 numbers in a row, expected 4", f"rows are separated by ';'; {FIVE}"),
    (["giou,probiou", PRED, TARGET], 3, "the prediction is 1×5, expected N×4: one box a row", FIVE),
    (["gwd", "0,0,-1,4,0", TARGET], 3, "pred row 0: negative size in (0, 0, -1, 4, 0)", FORM),
    (["gwd", PRED, "0,0,1,-4,0"], 3, "target row 0: negative size in (0, 0, 1, -4, 0)", FORM),
    (["kld", "0,0,1,4,2e6", TARGET], 3, "pred row 0: angle beyond ±1000000 radians in (0, 0, 1, 4, 2000000)", FORM),
    (["gwd", PRED, TARGET, "--box-format=xywh"], 2, "--box-format has no effect on gwd", "lossctl box gwd --help"),
    (["giou", "0,0,1,1", "0,0,1,1", "--degrees"], 2, "--degrees has no effect on giou", "lossctl box giou --help"),
    (["gwd", PRED, TARGET, "--tau=0"], 2, "tau is 0; expected ≥ 1", ""),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "code", "message", "hint"), REFUSED, ids=lambda part: str(part)[:60])
def test_refused(here, arguments, code, message, hint):
    answer = here("box", *arguments)
    assert (answer.code, answer.error(), answer.hint) == (code, message, hint)


def test_tables_of_the_other_width(here, tmp_path):
    (tmp_path / "four.csv").write_text("0,0,10,4\n")
    np.save(tmp_path / "five.npy", np.ones((3, 5)))
    assert FOUR in here("box", "probiou", tmp_path / "four.csv", TARGET).hint
    assert FIVE in here("box", "giou", tmp_path / "five.npy", "0,0,1,1").hint


def test_an_upright_box_beside_a_number_is_not_a_rotated_box(here, tmp_path):
    (tmp_path / "p.csv").write_text("id,x1,y1,x2,y2\n7,0,0,10,4\n")
    answer = here("box", "probiou", tmp_path / "p.csv", TARGET)
    assert answer.code == 3
    assert answer.error() == f"{tmp_path / 'p.csv'}:1: x1,y1,x2,y2 are a box of 4 numbers"
    assert answer.hint.startswith(FOUR)
    assert here("box", "probiou", f"{tmp_path / 'p.csv'}::1,2,3,4,0", TARGET).code == 0


def test_python_refuses_the_same():
    with pytest.raises(lossctl.UsageError, match="degrees has no effect on giou"):
        lossctl.loss("giou")([[0, 0, 1, 1]], [[0, 0, 1, 1]], degrees=True)
    with pytest.raises(lossctl.UsageError, match="box_format has no effect on gwd"):
        lossctl.loss("gwd")([[0, 0, 1, 1, 0]], [[0, 0, 1, 1, 0]], box_format="xywh")
    with pytest.raises(lossctl.DataError, match="expected N×5"):
        lossctl.loss("gwd")([[0, 0, 1, 1]], [[0, 0, 1, 1]])
