"""Errors read as people grep them: one greppable line, then what to do about it."""

import json

import numpy as np
import pytest

BOX = ("1,2,3,4", "1,2,3,5")

USAGE = [
    (["bxo", "giou"], "unknown command 'bxo'; did you mean 'box'?", "the commands are box, "),
    (["giou", *BOX], "'giou' is a loss", "lossctl box giou …"),
    (["dice", *BOX], "'dice' is a loss", "lossctl pixel dice …"),
    (["box", "goiu", *BOX], "unknown loss 'goiu'; did you mean 'giou'?", "lossctl list"),
    (["box", "dice", *BOX], "dice is a region loss", "lossctl pixel dice …"),
    (["box", *BOX, "giou"], "'1,2,3,4' is no loss", "the loss comes first: lossctl box LOSS PRED TARGET"),
    (["box", "giou"], "missing PRED and TARGET", "lossctl box giou PRED TARGET"),
    (["box", "giou", "1,2,3,4"], "missing TARGET", "lossctl box giou PRED TARGET"),
    (["classification", "entropy"], "missing PRED", "lossctl classification entropy PRED"),
    (["box", "giou", *BOX, "1"], "more arguments than expected: 1", "lossctl box giou PRED TARGET"),
    (["explain"], "missing LOSS", "lossctl explain LOSS"),
    (["explain", "goiu"], "unknown loss 'goiu'; did you mean 'giou'?", "lossctl list"),
    (["list", "zzzz"], "no loss mentions zzzz", "lossctl list shows them all"),
    (["list", "--format=xml"], "format is 'xml'; expected table, plain or json", ""),
    (["env", "--format=xml"], "format is 'xml'; expected plain or json", ""),
    (
        ["box", "giou", *BOX, "--reductoin", "sum"],
        "unknown option --reductoin; did you mean --reduction?",
        "lossctl box giou --help",
    ),
    (["box", "giou", *BOX, "--reduction"], "--reduction needs a value", "lossctl box giou --help"),
    (
        ["box", "giou", *BOX, "--reduction=avg"],
        "reduction is 'avg'; expected none, sum, mean, hardest:F",
        "hardest:0.25 is the mean of the quarter of items with the largest losses",
    ),
    (["--reduction", "sum", "box", "giou", *BOX], "--reduction stands before the loss", "options follow it"),
    (["box", "--reduction", "sum", "giou", *BOX], "--reduction stands before the loss", "options follow it"),
    (["box", "giou", *BOX, "--input=logits"], "--input has no effect on giou", "lossctl box giou --help"),
    (["box", "giou", *BOX, "--gate=1"], "giou has no option --gate", "--gate belongs to "),
    (
        ["box", "giou,ciou", *BOX, "--gate=1"],
        "--gate is not an option of several losses, nor of one with parameters",
        "write it into the name: 'ciou(gate=…)'",
    ),
    (["box", "giou", *BOX, "--zzz"], "unknown option --zzz", "lossctl box giou --help"),
    (["box", "giou", *BOX, "--threads=x"], "threads is 'x'; expected a whole number", ""),
    (["box", "giou", *BOX, "--threads=0"], "threads is 0; expected 1 or more", ""),
    (["box", "giou", *BOX, "--normalizer=0"], "normalizer is 0; expected a number > 0", ""),
    (["box", "giou", *BOX, "--normalizer=x"], "normalizer is 'x'; expected a number", ""),
    (["box", "giou", *BOX, "--format=xml"], "format is 'xml'; expected table, plain, json, csv, markdown", ""),
    (["box", "ciou", *BOX, "--gate=3"], "gate is 3; expected 0..1", ""),
    (["box", "ciou(gat=.5)", *BOX], "ciou has no parameter 'gat'; did you mean 'gate'?", "ciou takes gate"),
    (
        ["box", "ciou(gate", *BOX],
        "cannot read the loss 'ciou(gate'",
        "giou, giou,ciou, 'ciou(gate=0.5)' or 'giou+2*iou'",
    ),
    (["box", "giou", "", "1,2,3,4"], "pred is an empty text", "a path, path::columns, - or numbers"),
    (["box", "giou", "-", "-"], "standard input can be read only once", "give one of the sides as a file"),
    (
        ["box", "giou", "-", "1,2,3,4", "--weights=-"],
        "standard input can be read only once",
        "give one of the sides as a file",
    ),
    (["box", "giou", *BOX, "--fail-above=x"], "fail-above is 'x'; expected a number, or loss=number", ""),
    (["box", "giou", *BOX, "--fail-above=nan"], "fail-above is 'nan'; expected a number, or loss=number", ""),
    (["box", "giou", *BOX, "--fail-above=iou=1"], "fail-above names iou, which is not evaluated", "evaluated: giou"),
    (
        ["box", "giou,iou", *BOX, "--gradient=g.npy"],
        "one gradient file for 2 losses",
        "--gradient 'gradient_{loss}.npy'",
    ),
    (["box", "giou", *BOX, "-o", "a.txt"], "a.txt: unknown ending, expected one of .csv, .json, .npy, .parquet", ""),
    (
        ["box", "giou", *BOX, "-o", "a.csv", "--gradient=a.csv"],
        "a.csv would be written twice",
        "give each output a file of its own",
    ),
    (
        ["box", "ciou,ciou(gate=1)", *BOX, "--gradient={loss}.csv"],
        "ciou.csv would be written twice",
        "give each output",
    ),
    (["pixel", "dice", ".5", "1"], "dice needs to know what the prediction is", "--input logits or --input probs"),
    (
        ["regression", "rmse", "1", "1", "--reduction=none"],
        "rmse is one number for all items; it has no reduction 'none'",
        "",
    ),
    (
        ["classification", "ce", ".5,.5", "1", "--input=probs", "--class-weights=1,x"],
        "class_weights is '1,x'; expected numbers with commas between",
        "",
    ),
]


@pytest.mark.parametrize(("arguments", "message", "hint"), USAGE, ids=lambda part: str(part)[:60])
def test_usage(here, arguments, message, hint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = here(*arguments)
    assert answer.code == 2
    assert answer.error() == message
    assert answer.hint.startswith(hint)
    assert bool(hint) == bool(answer.hint)
    assert not list(tmp_path.iterdir())


def test_no_arguments_show_the_help_and_fail(here):
    for arguments in ([], ["box"]):
        answer = here(*arguments)
        assert answer.code == 2
        assert answer.out == ""
        assert answer.err == here(*arguments, "--help").out


def labels(tmp_path):
    target = np.zeros((4, 5, 18), int)
    target[3, 0, 17] = target[3, 4, :4] = 255
    np.save(tmp_path / "labels.npy", target)
    np.save(tmp_path / "scores.npy", np.zeros((4, 20, 5, 18)))


def test_labels(here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labels(tmp_path)
    answer = here("pixel", "ce", "scores.npy", "labels.npy", "--input=logits")
    assert answer.code == 3
    assert answer.err == (
        "lossctl: error: labels.npy: label 255 at (3, 0, 17) is outside 0..19 (5 such values)\n"
        "  hint: --ignore-index 255\n"
    )
    assert here("pixel", "ce", "scores.npy", "labels.npy", "--input=logits", "--ignore-index=255").code == 0


def test_rows_and_lines(here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "preds.csv").write_text("x1,y1,x2,y2\n" + "1,2,3,4\n" * 5 + "1,2,3\n")
    answer = here("box", "giou", "preds.csv", "1,2,3,4")
    assert answer.err == (
        "lossctl: error: preds.csv:7: 3 fields, expected 4\n  hint: a row lost a column, or the delimiter is not ','\n"
    )


def test_inverted_boxes_are_named_where_they_stand(here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inline = here("box", "giou", "10,10,0,0", "1,1,2,2")
    assert inline.code == 3
    assert inline.err == (
        "lossctl: error: pred row 0: inverted box (10, 10, 0, 0): x2 < x1 and y2 < y1\n"
        "  hint: is it xywh? try --box-format xywh\n"
    )
    (tmp_path / "p.csv").write_text("x1,y1,x2,y2\n1,1,2,2\n10,1,0,2\n9,1,0,2\n")
    np.save(tmp_path / "p.npy", [[1, 1, 2, 2], [10, 1, 0, 2], [9, 1, 0, 2]])
    inverted = "row 1: inverted box (10, 1, 0, 2): x2 < x1 (2 such boxes)"
    assert here("box", "giou", "p.csv", "p.npy").error() == f"p.csv:3: {inverted}"
    assert here("box", "giou", "p.npy", "p.csv").error() == f"p.npy: {inverted}"
    told = json.loads(here("box", "giou", "p.csv", "p.npy", "--format=json").out)["error"]
    assert (told["message"], told["path"], told["line"]) == (inverted, "p.csv", 3)


def test_counts_that_differ(here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "preds.csv").write_text("1,1,2,2\n" * 1000)
    (tmp_path / "targets.csv").write_text("1,1,2,2\n" * 998)
    assert here("box", "giou", "preds.csv", "targets.csv").error() == (
        "1000 predictions but 998 targets (preds.csv 1000x4, targets.csv 998x4)"
    )


def test_columns_that_hold_the_target_are_not_scores(here, samples):
    file = samples / "digits_probs.csv"
    answer = here("classification", "ce", file, file, "--input=probs")
    assert answer.error() == f"{file}:1: column target among the predictions"
    assert answer.hint == f"choose: {file}::p0..p9"
    assert here("classification", "ce", f"{file}::p0..p9", file, "--input=probs").code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["box", "goiu", *BOX], 2), (["box", "giou", "none.csv", "1,2,3,4"], 3), (["box", "giou"], 2), (["bxo"], 2)],
)
def test_json_errors(here, arguments, code):
    shown, answer = here(*arguments), here(*arguments, "--format", "json")
    assert (answer.code, answer.err) == (code, "")
    told = json.loads(answer.out)
    assert told["schema"] == "lossctl.error/1"
    assert list(told["error"]) == ["message", "hint", "path", "line", "exit"]
    assert told["error"]["exit"] == code
    place = f"{told['error']['path']}: " if told["error"]["path"] else ""
    assert shown.error() == place + told["error"]["message"]
    assert shown.hint == (told["error"]["hint"] or "")


def test_a_bug_is_called_one(here, monkeypatch):
    monkeypatch.setattr("lossctl.run.joint.evaluate", lambda *_: {}["gone"])
    monkeypatch.delenv("LOSSCTL_DEBUG", raising=False)
    answer = here("box", "giou", *BOX)
    assert answer.code == 70
    assert answer.error().startswith("a bug in lossctl: KeyError: 'gone' (test_errors.py:")
