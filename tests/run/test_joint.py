"""A weighted sum is what its terms are alone, weighed and added: values, slopes, counts, from arrays and recipes."""

import math

import numpy as np
import pytest
from cases import boxes

import lossctl
from lossctl.run import slopes

chance = np.random.default_rng(5)
SCORES, LABELS = chance.normal(0, 2, (3, 17, 23)), chance.integers(0, 3, (17, 23))
LOGITS = {"input": "logits"}
# What is asked for, its terms one by one, and data.
CASES = {
    "giou+2*box-l1": ({"giou": 1, "box-l1": 2}, *boxes(1500), {}),
    "1e-3*mse+mae+rmse": (
        {"mse": 1e-3, "mae": 1, "rmse": 1}, chance.normal(0, 2, 3000), chance.normal(0, 2, 3000), {},
    ),
    "0.4*dice+0.6*ce": ({"dice": 0.4, "ce": 0.6}, SCORES, LABELS, LOGITS | {"ignore_index": 1}),
    "tversky(fp_weight=0.3)+.5*softmax-focal(gamma=1)+ce": (
        {"tversky(fp_weight=0.3)": 1, "softmax-focal(gamma=1)": 0.5, "ce": 1}, SCORES, LABELS,
        LOGITS | {"normalizer": 100},
    ),
    "bce+dice": ({"bce": 1, "dice": 1}, SCORES[0], LABELS > 0, LOGITS),
    # Here each loss needs passes of its own: a mean that has to be known first.
    "wiou(iou_mean=auto)+0.25*focal-eiou": ({"wiou(iou_mean=auto)": 1, "focal-eiou": 0.25}, *boxes(40), {}),
}  # fmt: skip


@pytest.mark.parametrize("text", CASES)
def test_a_sum_is_its_terms_added(text):
    terms, pred, target, keywords = CASES[text]
    value, gradient = lossctl.loss(text).value_and_gradient(pred, target, **keywords)
    alone = [(w, *lossctl.loss(name).value_and_gradient(pred, target, **keywords)) for name, w in terms.items()]
    assert value == math.fsum(w * v for w, v, _ in alone)
    assert np.array_equal(gradient, sum(w * g for w, _, g in alone))
    assert gradient.shape == pred.shape
    assert lossctl.loss(text)(pred, target, **keywords) == value


# The focusing weights of wiou and focal-eiou are constants in their slopes.
@pytest.mark.parametrize("text", [text for text in CASES if "wiou" not in text])
def test_gradient_is_that_of_the_total(text):
    _, pred, target, keywords = CASES[text]
    joint = lossctl.loss(text)
    gradient = joint.gradient(pred, target, **keywords)
    for place in np.argsort(-np.abs(gradient), axis=None)[:5].tolist():
        step = np.zeros(pred.size)
        step[place] = 1e-5
        step = step.reshape(pred.shape)
        rise = joint(pred + step, target, **keywords) - joint(pred - step, target, **keywords)
        assert gradient.flat[place] == pytest.approx(rise / 2e-5, rel=1e-4)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("waiting", [1 << 26, 100])
def test_same_bits_for_any_threads_and_on_disk(monkeypatch, threads, waiting):
    monkeypatch.setattr(slopes, "WAITING", waiting)
    monkeypatch.setattr(slopes, "PIECE", 1000)
    pred, target = boxes(40_000)
    joint = lossctl.loss("giou+2*box-l1+0.1*focal-eiou")
    expected = sum(
        w * lossctl.loss(n).gradient(pred, target) for w, n in [(1, "giou"), (2, "box-l1"), (0.1, "focal-eiou")]
    )
    assert np.array_equal(joint.gradient(pred, target, threads=threads), expected)


def test_full_temporary_folder_is_told(monkeypatch):
    class Full:
        def __init__(self, size):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def write(self, data):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(slopes.tempfile, "SpooledTemporaryFile", Full)
    with pytest.raises(lossctl.OutputError, match="no space left on device") as caught:
        lossctl.loss("mae+mse").gradient([1.0], [2.0])
    assert "TMPDIR" in caught.value.hint


def test_items_are_added_where_they_correspond():
    pred, target = boxes(200)
    found = lossctl.loss("giou+2*box-l1")(pred, target, reduction="none")
    giou, box_l1 = (lossctl.loss(name)(pred, target, reduction="none") for name in ("giou", "box-l1"))
    assert np.array_equal(found, giou + 2 * box_l1)
    summed = lossctl.loss("giou+2*box-l1").gradient(pred, target, reduction="none")
    assert np.array_equal(summed, lossctl.loss("giou+2*box-l1").gradient(pred, target, reduction="sum"))


def test_items_that_do_not_correspond_are_refused():
    with pytest.raises(lossctl.UsageError, match="different numbers of values: dice 3, ce 391"):
        lossctl.loss("dice+ce")(SCORES, LABELS, input="logits", reduction="none")


def test_a_term_of_weight_0_adds_nothing_even_where_it_is_infinite():
    apart = [[0.0, 0.0, 1.0, 1.0]], [[5.0, 5.0, 6.0, 6.0]]
    assert lossctl.loss("iou(form=log)+giou")(*apart) == math.inf
    assert lossctl.loss("0*iou(form=log)+giou")(*apart) == lossctl.loss("giou")(*apart)
    assert lossctl.loss("0*iou(form=log)+giou")(*apart, reduction="none").tolist() == [lossctl.loss("giou")(*apart)]
    assert np.array_equal(lossctl.loss("0*mse+mae").gradient([1.0], [3.0]), [-1])
    assert lossctl.loss("0*mae")([1.0], [3.0]) == 0


def test_result_of_a_sum():
    result = lossctl.evaluate("dice+0.5*ce", SCORES, LABELS, input="logits", ignore_index=1)
    dice, ce = result.terms
    assert (result.loss, result.family, result.count) == ("dice+0.5*ce", "joint", None)
    assert [(term.name, term.weight) for term in result.terms] == [("dice", 1), ("ce", 0.5)]
    assert result.value == dice.value + 0.5 * ce.value
    assert (dice.weighted, ce.weighted) == (dice.value, 0.5 * ce.value)
    assert result.ignored == ce.ignored == (LABELS == 1).sum()
    assert result.signature == f"{dice.signature} + 0.5*{ce.signature}"
    same = lossctl.evaluate("mae+mse", [1.0, 2.0], [2.0, 3.0])
    assert (same.family, same.count) == ("regression", 2)


def test_terms_of_one_loss_are_told_apart_by_their_parameters():
    result = lossctl.evaluate("huber(delta=1)+huber(delta=2)", [5.0], [1.0])
    assert [term.name for term in result.terms] == ["huber(delta=1)", "huber(delta=2)"]


def test_function_tells_what_it_adds():
    joint = lossctl.loss("giou+0.5*ciou(gate=0.5)")
    assert repr(joint) == "lossctl.loss('giou+0.5*ciou(gate=0.5)')"
    assert joint.name == "giou+0.5*ciou"
    assert joint.parameters == {"ciou.gate": 0.5}
    assert "Rezatofighi" in joint.reference
    assert "Zheng" in joint.reference
    assert "giou: 1 - iou" in joint.formula
    with pytest.raises(lossctl.UsageError, match="gate with several losses"):
        joint([[0, 0, 1, 1]], [[0, 0, 1, 1]], gate=0)


def test_segmentation_by_torch(samples):
    torch = pytest.importorskip("torch")
    logits = torch.tensor(np.load(samples / "classes_logits.npy").astype(np.float64), requires_grad=True)
    labels = torch.tensor(np.load(samples / "classes_target.npy").astype(np.int64))
    keep = labels != 255
    ce = torch.nn.functional.cross_entropy(logits[None], labels[None], ignore_index=255)
    probs = logits.softmax(0)[1:, keep]
    truth = torch.stack([labels[keep] == c for c in (1, 2)]).double()
    dice = (1 - 2 * (probs * truth).sum(1) / (probs.sum(1) + truth.sum(1))).mean()
    (0.4 * dice + 0.6 * ce).backward()
    found = lossctl.joint(samples / "segmentation.toml")
    assert [term.value for term in found.terms] == [pytest.approx(dice.item()), pytest.approx(ce.item())]
    assert found.total == pytest.approx((0.4 * dice + 0.6 * ce).item(), rel=1e-12)
    gradient = lossctl.loss("0.4*dice+0.6*ce").gradient(
        logits.detach().numpy(), labels.numpy(), input="logits", ignore_index=255, include_background=False
    )
    assert gradient == pytest.approx(logits.grad.numpy(), rel=1e-9, abs=1e-15)


def test_ssd_by_torch(samples):
    torch = pytest.importorskip("torch")
    scores = torch.tensor(np.loadtxt(samples / "ssd_scores.csv", delimiter=",", skiprows=1))
    offsets = torch.tensor(np.loadtxt(samples / "ssd_offsets.csv", delimiter=",", skiprows=1))
    classes = scores[:, 2].long()
    # Three negatives for each positive, both losses divided by the number of positives.
    assert len(scores) == 4 * int(classes.sum()) == 4 * len(offsets)
    conf = torch.nn.functional.cross_entropy(scores[:, :2], classes, reduction="sum")
    loc = torch.nn.functional.smooth_l1_loss(offsets[:, :4], offsets[:, 4:], reduction="sum")
    found = lossctl.joint(samples / "ssd.toml")
    assert found.total == pytest.approx((conf + loc).item() / len(offsets), rel=1e-12)
    assert lossctl.joint(samples / "ssd.toml", weights={"offset": 0.5}).total == pytest.approx(
        (conf + 0.5 * loc).item() / len(offsets), rel=1e-12
    )


def recipe(tmp_path, text):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    return path


def test_recipe_is_its_terms_added(tmp_path):
    np.save(tmp_path / "p.npy", [1.0, 2.0])
    path = recipe(
        tmp_path,
        """
        target = "5,5"
        [[term]]
        name = "far"
        loss = "mse+0.5*mae"
        weight = 2
        pred = "p.npy"
        [[term]]
        loss = "huber(delta=2)"
        pred = "4,4"
        reduction = "sum"
        weights = "3,1"
        """,
    )
    found = lossctl.joint(path)
    assert [(term.name, term.weight, term.value) for term in found.terms] == [
        ("far", 2, 12.5 + 0.5 * 3.5), ("huber", 1, 4 * 0.5),
    ]  # fmt: skip
    assert found.total == found.value == float(found) == 2 * 14.25 + 2
    far, huber = found.terms
    assert found.signature == f"2*({far.signature}) + {huber.signature}"
    assert [side.path for side in far.inputs] == [str(tmp_path / "p.npy"), "target"]


def test_defaults_reach_the_terms_that_have_a_use_for_them(tmp_path):
    path = recipe(
        tmp_path,
        """
        input = "logits"
        box_format = "xywh"
        target = "1"
        [[term]]
        loss = "bce"
        pred = "2"
        [[term]]
        loss = "giou"
        pred = "0,0,2,2"
        target = "0,0,4,4"
        pred_format = "xyxy"
        """,
    )
    bce, giou = lossctl.joint(path).terms
    assert bce.value == pytest.approx(math.log1p(math.exp(-2)))
    assert giou.value == 0.75
    assert "format=xyxy:xywh" in giou.signature


def test_own_loss_files_are_found_beside_the_recipe(tmp_path):
    (tmp_path / "mine.py").write_text("def value(pred, target): return 7 * pred")
    path = recipe(tmp_path, '[[term]]\nloss = "./mine.py"\npred = "2"\ntarget = "1"')
    assert lossctl.joint(path).total == 14


def test_warnings_name_their_term(tmp_path):
    path = recipe(tmp_path, '[[term]]\nname = "a"\nloss = "iou(form=log)"\npred = "0,0,1,1"\ntarget = "5,5,6,6"')
    assert lossctl.joint(path).warnings == ("a: 1 of 1 items have an infinite iou",)
    assert lossctl.joint(path, weights={"a": 0}).total == 0
