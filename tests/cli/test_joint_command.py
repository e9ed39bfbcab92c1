"""Sums on the command line: `dice+0.5*ce` beside files, and recipes with files of their own."""

import csv
import io
import json
import re

import numpy as np
import pyarrow.parquet as pq
import pytest

import lossctl
from lossctl.cli.joint import RECIPE

BOXES = ("0,0,4,4;1,1,2,2", "0,0,4,4;3,3,4,4")
GIOU, IOU = (0 + 1 + 7 / 9) / 2, 0.5
TAIL = f"|format=xyxy|reduction=mean|arithmetic=float64|lossctl={lossctl.__version__}"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a recipe of two terms, total 4.5, or another."""
    monkeypatch.chdir(tmp_path)
    text = """
        target = "1"
        [[term]]
        loss = "mae"
        pred = "1.5"
        [[term]]
        name = "far"
        loss = "mse"
        weight = 0.5
        pred = "3,4"
        target = "1,2"
    """

    def call(other=text):
        (tmp_path / "r.toml").write_text(other)
        return "r.toml"

    return call


# --- a sum in place of a loss ---


def test_a_sum_is_one_number(here):
    assert here("box", "giou+2*iou", *BOXES).out == f"{GIOU + 2 * IOU!r}\n"
    assert here("box", "0.5*giou", *BOXES).out == f"{GIOU / 2!r}\n"
    assert here("box", "giou,giou + 2*iou", *BOXES).out == f"giou\t{GIOU!r}\ngiou+2*iou\t{GIOU + 2 * IOU!r}\n"
    assert here("box", "giou+2*iou", *BOXES, "--reduction=none").out == f"0\n{2 * GIOU + 2!r}\n"


def test_terms_are_rows_of_the_table(here):
    lines = here("box", "iou,giou+2*iou", *BOXES, "--format=table").out.splitlines()
    assert [line.split() for line in (lines[0], *lines[2:6])] == [
        ["loss", "weight", "value", "weighted", "count"],
        ["iou", "0.5", "2"],
        ["giou", "1", repr(GIOU), repr(GIOU), "2"],
        ["iou", "2", "0.5", "1", "2"],
        ["giou+2*iou", repr(GIOU + 1), "2"],
    ]
    assert lines[3].startswith("  giou ")
    assert lines[6:] == [f"iou(form=linear){TAIL}", f"giou{TAIL}", f"+ 2*iou(form=linear){TAIL}"]
    assert "|   iou | 2 | 0.5 | 1 | 2 |" in here("box", "giou+2*iou", *BOXES, "--format=markdown").out


def test_terms_in_json(here):
    (result,) = json.loads(here("box", "giou+2*iou", *BOXES, "--format=json").out)["results"]
    assert {key: result[key] for key in ("loss", "family", "parameters", "value", "count")} == {
        "loss": "giou+2*iou", "family": "box", "parameters": {}, "value": GIOU + 1, "count": 2,
    }  # fmt: skip
    assert [[term[key] for key in ("name", "weight", "value", "weighted")] for term in result["terms"]] == [
        ["giou", 1, GIOU, GIOU], ["iou", 2, IOU, 2 * IOU],
    ]  # fmt: skip
    assert result["signature"] == f"giou{TAIL} + 2*iou(form=linear){TAIL}"


def test_programs_get_one_row_for_a_sum(here, tmp_path):
    rows = list(csv.DictReader(io.StringIO(here("box", "iou,giou+2*iou", *BOXES, "--format=csv").out)))
    assert [(row["loss"], float(row["value"])) for row in rows] == [("iou", IOU), ("giou+2*iou", GIOU + 1)]
    assert here("box", "iou,giou+2*iou", *BOXES, "-o", tmp_path / "o.npy").code == 0
    assert np.load(tmp_path / "o.npy").tolist() == [IOU, GIOU + 1]


def test_verbose_tells_the_terms(here):
    told = here("box", "giou+2*iou", *BOXES, "-v").err.splitlines()
    assert told[2:] == [f"lossctl: giou: 1 * {GIOU!r}", "lossctl: iou: 2 * 0.5",
                        f"lossctl: giou{TAIL} + 2*iou(form=linear){TAIL}"]  # fmt: skip


@pytest.mark.parametrize(("limit", "code"), [("giou+2*iou=1.8", 1), ("iou=0.5,giou+2*iou=1.9", 0), ("1.9", 0)])
def test_gate_of_a_sum(here, limit, code):
    assert here("box", "iou,giou+2*iou", *BOXES, "--fail-above", limit).code == code


def test_gradient_of_a_sum(here, samples, tmp_path):
    sides = samples / "classes_logits.npy", samples / "classes_target.npy"
    options = ("--input=logits", "--ignore-index=255")
    asked = "dice+0.5*ce"
    assert here("pixel", f"ce,{asked}", *sides, *options, "--gradient", tmp_path / "g_{loss}.npy").code == 0
    keywords = {"input": "logits", "ignore_index": 255}
    dice, ce = (lossctl.loss(name).gradient(*map(np.load, sides), **keywords) for name in ("dice", "ce"))
    assert np.array_equal(np.load(tmp_path / f"g_{asked}.npy"), dice + 0.5 * ce)
    assert np.array_equal(np.load(tmp_path / "g_ce.npy"), ce)


def test_help_of_a_sum(here):
    text = here("pixel", "dice+0.5*ce", "--help").out
    assert text.startswith("Usage: lossctl pixel dice+0.5*ce PRED TARGET [OPTIONS]")
    assert "--aggregate" in text
    assert "--class-weights" in text
    assert "--smooth" not in text
    assert "'a+0.5*b'" in here("pixel", "--help").out


def test_sums_of_the_wrong_family(here):
    answer = here("regression", "mae+giou", "1", "2")
    assert (answer.code, answer.error(), answer.hint) == (2, "giou is a box loss", "lossctl box giou …")
    assert here("box", "2", "1", "2").error() == "'2' is no loss"


# --- recipes ---


def test_plain_ends_with_the_total(here, write):
    assert here("joint", write()) == (0, "mae\t0.5\nfar\t4\ntotal\t2.5\n", "")
    assert here("joint", write(), "--threads", "2").out.endswith("total\t2.5\n")


def test_table(here, write):
    lines = here("joint", write(), "--format=table").out.splitlines()
    assert [line.split() for line in (lines[0], *lines[2:5])] == [
        ["term", "weight", "value", "weighted", "count"],
        ["mae", "1", "0.5", "0.5", "1"],
        ["far", "0.5", "4", "2", "2"],
        ["total", "2.5"],
    ]
    assert [line.partition("|")[0] for line in lines[5:]] == ["mae", "+ 0.5*mse"]


def test_csv_and_files(here, write, tmp_path):
    asked = ("joint", write())
    text = here(*asked, "--format=csv").out
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [[row[key] for key in ("term", "weight", "value", "weighted", "count")] for row in rows] == [
        ["mae", "1", "0.5", "0.5", "1"], ["far", "0.5", "4", "2", "2"], ["total", "", "2.5", "", ""],
    ]  # fmt: skip
    for ending in ("csv", "json", "npy", "parquet"):
        assert here(*asked, "-o", f"o.{ending}") == (0, "", "")
    assert (tmp_path / "o.csv").read_text() == text
    assert (tmp_path / "o.json").read_text() == here(*asked, "--format=json").out
    assert np.load("o.npy").tolist() == [0.5, 4, 2.5]
    assert pq.read_table("o.parquet").to_pydict()["weight"] == [1, 0.5, None]


def test_json(here, write):
    found = json.loads(here("joint", write(), "--format=json").out)
    assert list(found) == ["schema", "results", "total", "signature", "inputs", "warnings"]
    assert (found["schema"], found["total"]) == ("lossctl.result/1", 2.5)
    assert [[term[key] for key in ("name", "loss", "weight", "value", "weighted")] for term in found["results"]] == [
        ["mae", "mae", 1, 0.5, 0.5], ["far", "mse", 0.5, 4, 2],
    ]  # fmt: skip
    assert [(side["term"], side["role"], side["shape"]) for side in found["inputs"]] == [
        ("mae", "pred", [1, 1]), ("mae", "target", [1, 1]), ("far", "pred", [1, 2]), ("far", "target", [1, 2]),
    ]  # fmt: skip


def test_weights_of_the_command_line(here, write):
    assert here("joint", write(), "--weight", "far=2", "--weight", "mae=0").out.endswith("total\t8\n")
    answer = here("joint", write(), "--weight", "fat=2")
    assert (answer.code, answer.error()) == (2, "r.toml: no term is called fat; did you mean 'far'?")
    assert here("joint", write(), "--weight", "far").error() == "weight is 'far'; expected term=number"
    assert here("joint", write(), "--weight", "far=-1").error() == (
        "r.toml: the weight of far is -1; expected a number ≥ 0"
    )


@pytest.mark.parametrize(
    ("limit", "code", "told"),
    [("2.5", 0, ""), ("2.4", 1, "lossctl: gate: total 2.5 is above 2.4\n"), ("far=4,total=3", 0, ""),
     ("far=3", 1, "lossctl: gate: far 4 is above 3\n")],
)  # fmt: skip
def test_gate(here, write, limit, code, told):
    answer = here("joint", write(), "--fail-above", limit)
    assert (answer.code, answer.err) == (code, told)


def test_gradients_have_the_weight_in_them(here, write):
    assert here("joint", write(), "--gradient", "g_{term}.npy").code == 0
    assert np.load("g_mae.npy").tolist() == [[1]]
    assert np.load("g_far.npy").tolist() == [[0.5 * 2, 0.5 * 2]]
    assert here("joint", write(), "--gradient", "g_{term}.npy", "--weight", "far=0").code == 0
    assert np.load("g_far.npy").tolist() == [[0, 0]]
    answer = here("joint", write(), "--gradient", "g.npy")
    assert (answer.code, answer.error()) == (2, "one gradient file for 2 terms")
    assert answer.hint == "--gradient 'gradient_{term}.npy'"


def test_outputs_do_not_replace_inputs(here, write, tmp_path):
    np.save(tmp_path / "p.npy", [1.0])
    write('[[term]]\nloss = "mae"\npred = "p.npy"\ntarget = "2"')
    assert here("joint", "r.toml", "--gradient", "p.npy").error() == "p.npy is an input"
    assert np.load("p.npy").tolist() == [1]


def test_verbose_and_quiet(here, write):
    told = here("joint", write(), "-v").err.splitlines()
    assert told[0] == "lossctl: mae: pred: pred 1x1 float64"
    assert told[4:6] == ["lossctl: mae: 1 * 0.5", "lossctl: far: 0.5 * 4"]
    write('[[term]]\nloss = "iou(form=log)"\npred = "0,0,1,1"\ntarget = "5,5,6,6"')
    assert here("joint", "r.toml").err == "lossctl: warning: iou: 1 of 1 items have an infinite iou\n"
    assert here("joint", "r.toml", "-q") == (0, "iou\tinf\ntotal\tinf\n", "")


def test_standard_input(command, write, samples):
    path = write(f'[[term]]\nloss = "giou"\npred = "-"\ntarget = "{samples}/boxes_target.csv"')
    with (samples / "boxes_pred.csv").open("rb") as pred:
        answer = command("joint", path, stdin=pred)
    assert answer == (0, "giou\t0.26123226433743046\ntotal\t0.26123226433743046\n", "")


def test_help_has_the_recipe_of_the_samples(here, samples, monkeypatch):
    assert (samples / "ssd.toml").read_text() == RECIPE
    monkeypatch.setenv("COLUMNS", "80")
    text = here("joint", "--help").out
    assert all(f"    {line}" in text for line in RECIPE.splitlines() if line)
    assert max(map(len, RECIPE.splitlines())) <= 80 - len("    ")
    for key in ("class_weights", "ignore_index", "box_format", "name, weight, loss"):
        assert key in text


def test_examples_of_the_help(here, samples, monkeypatch):
    monkeypatch.chdir(samples.parent)
    commands = re.findall(r"^  lossctl (joint [^|\n]+)", here("joint", "--help").out, flags=re.MULTILINE)
    assert len(commands) == 4
    for words in map(str.split, commands):
        assert here(*words)[::2] == (0, "")


# --- recipes that cannot be meant ---

DATA = 'pred = "9,9"\ntarget = "1,1"\n'
ONE = f'[[term]]\nloss = "mae"\n{DATA}'


def of(loss, more=""):
    return f'[[term]]\nloss = "{loss}"\n{more}\n{DATA}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no [[term]]"),
        ("[term]\n", "no [[term]]"),
        ("term = []", "no [[term]]"),
        ("[[terms]]\n", "unknown key 'terms'; did you mean 'term'?"),
        ("threads = 2", "threads are no part of a recipe"),
        ("weight = 2", "weight stands outside of every term"),
        ('[[term]]\nlos = "mae"', "term 1: unknown key 'los'; did you mean 'loss'?"),
        (of("mae", "ignore-index = 1"), "term mae: unknown key 'ignore-index'; did you mean 'ignore_index'?"),
        (of("mae", "bogus = 1"), "term mae: unknown key 'bogus'"),
        (f"[[term]]\n{DATA}", "term 1: no loss"),
        ('[[term]]\nloss = "mae"\ntarget = "1"', "term mae: no pred"),
        ('[[term]]\nloss = "mae"\npred = "1"', "term mae: no target"),
        (f"[[term]]\nloss = 3\n{DATA}", "term 1: loss is 3; expected a text"),
        (of("goiu"), "term goiu: unknown loss 'goiu'; did you mean 'giou'?"),
        (of("huber(delta=0)"), "term huber(delta=0): delta is 0; expected > 0"),
        (of("mae,mse"), "term mae,mse: 2 losses in one term"),
        (of("mae", 'name = "total"'), "term total: 'total' is no name for a term"),
        (of("mae", 'name = "a/b"'), "term a/b: 'a/b' is no name for a term"),
        (of("mae", "weight = -1"), "term mae: weight is -1; expected a number ≥ 0"),
        (of("mae", "weight = nan"), "term mae: weight is nan; expected a number ≥ 0"),
        (of("mae", 'weight = "1"'), "term mae: weight is '1'; expected a number ≥ 0"),
        (of("mae", "weight = true"), "term mae: weight is true; expected a number ≥ 0"),
        (of("mae", 'reduction = "none"'), "term mae: reduction 'none' leaves no number to add"),
        (of("mae", 'reduction = "avg"'), "term mae: reduction is 'avg'; expected none, sum, mean, hardest:F"),
        (of("mae", 'normalizer = "9"'), "term mae: normalizer is '9'; expected a number"),
        (of("ce", 'class_weights = "1,2"'), "term ce: class_weights is '1,2'; expected numbers in brackets"),
        (of("dice", "include_background = 0"), "term dice: include_background is 0; expected true or false"),
        (of("bce"), "term bce: bce needs to know what the prediction is"),
        (of("mae", 'input = "probs"'), "term mae: input has no effect on mae"),
        (f'input = "probs"\n{ONE}', "input has no effect on any term"),
        (ONE + ONE, "2 terms are called mae"),
        ('[[term]]\nloss = "mae"\npred = "-"\ntarget = "-"', "standard input can be read only once"),
    ],
)
def test_usage(here, write, text, message):
    answer = here("joint", write(text))
    assert (answer.code, answer.error()) == (2, f"r.toml: {message}")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[[term]]\nloss = ", "r.toml:2: not TOML: invalid value (end of file)", ""),
        ('a = 1\n[[term]]\nloss = "mae\n', "r.toml:3: not TOML: illegal character '\\n' (column 12)", ""),
        ('[[term]]\nname = "box"\nloss = "giou"\npred = "b.csv"\ntarget = "1,2,3,4"',
         "b.csv:2: term box: 3 fields, expected 4", "a row lost a column, or the delimiter is not ','"),
        ('[[term]]\nloss = "mae"\npred = "x.csv"\ntarget = "1"', "x.csv: term mae: no such file", None),
        ('[[term]]\nloss = "giou"\npred = "9,9,1,1"\ntarget = "1,1,2,2"',
         "r.toml: term giou: pred row 0: inverted box (9, 9, 1, 1): x2 < x1 and y2 < y1",
         'is it xywh? try box_format = "xywh"'),
        ('[[term]]\nloss = "mae"\npred = "1,2"\ntarget = "1,2,3"',
         "r.toml: term mae: 2 predictions but 3 targets (pred 1x2, target 1x3)", ""),
        ('[[term]]\nloss = "ce"\ninput = "logits"\npred = "1,2;3,4"\ntarget = "0,255"',
         "r.toml: term ce: target: label 255 at (0, 1) is outside 0..1", None),
    ],
)  # fmt: skip
def test_data(here, write, tmp_path, text, message, hint):
    (tmp_path / "b.csv").write_text("1,2,3,4\n1,2,3\n")
    answer = here("joint", write(text))
    assert (answer.code, answer.error()) == (3, message)
    assert hint in (None, answer.hint)


def test_hints_are_keys(here, write, samples):
    text = f'[[term]]\nloss = "ce"\ninput = "logits"\npred = "{samples}/classes_logits.npy"\n'
    answer = here("joint", write(text + f'target = "{samples}/classes_target.npy"'))
    assert answer.error().startswith(f"{samples}/classes_target.npy: term ce: label 255 at (16, 41)")
    assert answer.hint == "ignore_index = 255"


def test_recipes_that_are_no_text(here, tmp_path):
    (tmp_path / "r.toml").write_bytes(b"a = 1\n# \xff\n")
    assert here("joint", tmp_path / "r.toml").error() == f"{tmp_path}/r.toml:2: not UTF-8, so not TOML"
    (tmp_path / "r.toml").write_bytes(b"#" * (1 << 20) + b"#")
    assert here("joint", tmp_path / "r.toml").error() == f"{tmp_path}/r.toml: larger than 1 MiB"
    assert here("joint", tmp_path).error() == f"{tmp_path}: a folder, expected a file"
    answer = here("joint", tmp_path / "s.toml")
    assert (answer.code, answer.hint) == (3, f"did you mean '{tmp_path}/r.toml'?")


def test_a_bad_own_loss_is_blamed(here, write, tmp_path):
    (tmp_path / "mine.py").write_text("def value(pred, target): return pred / 0")
    answer = here("joint", write(of("./mine.py+mae")))
    assert (answer.code, answer.error()) == (2, f"{tmp_path}/mine.py:1: ZeroDivisionError: float division by zero")


def test_schemes_and_whole_images_in_a_recipe(here, tmp_path, samples):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f'input = "logits"\nignore_index = 255\npred = "{samples}/classes_logits.npy"\n'
        f'target = "{samples}/classes_target.npy"\n[[term]]\nloss = "ce"\nweights = "foreground(power=1)"\n'
        'reduction = "hardest:0.25"\n[[term]]\nloss = "lovasz-softmax"\n'
    )
    alone = here(
        "pixel", "ce", samples / "classes_logits.npy", samples / "classes_target.npy", "--input=logits",
        "--ignore-index=255", "--weights=foreground(power=1)", "--reduction=hardest:0.25",
    )  # fmt: skip
    assert here("joint", recipe).out.startswith(f"ce\t{alone.out}")


@pytest.mark.parametrize("key", ["group_by", "pairs", "match"])
def test_what_leaves_no_number_is_no_key(here, tmp_path, key):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f'[[term]]\nloss = "mae"\npred = "1,2"\ntarget = "2,3"\n{key} = "class"\n')
    assert f"unknown key '{key}'" in here("joint", recipe).error()


def test_losses_of_several_sides_are_no_terms(here, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('[[term]]\nloss = "triplet"\npred = "1,2"\n')
    assert here("joint", recipe).error().endswith("term triplet: triplet takes a, p, n")
