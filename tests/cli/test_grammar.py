"""Every way to name a loss and to point at data."""

import gzip
import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import lossctl

BOX = "10,10,50,60"
OTHER = "12,8,48,66"
GIOU = 0.22707981673498914


def value(answer):
    assert answer.code == 0, answer.err
    return float(answer.out)


@pytest.fixture
def boxes(samples):
    return samples / "boxes_pred.csv", samples / "boxes_target.csv"


def test_one_number(here):
    assert here("box", "giou", BOX, OTHER) == (0, f"{GIOU!r}\n", "")
    assert lossctl.loss("giou")([[10, 10, 50, 60]], [[12, 8, 48, 66]]) == GIOU


@pytest.mark.parametrize("pred", ["-1,0,4,4", "-1e0,0,4,4", "-.5e1,0,4,4", " -1,0,4,4", "1,2,3,4;-1,0,4,4"])
def test_negative_numbers_are_no_options(here, pred):
    target = "0,0,4,4;0,0,4,4" if ";" in pred else "0,0,4,4"
    answer = here("box", "iou", pred, target)
    assert answer.code == 0
    assert 0 < float(answer.out) < 1


def test_several_losses(here, boxes):
    answer = here("box", "giou,ciou(gate=0.5), diou", *boxes)
    rows = [line.split("\t") for line in answer.out.splitlines()]
    assert [name for name, _ in rows] == ["giou", "ciou", "diou"]
    for name, shown in rows:
        alone = here("box", "ciou(gate=0.5)" if name == "ciou" else name, *boxes)
        assert alone.out == shown + "\n"


def test_the_same_loss_twice_is_told_apart(here):
    answer = here("box", "ciou,ciou(gate=.5)", "0,0,20,5", "0,0,10,10")
    assert [line.split("\t")[0] for line in answer.out.splitlines()] == ["ciou(gate=0)", "ciou(gate=0.5)"]


@pytest.mark.parametrize(
    ("family", "files", "options", "expected"),
    [
        ("box", ("boxes_pred.csv", "boxes_target.csv"), [], ["box-l1", "ciou", "giou", "iou"]),
        ("pixel", ("mask_logits.npy", "mask_target.npy"), ["--input=logits"], ["dice", "jaccard", "tversky"]),
        ("classification", ("digits_logits.npy", "digits_target.npy"), ["--input=logits"], ["ce", "js", "kl"]),
        ("classification", ("cancer.csv", "cancer.csv"), ["--input=logits"], ["bce", "focal"]),
        ("regression", ("diabetes.csv", "diabetes.csv"), [], ["huber", "mae", "rmse"]),
    ],
)
def test_all_are_those_that_fit(here, samples, family, files, options, expected):
    answer = here(family, "all", *(samples / file for file in files), *options)
    assert answer.code == 0
    assert set(expected) <= {line.split("\t")[0] for line in answer.out.splitlines()} <= set(lossctl.losses())


def test_parameters_as_options_or_in_the_name(here):
    as_options = here("pixel", "tversky", ".2,.9", "0,1", "--input=probs", "--fp-weight", ".1", "--fn-weight=2")
    in_the_name = here("pixel", "tversky(fp_weight=.1, fn-weight=2)", ".2,.9", "0,1", "--input=probs")
    assert as_options == in_the_name
    assert value(as_options) != value(here("pixel", "tversky", ".2,.9", "0,1", "--input=probs"))


def test_switches(here):
    assert value(here("pixel", "dice", ".2,.9", "0,1", "--input=probs", "--squared")) == value(
        here("pixel", "dice(squared=yes)", ".2,.9", "0,1", "--input=probs")
    )


def test_columns(here, boxes):
    pred, target = boxes
    by_name = here("box", "giou", f"{pred}::x1,y1,x2,y2", f"{target}::x1,y1,x2,y2")
    assert by_name == here("box", "giou", f"{pred}::1..4", f"{target}::x1..y2") == here("box", "giou", *boxes)


def test_one_file_for_both_sides(here, tmp_path):
    pairs = tmp_path / "pairs.csv"
    pairs.write_text(f"px1,py1,px2,py2,tx1,ty1,tx2,ty2,note\n{BOX},{OTHER},a cup\n")
    assert value(here("box", "giou", f"{pairs}::px1..py2", f"{pairs}::tx1,ty1,tx2,ty2")) == GIOU


def test_a_file_wins_over_its_selector(here, tmp_path):
    (tmp_path / "a::b").write_text("1\n2\n")
    assert value(here("regression", "mae", tmp_path / "a::b", "1,4")) == 1


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("ending", ["csv", "npy"])
def test_standard_input(command, samples, ending, zipped):
    pred, target = samples / f"boxes_pred.{ending}", samples / f"boxes_target.{ending}"
    data = gzip.compress(pred.read_bytes()) if zipped else pred.read_bytes()
    assert command("box", "giou", "-", target, input=data) == command("box", "giou", pred, target)


def test_columns_of_standard_input(command, boxes):
    pred, target = boxes
    assert command("box", "giou", "-::x1,y1,x2,y2", target, input=pred.read_bytes()).code == 0


def test_fifos(command, samples, tmp_path):
    fifos = []
    for side in ("pred", "target"):
        fifo = tmp_path / side
        os.mkfifo(fifo)
        data = (samples / f"boxes_{side}.npy").read_bytes()
        threading.Thread(target=fifo.write_bytes, args=(data,), daemon=True).start()
        fifos.append(fifo)
    # Two losses read twice what can be read only once.
    answer = command("box", "giou,iou", *fifos)
    assert answer.out.startswith("giou\t0.26123226433743046\niou\t")


def test_process_substitution(samples):
    line = f"{sys.executable} -m lossctl box giou,iou <(gzip -c boxes_pred.npy) <(cat boxes_target.npy)"
    done = subprocess.run(["bash", "-c", line], cwd=samples, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.startswith("giou\t0.26123226433743046\niou\t")


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", ">f2", "<i8", ">i4", "|u1", "|i1"])
@pytest.mark.parametrize("order", "CF")
def test_arrays_of_every_kind_give_the_same_bits(here, tmp_path, dtype, order):
    pred, target = np.array([[0, 0, 8, 8], [2, 2, 4, 9]]), np.array([[0, 1, 8, 8], [2, 2, 6, 9]])
    for name, array in (("p", pred), ("t", target)):
        np.save(tmp_path / f"{name}.npy", np.array(array, dtype, order=order))
    expected = here("box", "ciou", "0,0,8,8;2,2,4,9", "0,1,8,8;2,2,6,9").out
    assert here("box", "ciou", tmp_path / "p.npy", tmp_path / "t.npy").out == expected


@pytest.mark.parametrize("kind", ["row", "rows", "csv", "column", "npy"])
def test_weights(here, tmp_path, kind):
    (tmp_path / "w.csv").write_text("weight\n1\n0\n3\n")
    (tmp_path / "table.csv").write_text("name,importance\na,1\nb,0\nc,3\n")
    np.save(tmp_path / "w.npy", [1, 0, 3])
    source = {
        "row": "1,0,3", "rows": "1;0;3", "csv": tmp_path / "w.csv", "column": f"{tmp_path}/table.csv::importance",
        "npy": tmp_path / "w.npy",
    }[kind]  # fmt: skip
    assert value(here("regression", "mae", "1,2,3", "0,0,0", "--weights", source)) == 2.5


@pytest.mark.parametrize(
    ("options", "expected"),
    [([], 2), (["--reduction=sum"], 6), (["--normalizer=12"], 0.5), (["--ignore-index=0"], 2.5)],
)
def test_reductions(here, options, expected):
    assert value(here("regression", "mae", "1,2,3", "0,4,6", *options)) == expected


def test_layouts(here, tmp_path):
    scores = np.random.default_rng(0).normal(size=(3, 4, 4))
    labels = np.random.default_rng(1).integers(0, 3, (4, 4))
    np.save(tmp_path / "chw.npy", scores)
    np.save(tmp_path / "nhwc.npy", scores.transpose(1, 2, 0)[None])
    np.save(tmp_path / "labels.npy", labels)
    first = here("pixel", "ce", tmp_path / "chw.npy", tmp_path / "labels.npy", "--input=logits")
    last = here("pixel", "ce", tmp_path / "nhwc.npy", tmp_path / "labels.npy", "--input=logits", "--layout=NHWC")
    assert value(first) == pytest.approx(value(last), rel=1e-14)


def test_aggregate_is_asked_for(here, tmp_path):
    np.save(tmp_path / "p.npy", np.array([[[1.0, 0.5]], [[0.0, 1.0]]]))
    np.save(tmp_path / "t.npy", np.array([[[1, 0]], [[0, 1]]]))
    sides = (tmp_path / "p.npy", tmp_path / "t.npy", "--input=probs", "--layout=NHW")
    asked = here("pixel", "dice", *sides)
    assert (asked.code, asked.hint) == (2, "--aggregate per-image or --aggregate global")
    per_image, pooled = (value(here("pixel", "dice", *sides, f"--aggregate={how}")) for how in ("per-image", "global"))
    assert per_image == pytest.approx((1 - 2 / 2.5 + 0) / 2)
    assert pooled == pytest.approx(1 - 4 / 4.5)


def test_aggregate_is_asked_for_before_data_are_looked_at(here, tmp_path):
    np.save(tmp_path / "p.npy", np.full((2, 1, 2), np.nan))
    np.save(tmp_path / "t.npy", np.zeros((2, 1, 2)))
    sides = (tmp_path / "p.npy", tmp_path / "t.npy", "--input=probs", "--layout=NHW")
    assert here("pixel", "dice", *sides).code == 2
    assert here("pixel", "dice", *sides, "--aggregate=global").code == 3


def test_quiet_and_verbose(here, boxes):
    told = here("box", "giou", *boxes, "-v")
    assert told.out == here("box", "giou", *boxes).out
    assert told.err.splitlines() == [
        f"lossctl: pred: {boxes[0]} 106x4 float64",
        f"lossctl: target: {boxes[1]} 106x4 float64",
        "lossctl: giou|format=xyxy|reduction=mean|arithmetic=float64|lossctl=" + lossctl.__version__,
    ]
    disjoint = ("box", "iou(form=log)", "0,0,1,1", "5,5,6,6")
    assert here(*disjoint) == (0, "inf\n", "lossctl: warning: 1 of 1 items have an infinite iou\n")
    assert here(*disjoint, "-q") == (0, "inf\n", "")


def test_list(here):
    listed = [line.split("\t") for line in here("list").out.splitlines()]
    assert [name for name, _, _ in listed] == lossctl.losses()
    assert [row["name"] for row in json.loads(here("list", "--format=json").out)] == lossctl.losses()
    assert [line.split("\t")[0] for line in here("list", "REZATOFIGHI", "enclosing").out.splitlines()] == ["giou"]


def test_explain(here):
    text = here("explain", "tversky").out
    for part in ("tversky (region)", "Formula\n", "fp-weight", "0.3", "lossctl pixel tversky", "arXiv:1706.05721"):
        assert part in text


def test_env(here):
    facts = dict(line.split("\t", 1) for line in here("env").out.splitlines())
    assert facts["lossctl"] == lossctl.__version__
    assert facts["numpy"] == np.__version__
    assert json.loads(here("env", "--format=json").out) == facts


def test_version(here):
    assert here("--version") == (0, f"lossctl {lossctl.__version__}\n", "")
