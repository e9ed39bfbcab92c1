"""What stdout and the output files hold: every number reads back, JSON is strict and has its schema."""

import csv
import io
import json
import math

import numpy as np
import pyarrow.parquet as pq
import pytest

import lossctl

SIGNATURE = f"|format=xyxy|reduction=mean|arithmetic=float64|lossctl={lossctl.__version__}"
TWO = ("box", "giou,iou", "0,0,4,4;1,1,2,2", "0,0,4,4;3,3,4,4")
GIOU, IOU = (0 + 1 + 7 / 9) / 2, 0.5


def strict(text):
    """Parse JSON; NaN and Infinity are no JSON."""

    def refuse(token):
        raise AssertionError(f"{token} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_numbers_are_the_shortest_that_read_back(here):
    assert here("regression", "mae", "2", "1").out == "1\n"
    assert here("regression", "mae", ".3", ".1").out == f"{0.3 - 0.1!r}\n"
    assert here("regression", "mse", "1e200", "1").out == "inf\n"


def test_json_of_one_loss_is_the_schema(here, tmp_path):
    pred = tmp_path / "pred.csv"
    pred.write_text("x1,y1,x2,y2\n0,0,4,4\n1,1,2,2\n")
    answer = here("box", "giou", pred, "0,0,4,4;3,3,4,4", "--format", "json")
    assert answer.out.count("\n") == 1
    assert strict(answer.out) == {
        "schema": "lossctl.result/1",
        "results": [
            {
                "loss": "giou", "family": "box", "parameters": {}, "reduction": "mean", "value": pytest.approx(GIOU),
                "count": 2, "ignored": 0, "degenerate": 0, "signature": f"giou{SIGNATURE}",
            }
        ],
        "inputs": [
            {"role": "pred", "path": str(pred), "shape": [2, 4], "dtype": "float64"},
            {"role": "target", "path": "target", "shape": [2, 4], "dtype": "float64"},
        ],
        "warnings": [],
    }  # fmt: skip
    assert list(strict(answer.out)) == ["schema", "results", "inputs", "warnings"]


def test_json_of_values(here):
    answer = strict(here(*TWO, "--reduction=none", "--format=json").out)
    assert [set(result) & {"value", "values"} for result in answer["results"]] == [{"values"}] * 2
    assert answer["results"][0]["values"] == [0.0, pytest.approx(2 * GIOU)]


def test_json_counts(here):
    answer = strict(here("box", "iou", "1,1,1,1;0,0,1,1", "0,0,1,1;0,0,1,1", "--format=json").out)
    assert answer["results"][0]["degenerate"] == 1
    answer = strict(here("regression", "mae", "1,2,3", "1,255,4", "--ignore-index=255", "--format=json").out)
    assert (answer["results"][0]["count"], answer["results"][0]["ignored"]) == (2, 1)
    answer = strict(here("pixel", "dice", ".5,.5", "0,0", "--input=probs", "--format=json").out)
    assert answer["results"][0]["absent"] == 0


def test_json_of_infinity_is_a_text(here):
    answer = strict(here("box", "iou(form=log)", "0,0,1,1", "5,5,6,6", "--format=json").out)
    assert answer["results"][0]["value"] == "inf"
    assert answer["warnings"] == ["1 of 1 items have an infinite iou"]


def test_plain(here):
    assert here(*TWO).out == f"giou\t{GIOU!r}\niou\t0.5\n"
    assert here("box", "giou", *TWO[2:], "--reduction=none").out == f"0\n{2 * GIOU!r}\n"
    assert here(*TWO, "--reduction=none").out == f"giou\tiou\n0\t0\n{2 * GIOU!r}\t1\n"


def test_csv(here):
    rows = list(csv.DictReader(io.StringIO(here(*TWO, "--format=csv").out)))
    assert [(row["loss"], float(row["value"]), row["count"]) for row in rows] == [
        ("giou", GIOU, "2"),
        ("iou", IOU, "2"),
    ]
    assert rows[0]["signature"] == f"giou{SIGNATURE}"
    assert here(*TWO, "--reduction=none", "--format=csv").out == f"item,giou,iou\n0,0,0\n1,{2 * GIOU!r},1\n"


def test_markdown(here):
    lines = here(*TWO, "--format=markdown").out.splitlines()
    assert lines[:4] == [
        "| loss | value | count |",
        "| --- | ---: | ---: |",
        f"| giou | {GIOU!r} | 2 |",
        "| iou | 0.5 | 2 |",
    ]
    assert lines[5].strip() == f"`giou{SIGNATURE}`"


def test_table(here):
    text = here(*TWO, "--format=table").out
    assert [line.split() for line in text.splitlines() if line.startswith(("loss", "giou ", "iou "))] == [
        ["loss", "value", "count"], ["giou", repr(GIOU), "2"], ["iou", "0.5", "2"],
    ]  # fmt: skip
    assert f"giou{SIGNATURE}" in text


def test_losses_of_different_items_make_no_table(here, samples):
    asked = (
        "pixel",
        "bce,dice",
        samples / "mask_logits.npy",
        samples / "mask_target.npy",
        "--input=logits",
        "--reduction=none",
    )
    answer = here(*asked)
    assert answer.code == 2
    assert answer.error() == "the losses have different numbers of values: bce 9216, dice 1"
    assert [len(result["values"]) for result in strict(here(*asked, "--format=json").out)["results"]] == [9216, 1]


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_output_files(here, tmp_path, reduction):
    asked = (*TWO, f"--reduction={reduction}")
    for ending in ("csv", "json", "npy", "parquet"):
        assert here(*asked, "-o", tmp_path / f"out.{ending}") == (0, "", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "out.json", "out.npy", "out.parquet"]
    assert (tmp_path / "out.csv").read_text() == here(*asked, "--format=csv").out
    assert (tmp_path / "out.json").read_text() == here(*asked, "--format=json").out
    table = pq.read_table(tmp_path / "out.parquet").to_pydict()
    if reduction == "mean":
        assert np.load(tmp_path / "out.npy").tolist() == [GIOU, IOU]
        assert table == {
            "loss": ["giou", "iou"], "value": [GIOU, IOU], "count": [2, 2],
            "signature": [f"giou{SIGNATURE}", f"iou(form=linear){SIGNATURE}"],
        }  # fmt: skip
    else:
        assert np.load(tmp_path / "out.npy").tolist() == [[0, 0], [2 * GIOU, 1]]
        assert table == {"item": [0, 1], "giou": [0, 2 * GIOU], "iou": [0, 1]}


@pytest.mark.parametrize("ending", ["csv", "npy"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_gradients_have_the_shape_and_the_columns_of_pred(here, samples, tmp_path, ending, reduction):
    pred, target = (np.load(samples / f"boxes_{side}.npy") for side in ("pred", "target"))
    expected = lossctl.loss("giou").gradient(pred, target, reduction=reduction)
    answer = here(
        "box", "giou", samples / f"boxes_pred.{ending}", samples / f"boxes_target.{ending}",
        "--gradient", tmp_path / f"g.{ending}", f"--reduction={reduction}",
    )  # fmt: skip
    assert answer.code == 0
    assert float(answer.out) == lossctl.loss("giou")(pred, target, reduction=reduction)
    if ending == "npy":
        assert np.array_equal(np.load(tmp_path / "g.npy"), expected)
    else:
        head, *rows = (tmp_path / "g.csv").read_text().splitlines()
        assert head == "x1,y1,x2,y2"
        assert np.array_equal([list(map(float, row.split(","))) for row in rows], expected)


def test_gradients_of_several_losses(here, samples, tmp_path):
    sides = samples / "boxes_pred.npy", samples / "boxes_target.npy"
    assert here("box", "giou,iou", *sides, "--gradient", tmp_path / "{loss}.npy").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["giou.npy", "iou.npy"]


def test_gradient_of_logits(here, samples, tmp_path):
    sides = samples / "classes_logits.npy", samples / "classes_target.npy"
    options = ("--input=logits", "--ignore-index=255", "--gradient", tmp_path / "g.npy")
    assert here("pixel", "ce", *sides, *options).code == 0
    gradient, ignored = np.load(tmp_path / "g.npy"), np.load(sides[1]) == 255
    assert gradient.shape == (3, 64, 64)
    assert not gradient[:, ignored].any()
    assert math.isclose(np.abs(gradient.sum(axis=0)).max(), 0, abs_tol=1e-15)
