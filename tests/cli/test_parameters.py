"""What parameters may be: each wrong one is a clear line, and so is one that lacks."""

import pytest

from lossctl.loss import find, names

BOX = ("1,2,3,4", "1,2,3,5")
NUMBERS = ("1,2", "1,3")
REFUSED = [
    (["regression", "focal-l1", *NUMBERS, "--beta", "2"], "beta is 2; expected 0.367879..1"),
    (["regression", "focal-l1", *NUMBERS, "--beta", ".3"], "beta is .3; expected 0.367879..1"),
    (["classification", "hinge", "1,2", "1,-1", "--margin", "-1"], "margin is -1; expected ≥ 0"),
    (["classification", "squared-hinge", "1,2", "1,-1", "--margin=-.1"], "margin is -.1; expected ≥ 0"),
    (["regression", "smooth-l1", *NUMBERS, "--beta", "-1"], "beta is -1; expected ≥ 0"),
    (["regression", "quantile", *NUMBERS, "--tau", "1.2"], "tau is 1.2; expected 0..1"),
    (["classification", "distillation", *NUMBERS, "--temperature", "0"], "temperature is 0; expected > 0"),
    (["box", "siou", *BOX, "--theta", "9"], "theta is 9; expected 2..6"),
    (["box", "wiou", *BOX, "--version", "4"], "version is 4; expected 1 | 2 | 3"),
    (["box", "wiou", *BOX, "--iou-mean", "-1"], "iou_mean is -1; expected ≥ 0 | auto"),
    (
        ["box", "focaler-iou", *BOX, "--d", ".9", "--u", ".5"],
        "focaler-iou: d is 0.9 and u is 0.5; d has to be below u",
    ),
    (["box", "nwd", *BOX], "nwd needs constant"),
    (["box", "mpdiou", *BOX], "mpdiou needs width and height"),
    (["box", "mpdiou", *BOX, "--width=640"], "mpdiou needs height"),
    (["box", "giou,mpdiou(width=640)", *BOX], "mpdiou needs height"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED, ids=lambda part: part if isinstance(part, str) else "")
def test_refused(here, arguments, message):
    answer = here(*arguments)
    assert answer.code == 2
    assert answer.error() == message


@pytest.mark.parametrize("name", [name for name in names() if any(p.required for p in find(name).parameters)])
def test_what_lacks_is_explained(here, name):
    lacking = [parameter for parameter in find(name).parameters if parameter.required]
    answer = here("box", name, *BOX)
    assert answer.hint == "; ".join(f"{parameter.name}: {parameter.text}" for parameter in lacking)


WARNING = (
    "lossctl: warning: focal-eiou: 1 of 2 items weigh 0: "
    "a disjoint pair counts for nothing, so that worse boxes can have the lower loss\n"
)


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_disjoint_pairs_of_focal_eiou_are_warned_of(here, reduction):
    pred, target = "20,0,30,10;5,5,15,15", "0,0,10,10;0,0,10,10"
    options = ["--reduction", reduction]
    answer = here("box", "focal-eiou", pred, target, *options)
    assert (answer.code, answer.err) == (0, WARNING)
    # A weight of iou⁰ is 1 for all.
    for quiet in (["--gamma=0"], ["--quiet"]):
        assert here("box", "focal-eiou", pred, target, *options, *quiet).err == ""
    assert here("box", "focal-eiou", "5,5,15,15", "0,0,10,10", *options).err == ""
    assert here("box", "eiou", pred, target, *options).err == ""


def test_disjoint_pairs_are_counted_by_compiled_kernels_too(here, tmp_path):
    rows = 3000
    (tmp_path / "p.csv").write_text("0,0,10,10\n20,0,30,10\n" * rows)
    (tmp_path / "t.csv").write_text("0,0,10,10\n0,0,10,10\n" * rows)
    answer = here("box", "focal-eiou", tmp_path / "p.csv", tmp_path / "t.csv")
    assert f"{rows} of {2 * rows} items weigh 0" in answer.err
    assert answer.out == "0\n"


def test_disjoint_pairs_alone_have_no_mean(here):
    answer = here("box", "focal-eiou", "20,0,30,10", "0,0,10,10")
    assert answer.code == 3
    assert answer.error() == "focal-eiou: every item weighs 0"
    assert answer.hint == "a disjoint pair counts for nothing, so that worse boxes can have the lower loss"
