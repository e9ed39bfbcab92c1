"""--group-by and --reduction hardest:F on the command line."""

import json

import pytest


@pytest.fixture
def boxes(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("image,x1,y1,x2,y2\na,0,0,10,10\nb,5,5,15,15\na,0,0,20,5\n")
    return path


def test_groups_in_every_format(here, boxes):
    asked = ("box", "giou", boxes, "0,0,10,10;0,0,10,10;0,0,10,10", "--group-by", f"{boxes}::image")
    plain = here(*asked)
    assert plain.out == "a\t0.4583333333333333\nb\t1.0793650793650793\ntotal\t0.6653439153439153\n"
    record = json.loads(here(*asked, "--format", "json").out)["results"][0]
    assert record["groups"][1] == {"group": "b", "value": 1.0793650793650793, "count": 1, "ignored": 0}
    rows = here(*asked, "--format", "csv").out.splitlines()
    assert rows[0] == "loss,group,value,count,signature"
    assert rows[3].startswith("giou,total,0.6653439153439153,3,")
    assert "total   0.6653439153439153       3" in here(*asked, "--format", "table").out
    several = here("box", "giou,iou", *asked[2:]).out.splitlines()
    assert several[0] == "giou\ta\t0.4583333333333333"
    assert several[-1].startswith("iou\ttotal\t")


def test_groups_to_files(here, boxes, tmp_path):
    import numpy as np

    out = tmp_path / "out.npy"
    asked = ("box", "giou", boxes, "0,0,10,10;0,0,10,10;0,0,10,10", "--group-by", f"{boxes}::image")
    assert here(*asked, "-o", out).code == 0
    assert np.load(out).tolist() == [0.4583333333333333, 1.0793650793650793, 0.6653439153439153]


def test_bad_groups(here, boxes):
    asked = ("box", "giou", boxes, "0,0,10,10;0,0,10,10;0,0,10,10", "--group-by")
    answer = here(*asked, f"{boxes}::picture")
    assert answer.code == 3
    assert "no column 'picture'" in answer.error()
    assert here(*asked, boxes).code == 2
    assert here(*asked, "class").error() == "giou knows nothing of a class"
    answer = here("box", "giou", "0,0,1,1", "0,0,1,1", "--group-by", f"{boxes}::image")
    assert answer.error() == "3 group labels for 1 items"
    assert here("box", "giou", "-", "0,0,1,1", "--group-by", "-::image").code == 2


def test_hardest_of_typed_numbers(here):
    asked = ("classification", "bce", "2,-1,.5,-3", "1,0,0,1", "--input", "logits", "--reduction")
    assert here(*asked, "hardest:0.5").out == "2.0113321678769243\n"
    answer = here(*asked, "hardest:2")
    assert answer.code == 2
    assert "hardest:0.25 is the mean of the quarter" in answer.hint
