"""--like: what it refuses, how it is told, and that it computes as everything else does."""

import json
from inspect import signature

import alike
import numpy as np
import pytest

import lossctl
from lossctl.engine import kernels
from lossctl.like.shelf import LIBRARIES, conventions
from lossctl.loss import find

EVERY = [(library, name) for library in LIBRARIES for name in conventions(library)]
BOX = "0,0,20,5", "0,0,10,10"


def case(library, name):
    """Return (prediction, target, options) for a loss that a library has."""
    loss = find(name)
    options = {"input": conventions(library)[name].inputs[0]} if loss.takes_scores else {}
    if loss.shape == "boxes":
        return *alike.BOXES, options
    if loss.shape == "rotated":
        return *alike.ROTATED, options
    if loss.shape == "scores":
        sides = alike.NUMBERS if len(loss.sides) > 1 else np.abs(alike.NUMBERS[0])
        return sides, np.sign(alike.NUMBERS[0][::-1]), options
    if loss.shape == "numbers":
        target = np.sign(alike.NUMBERS[1]) if "hinge" in name else np.abs(alike.NUMBERS[1])
        return np.abs(alike.NUMBERS[0]), target, options
    if loss.shape == "regions":
        return alike.MASK_LOGITS, alike.MASK, options | {"layout": "NHW"}
    if loss.shape == "classes":
        return alike.ROWS, alike.LABELS, options
    return alike.LOGITS, alike.SOFT, options


@pytest.mark.parametrize(("library", "name"), EVERY)
def test_conventions_fit_our_losses(library, name):
    loss, shared = find(name), conventions(library)[name]
    ours = {parameter.name for parameter in loss.parameters}
    assert set(shared.defaults) <= ours
    assert set(shared.lacks) <= ours | {"weights", "class_weights"}
    for value in filter(None, (shared.value, shared.value_of_probs)):
        taken = [n for n, a in signature(value).parameters.items() if a.annotation is not a.empty]
        assert len(taken) == len(loss.parameters)


@pytest.mark.parametrize(("library", "name"), EVERY)
def test_interpreted_equals_compiled(library, name, monkeypatch):
    pred, target, options = case(library, name)
    if options.get("input") == "logits" and conventions(library)[name].value_of_probs is not None:
        options, pred = options | {"input": "probs"}, 1 / (1 + np.exp(-pred))
        pred = pred if find(name).shape == "binary" else alike.softmax(alike.ROWS)
    found = []
    for small in (1 << 30, 0):
        monkeypatch.setattr(kernels, "SMALL", small)
        monkeypatch.setattr(kernels, "_warm", set())
        monkeypatch.setattr(kernels, "_interpreted", {})
        found.append(lossctl.loss(name)(pred, target, like=library, **options))
    assert found[0] == found[1]


@pytest.mark.parametrize(("library", "name"), EVERY)
def test_explain_tells_every_convention(library, name, here):
    text = here("explain", name).out.partition("\nLike\n")[2].partition("\nReference\n")[0]
    told = " ".join(text.split())
    assert f"{library} " in told
    assert conventions(library)[name].called in told


def test_what_nobody_shares_has_no_section(here):
    assert "\nLike\n" not in here("explain", "wiou").out


def test_signature_and_parameters_in_force(here):
    answer = here("box", "ciou", *BOX, "--like", "mmdet", "--format", "json")
    (result,) = json.loads(answer.out)["results"]
    assert result["parameters"] == {"gate": 0.5}
    assert "|like=mmdet|" in result["signature"]
    assert "like" not in here("box", "ciou", *BOX, "--format", "json").out


def test_what_is_said_counts_more_than_their_default():
    dice = lossctl.loss("dice", smooth=0)
    options = {"input": "logits", "layout": "NHW"}
    plain = dice(alike.MASK_LOGITS, alike.MASK, aggregate="per-image", absent="count", **options)
    assert dice(alike.MASK_LOGITS, alike.MASK, like="monai", **options) == pytest.approx(plain, rel=1e-14)
    assert lossctl.loss("dice")(alike.MASK_LOGITS, alike.MASK, like="monai", **options) != pytest.approx(
        plain, rel=1e-9
    )


def test_all_takes_what_the_library_has(here):
    answer = here("box", "all", *BOX, "--like", "torchvision")
    assert [line.split("\t")[0] for line in answer.out.splitlines()] == ["ciou", "diou", "giou"]


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["wiou", "--like=torchvision"], "torchvision has no wiou", "shared with torchvision: ciou, diou, focal, giou"),
        (["ciou", "--like=torchvision", "--gate=.5"], "torchvision's complete_box_iou_loss has no gate", ""),
        (["giou", "--like=torchvision", "--weights=1"], "torchvision's generalized_box_iou_loss has no weights", ""),
        (["giou", "--like=torchvison"], "like is 'torchvison'; expected torchvision, torch, mmdet", ""),
        (["giou,wiou", "--like=mmdet"], "mmdet has no wiou", "shared with mmdet: balanced-l1, bce"),
        (["giou", "--like=mmdet", "--gradient=g.npy"], "a gradient like mmdet", "leave --like out"),
    ],
)
def test_refusals_of_boxes(arguments, message, hint, here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name, *options = arguments
    answer = here("box", name, *BOX, *options)
    assert answer.code == 2
    assert message in answer.error()
    assert hint in answer.hint


@pytest.mark.parametrize(
    ("name", "library", "options", "message"),
    [
        ("focal", "torchvision", {"input": "probs"}, "takes logits, not probs"),
        ("focal", "monai", {"input": "logits", "reduction": "sum"}, "no such reduction 'sum'"),
        ("dice", "smp", {"input": "logits", "layout": "NHW", "aggregate": "per-image"}, "does not pool 'per-image'"),
        (
            "dice",
            "monai",
            {"input": "logits", "layout": "NHW", "absent": "zero"},
            "absent 'zero' with monai's DiceLoss",
        ),
        ("dice", "keras", {"input": "logits", "layout": "NHW", "weights": [1.0] * 3}, "keras's Dice has no weights"),
        ("dice", "mmdet", {"input": "logits", "layout": "CHW"}, "takes masks of one channel, not 3 classes"),
    ],
)
def test_refusals_of_scores(name, library, options, message):
    pred, target = (alike.MASK_LOGITS, alike.MASK) if name == "dice" else (alike.LOGITS, alike.HARD)
    with pytest.raises(lossctl.UsageError, match=message):
        lossctl.loss(name)(pred, target, like=library, **options)


def test_an_own_loss_is_nobodys(tmp_path):
    own = tmp_path / "giou.py"
    own.write_text("SHAPE = 'boxes'\ndef value(p, g):\n    return p[0] - g[0]\n")
    with pytest.raises(lossctl.UsageError, match="torchvision has no giou"):
        lossctl.loss(str(own))([[1, 0, 2, 2]], [[0, 0, 1, 1]], like="torchvision")


def test_validation_stays_ours():
    with pytest.raises(lossctl.DataError, match="inverted box"):
        lossctl.loss("giou")([[5, 0, 2, 2]], [[0, 0, 1, 1]], like="torchvision")


@pytest.mark.parametrize("aggregate", ["all", "global", "per-image"])
def test_pooling_without_a_library(aggregate):
    """Dice by hand: over everything, per class over the images, per image and class."""
    probs, goal = alike.softmax(alike.SCORES), alike.one_hot(alike.CLASS_MAP, 4)
    axes = {"all": (0, 1, 2, 3), "global": (0, 2, 3), "per-image": (2, 3)}[aggregate]
    ratios = 1 - 2 * (probs * goal).sum(axes) / (probs + goal).sum(axes)
    options = {"input": "logits", "layout": "NCHW", "absent": "count", "aggregate": aggregate}
    found = lossctl.loss("dice")(alike.SCORES, alike.CLASS_MAP, **options)
    assert found == pytest.approx(ratios.mean(), rel=1e-12)
    everywhere = lossctl.loss("dice").gradient(alike.SCORES, alike.CLASS_MAP, **options)
    step = np.zeros_like(alike.SCORES)
    step[1, 2, 3, 4] = 1e-5
    up, down = (lossctl.loss("dice")(alike.SCORES + s, alike.CLASS_MAP, **options) for s in (step, -step))
    assert everywhere[1, 2, 3, 4] == pytest.approx((up - down) / 2e-5, rel=1e-5)
