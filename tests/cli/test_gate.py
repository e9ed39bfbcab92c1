"""`--fail-above`: exit 1 only if everything was computed and a gate said no."""

import math

import pytest

BOXES = ("0,0,4,4;1,1,2,2", "0,0,4,4;3,3,4,4")


@pytest.mark.parametrize(
    ("losses", "gate", "code"),
    [
        ("iou", "0.5", 0),
        ("iou", "0.4999", 1),
        ("iou", "inf", 0),
        ("iou", "-1", 1),
        ("giou,iou", "0.6", 1),
        ("giou,iou", "iou=0.6", 0),
        ("giou,iou", "giou=0.9,iou=0.5", 0),
        ("giou,iou", "giou=0.9,iou=0.4", 1),
    ],
)
def test_gates(here, losses, gate, code):
    answer = here("box", losses, *BOXES, "--fail-above", gate)
    passed = here("box", losses, *BOXES)
    assert answer.code == code
    assert answer.out == passed.out
    assert bool(answer.err) == bool(code)


def test_what_failed_is_told_to_the_last_digit(here):
    limit = math.nextafter(0.5, 0)
    answer = here("box", "iou", *BOXES, f"--fail-above={limit!r}")
    assert answer == (1, "0.5\n", f"lossctl: gate: iou 0.5 is above {limit!r}\n")


def test_a_gate_on_values_looks_at_the_worst(here):
    assert here("box", "iou", *BOXES, "--reduction=none", "--fail-above=1").code == 0
    assert here("box", "iou", *BOXES, "--reduction=none", "--fail-above=0.9").code == 1


def test_an_error_is_no_verdict(here):
    assert here("box", "iou", "0,0,4,4", "gone.csv", "--fail-above=0").code == 3


def test_a_failed_gate_still_writes(here, tmp_path):
    assert here("box", "iou", *BOXES, "--fail-above=0", "-o", tmp_path / "a.csv").code == 1
    assert (tmp_path / "a.csv").read_text().startswith("loss,value,count")
