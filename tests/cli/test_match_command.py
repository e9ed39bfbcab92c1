"""`--match` as it is typed: columns of files, counts in every format, and what is refused."""

import json

import numpy as np
import pytest

PRED = """image,class,score,x1,y1,x2,y2
a,cat,0.5,0,0,10,10
a,cat,0.9,0,0,10,9
a,dog,0.8,50,50,60,60
b,cat,0.7,0,0,10,10
"""
TARGET = """x1,y1,x2,y2,class,image
0,0,10,10,cat,a
50,50,60,60,cat,a
0,0,10,8,cat,b
0,0,9,9,dog,b
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "pred.csv").write_text(PRED)
    (tmp_path / "target.csv").write_text(TARGET)
    return tmp_path / "pred.csv", tmp_path / "target.csv"


@pytest.fixture
def matched(here, files):
    def call(*arguments, loss="iou", method="greedy"):
        return here("box", loss, *files, "--match", method, *arguments)

    return call


BY = ["--match-by", "image,class"]
SCORE = ["--match-score", "score"]


@pytest.mark.parametrize(
    ("arguments", "pairs", "counts"),
    [
        # Predictions 0 and 3 are equal, and the first has the first target.
        ([], [[0, 0], [1, 3], [2, 1], [3, 2]], (4, 0, 0)),
        (["--match-by", "image"], [[0, 0], [2, 1], [3, 3]], (3, 1, 1)),
        (BY, [[0, 0], [3, 2]], (2, 2, 2)),
        ([*BY, *SCORE], [[1, 0], [3, 2]], (2, 2, 2)),
        ([*BY, "--match-threshold", "0.85"], [[0, 0]], (1, 3, 3)),
    ],
)
def test_which_boxes_match(matched, arguments, pairs, counts):
    result = json.loads(matched(*arguments, "--reduction=none", "--format=json").out)["results"][0]
    assert result["pairs"] == pairs
    assert (result["matched"], result["missed"], result["spurious"]) == counts


def test_table_and_plain(matched):
    lines = matched(*BY, *SCORE, "--format=table").out.splitlines()
    assert lines[0].split() == ["loss", "value", "count", "matched", "missed", "spurious"]
    assert lines[2].split()[2:] == ["2", "2", "2", "2"]
    assert lines[3].startswith("iou(form=linear)|format=xyxy|match=greedy(threshold=0.5,by=image+class,score=score)|")
    plain = matched(*BY, *SCORE, "-v")
    # IoU 0.9 and 0.8.
    assert float(plain.out) == pytest.approx(0.15)
    assert "lossctl: match: 2 matched, 2 missed, 2 spurious" in plain.err.splitlines()


def test_items_are_named_by_both_rows(matched):
    assert matched(*BY, "--reduction=none", "--format=csv", loss="iou,giou").out.splitlines() == [
        "pred,target,iou,giou",
        "0,0,0,0",
        "3,2,0.2,0.2",
    ]
    assert matched(*BY, "--reduction=none").out == "0\n0.2\n"
    assert matched(*BY, "--reduction=none", loss="iou,giou").out == "iou\tgiou\n0\t0\n0.2\t0.2\n"


def test_files_of_values_and_gradients(matched, tmp_path):
    assert matched(*BY, "--reduction=none", "-o", tmp_path / "v.npy", loss="iou,giou").code == 0
    assert np.load(tmp_path / "v.npy").tolist() == [[0, 0], [0.2, 0.2]]
    assert matched(*BY, "--gradient", tmp_path / "g.csv").code == 0
    header, *rows = (tmp_path / "g.csv").read_text().splitlines()
    assert header == "x1,y1,x2,y2"
    slopes = np.array([[float(x) for x in row.split(",")] for row in rows])
    assert slopes.shape == (4, 4)
    # Predictions 0 and 3 are matched; the first is its target, where nothing pulls.
    assert slopes.any(axis=1).tolist() == [False, False, False, True]


def test_hungarian(matched):
    pytest.importorskip("scipy")
    result = json.loads(matched(*BY, "--format=json", method="hungarian").out)["results"][0]
    assert (result["value"], result["matched"]) == (pytest.approx(0.1), 2)
    assert "|match=hungarian(threshold=0.5,by=image+class)|" in result["signature"]


def test_whole_numbers_are_the_same_label_with_and_without_a_fraction(here, tmp_path):
    (tmp_path / "p.csv").write_text("id,x1,y1,x2,y2\n7.0,0,0,1,1\n07,0,0,1,1\n")
    (tmp_path / "t.csv").write_text("id,x1,y1,x2,y2\n7,0,0,1,1\n8,0,0,1,1\n")
    answer = here("box", "iou", tmp_path / "p.csv", tmp_path / "t.csv", "--match=greedy", "--match-by=id", "-v")
    assert "1 matched, 1 missed, 1 spurious" in answer.err


def test_chosen_box_columns_do_not_hide_the_labels(here, files):
    sides = [f"{path}::x1,y1,x2,y2" for path in files]
    assert here("box", "iou", *sides, "--match=greedy", *BY).code == 0


def test_python_reads_the_same_columns(files):
    import lossctl

    result = lossctl.evaluate(
        "iou", *map(str, files), match="greedy", match_by="image,class", match_score="score"
    )  # fmt: skip
    assert result.value == pytest.approx(0.15)
    assert (result.matching.pred.tolist(), result.matching.target.tolist()) == ([1, 3], [0, 2])


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--match", "best"], 2, "match is 'best'; expected greedy, hungarian"),
        (["--match-by", "image"], 2, "match_by without match"),
        (["--match=greedy", "--match-by", ""], 2, "match_by is an empty text"),
        (["--match-score", "score"], 2, "match_score without match"),
        (["--match-threshold", "0.5"], 2, "match_threshold without match"),
        (["--match=greedy", "--match-threshold", "50"], 2, "match_threshold is 50; expected an IoU above 0, up to 1"),
        (["--match=greedy", "--match-threshold", "x"], 2, "match_threshold is 'x'; expected a number"),
        (["--match=greedy", "--match-by", "label"], 3, "pred.csv:1: no column 'label'"),
        (["--match=greedy", "--match-by", "score"], 3, "target.csv:1: no column 'score'"),
        (["--match=greedy", "--match-score", "class"], 3, "pred.csv:2: column class: 'cat' is not a number"),
        (["--match=hungarian", "--match-score", "score"], 2, "match_score with hungarian"),
        (["--match=greedy", "--weights", "1,2,3,4"], 2, "weights with match"),
        (["--match=greedy", "--match-threshold=1", "--match-by=class"], 3, "nothing to average: nothing matches"),
    ],
)
def test_what_is_refused(here, files, arguments, code, told, monkeypatch):
    monkeypatch.chdir(files[0].parent)
    if "nothing" in told:
        files[1].write_text(TARGET.replace("0,0,10,10,cat,a", "0,0,10,11,cat,a"))
    answer = here("box", "giou", "pred.csv", "target.csv", *arguments)
    assert answer.code == code
    assert told in answer.error()


def test_labels_need_a_file_that_can_be_read_again(here, command, files):
    answer = here("box", "iou", "0,0,1,1", "0,0,1,1", "--match=greedy", "--match-by=image")
    assert (answer.code, answer.error()) == (2, "match_by names columns, and pred is no file")
    arguments = ("box", "iou", "-", files[1], "--match=greedy", "--match-by=image")
    with files[0].open("rb") as piped:
        answer = command(*arguments, stdin=piped)
    assert (answer.code, answer.error()) == (2, "match_by reads pred again, and a pipe can be read only once")


def test_a_label_that_is_not_there_is_located(here, files):
    files[1].write_text(TARGET.replace("cat,b", ",b"))
    answer = here("box", "iou", *files, "--match=greedy", *BY)
    assert (answer.code, answer.error()) == (3, f"{files[1]}:4: column class: no label")


def test_an_inverted_box_is_named_by_its_own_row(here, files):
    files[0].write_text(PRED.replace("50,50,60,60", "60,60,50,50"))
    answer = here("box", "iou", *files, "--match=greedy", *BY)
    assert answer.code == 3
    assert answer.error().startswith(f"{files[0]}:4: row 2: inverted box (60, 60, 50, 50)")


def test_inline_boxes_match_too(here):
    assert here("box", "iou", "0,0,1,1;5,5,6,6", "5,5,6,6;0,0,1,1", "--match", "greedy").out == "0\n"
