"""`--pairs all` as it is typed: every format, every kind of file, and what is refused."""

import json
import os

import numpy as np
import pytest

import lossctl

PRED, TARGET = "0,0,10,10;5,5,15,15;1,1,3,4", "0,0,10,10;20,0,30,10"
MATRIX = [[0, 1.3333333333333333], [1.0793650793650793, 1.4666666666666668], [0.94, 1.6344827586206896]]
SIGNATURE = "giou|format=xyxy|pairs=all|reduction=none|arithmetic=float64|lossctl=0.1.0"


@pytest.fixture
def typed(here):
    def call(*arguments, loss="giou"):
        return here("box", loss, PRED, TARGET, "--pairs", "all", *arguments)

    return call


def test_plain_and_csv_are_rows(typed):
    assert typed().out.startswith("0\t1.3333333333333333\n")
    assert [list(map(float, line.split("\t"))) for line in typed().out.splitlines()] == MATRIX
    assert [list(map(float, line.split(","))) for line in typed("--format", "csv").out.splitlines()] == MATRIX


def test_json_has_rows(typed):
    result = json.loads(typed("--format", "json").out)["results"][0]
    assert (result["values"], result["count"], result["signature"]) == (MATRIX, 6, SIGNATURE)


def test_table(typed):
    lines = typed("--format", "table").out.splitlines()
    assert lines[0].split() == ["giou", "0", "1"]
    assert [list(map(float, line.split())) for line in lines[2:5]] == [[i, *row] for i, row in enumerate(MATRIX)]
    assert lines[5] == SIGNATURE


def test_a_table_that_is_too_wide_is_rows(here, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    many = ";".join(f"0,0,10,{n}" for n in range(3, 12))
    answer = here("box", "giou", PRED, many, "--pairs", "all", "--format", "table")
    assert answer.out == here("box", "giou", PRED, many, "--pairs", "all").out


def test_markdown(typed):
    assert typed("--format", "markdown").out.splitlines()[:3] == [
        "| giou | 0 | 1 |",
        "| ---: | ---: | ---: |",
        "| 0 | 0 | 1.3333333333333333 |",
    ]


def test_reductions(typed):
    assert float(typed("--reduction", "sum").out) == pytest.approx(np.sum(MATRIX), rel=1e-15)
    assert float(typed("--reduction", "mean").out) == pytest.approx(np.mean(MATRIX), rel=1e-15)
    assert [line.split("\t")[0] for line in typed("--reduction", "mean", loss="giou,ciou").out.splitlines()] == [
        "giou",
        "ciou",
    ]


def test_files(typed, tmp_path):
    for ending in ("npy", "csv", "json"):
        assert typed("-o", tmp_path / f"m.{ending}") == (0, "", "")
    assert np.load(tmp_path / "m.npy").tolist() == MATRIX
    assert np.loadtxt(tmp_path / "m.csv", delimiter=",").tolist() == MATRIX
    assert json.loads((tmp_path / "m.json").read_text())["results"][0]["values"] == MATRIX
    assert typed("-o", tmp_path / "{loss}.npy", loss="giou,ciou").code == 0
    assert np.load(tmp_path / "giou.npy").tolist() == MATRIX
    assert (
        np.load(tmp_path / "ciou.npy").tolist()
        == json.loads(typed("--format=json", loss="ciou").out)["results"][0]["values"]
    )


def test_a_matrix_of_files_is_written_in_pieces(here, tmp_path):
    chance = np.random.default_rng(0)
    for name, count in (("p", 1100), ("t", 1300)):
        corner = chance.uniform(0, 9, (count, 2))
        np.save(tmp_path / f"{name}.npy", np.concatenate([corner, corner + chance.uniform(0, 9, (count, 2))], axis=1))
    files = tmp_path / "p.npy", tmp_path / "t.npy"
    assert here("box", "giou", *files, "--pairs", "all", "-o", tmp_path / "m.npy").code == 0
    expected = lossctl.loss("giou").pairs(*map(np.load, files))
    assert np.array_equal(np.load(tmp_path / "m.npy"), expected)
    rows = here("box", "giou", *files, "--pairs", "all").out.splitlines()
    assert (len(rows), rows[-1].count("\t")) == (1100, 1299)
    assert [float(x) for x in rows[-1].split("\t")] == expected[-1].tolist()


def test_a_text_has_a_limit(typed, tmp_path, monkeypatch):
    monkeypatch.setattr("lossctl.cli.matrix.Text.most", 5)
    answer = typed("-o", tmp_path / "m.json")
    assert (answer.code, answer.error()) == (6, "3x2 losses are too many for one text")
    assert typed().code == 0
    assert not list(tmp_path.iterdir())


def test_what_was_read_goes_to_stderr(typed):
    answer = typed("-v")
    assert answer.err.splitlines() == [
        "lossctl: pred: pred 3x4 float64",
        "lossctl: target: target 2x4 float64",
        f"lossctl: {SIGNATURE}",
    ]


@pytest.mark.parametrize(
    ("loss", "arguments", "code", "told"),
    [
        ("giou", ["--gradient", "g.npy"], 2, "no gradient of all pairs"),
        ("giou", ["--gradient", "g.npy", "--reduction=mean"], 2, "no gradient of all pairs"),
        ("giou", ["--weights", "1,2,3"], 2, "weights with pairs"),
        ("giou", ["--fail-above", "1"], 2, "fail_above of a matrix"),
        ("giou", ["--match", "greedy"], 2, "pairs and match"),
        ("giou,ciou", [], 2, "2 matrices in one plain text"),
        ("giou,ciou", ["-o", "m.npy"], 2, "one matrix file for 2 losses"),
        ("giou", ["-o", "m.parquet"], 2, "a matrix is no table of results"),
        ("giou", ["-o", "nowhere/m.npy"], 5, "nowhere/m.npy: its folder does not exist"),
    ],
)
def test_what_is_refused(typed, loss, arguments, code, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = typed(*arguments, loss=loss)
    assert answer.code == code
    assert told in answer.error()
    assert not list(tmp_path.iterdir())


def test_a_gate_on_the_mean(typed):
    assert typed("--reduction=mean", "--fail-above", "2").code == 0
    assert typed("--reduction=mean", "--fail-above", "1").code == 1


def test_an_inverted_box_leaves_the_old_file(here, tmp_path):
    old = tmp_path / "m.npy"
    old.write_bytes(b"old")
    answer = here("box", "giou", PRED, f"{TARGET};9,9,1,1", "--pairs", "all", "-o", old)
    assert answer.code == 3
    assert answer.error() == "target row 2: inverted box (9, 9, 1, 1): x2 < x1 and y2 < y1"
    assert old.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["m.npy"]


def test_only_box_losses_offer_it(here):
    assert "--pairs all" in here("box", "giou", "--help").out
    assert "--pairs" not in here("regression", "mse", "--help").out
    assert here("regression", "mse", "1", "2", "--pairs", "all").code == 2


def test_a_closed_pipe_is_silent(command, tmp_path):
    boxes = np.tile([0.0, 0, 1, 1], (3000, 1))
    np.save(tmp_path / "b.npy", boxes)
    reader, writer = os.pipe()
    os.close(reader)
    answer = command("box", "iou", tmp_path / "b.npy", tmp_path / "b.npy", "--pairs", "all", stdout=writer)
    os.close(writer)
    assert (answer.code, answer.err) == (141, "")
