"""Every rival computes the loss that it is timed against: the agreement check is the test."""

import numpy as np
import pytest

from lossctl.bench.cases import CLASSES, DTYPES, MAKERS, has_native, kinds, layouts, make, requested
from lossctl.bench.contest import Disagreement, agree_on_items, agree_on_value, by_item, first_call, of_arrays
from lossctl.bench.rivals import Absent, bound, check_options, check_rival, find_rival, own
from lossctl.bench.rivals.expressions import EXPRESSIONS
from lossctl.errors import UsageError
from lossctl.loss import find, names
from lossctl.requests import requests

SIZE = 1500
# Of images in which every class shall be.
PIXELS = 30 * CLASSES * CLASSES
SPELLED = [
    "ciou(gate=0.5)", "alpha-iou(base=ciou,k=2)", "alpha-iou(base=giou)", "focaler-iou(base=siou,d=0.2,u=0.7)",
    "focaler-iou(base=ciou,gate=0.4)", "inner-iou(base=eiou,ratio=1.2)", "cdiou(base=giou,lam=0.5)",
    "piou(version=2)", "wiou(version=2)", "wiou(version=3)", "wiou(version=3,iou_mean=0.4)", "shape-iou(scale=1)",
    "iou(form=square)", "siou(theta=3)", "nwd(constant=40)", "mpdiou(width=700,height=600)", "bounded-iou(beta=0.4)",
    "bce(pos_weight=2)", "focal(alpha=none,gamma=1.5)", "varifocal(gamma=1)", "ce(label_smoothing=0)",
    "softmax-focal(gamma=1)", "poly1(epsilon=2)", "distillation(temperature=3)", "dice(squared=yes,smooth=1)",
    "jaccard(squared=yes,smooth=1)", "tversky(fp_weight=0.6,smooth=1)", "focal-tversky(gamma=2)",
    "generalized-dice(weight=simple)", "unified-focal(lam=0.3,delta=0.7,gamma=0.8)", "smooth-l1(beta=0.3)",
    "huber(delta=0.3)", "wing(w=1,epsilon=0.5)", "quantile(tau=0.9)", "cauchy(c=2)", "welsch(c=2)",
    "balanced-l1(a=0.7,gamma=2,b=0.5)", "gwd(tau=2,alpha=0.5)", "kld(tau=2,alpha=2)", "contrastive(margin=12)",
    "triplet(margin=3)", "triplet(squared=yes)", "margin-ranking(margin=0.5)", "hinge-embedding(margin=2)",
    "cosine-embedding(margin=0.1)", "hausdorff(alpha=1.5)",
    "geman-mcclure(c=2)", "pseudo-huber(delta=2)", "charbonnier(epsilon=1)", "hinge(margin=2)", "focal-l1(beta=0.5)",
]  # fmt: skip
KINDS = [pytest.param(*kind, id=str(kind)) for kind in kinds()]


def check(rival, request, layout, dtype, gradient=False, input="", **options):
    """Let a rival compute, and raise Disagreement where it is another number."""
    size = PIXELS if layout == "NCHW" else SIZE
    case = make(request, size, dtype, layout, options=options, input=input)
    bout = of_arrays(case, gradient, find_rival(rival, request, input or "logits"))
    bout.agree(bout.ours(), bout.theirs())


def test_every_loss_has_rivals():
    assert sorted(EXPRESSIONS) == sorted(names())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "layout", "input"), KINDS)
def test_numpy(name, layout, input, dtype):
    check("numpy", requested(name), layout, dtype, input=input)


@pytest.mark.parametrize("text", SPELLED)
def test_numpy_with_parameters(text):
    check("numpy", requests(text)[0], "", "float64")


@pytest.mark.parametrize(("name", "layout", "input"), KINDS)
def test_torch(name, layout, input):
    pytest.importorskip("torch")
    check("torch", requested(name), layout, "float64", input=input)
    check("torch", requested(name), layout, "float64", gradient=True, input=input)


@pytest.mark.parametrize(("name", "layout", "input"), KINDS)
def test_torch_in_single_precision_beside_native_arithmetic(name, layout, input):
    pytest.importorskip("torch")
    options = {"arithmetic": "native"} if has_native(requested(name)) else {}
    for gradient in (False, True):
        check("torch", requested(name), layout, "float32", gradient, input, **options)


def test_triplets_of_another_norm_have_no_numpy():
    with pytest.raises(Absent, match="numpy's triplet has no p"):
        find_rival("numpy", requests("triplet(p=1)")[0])


@pytest.mark.parametrize("rival", ["python", "powerboxes", "torchvision", "monai"])
def test_other_rivals(rival):
    try:
        check_rival(rival)
    except UsageError as lacking:
        pytest.skip(str(lacking))
    taking_part = 0
    for name in names():
        try:
            find_rival(rival, requested(name))
        except Absent:
            continue
        for layout in layouts(find(name))[: 2 if rival == "monai" else 1]:
            check(rival, requested(name), layout, "float64")
        taking_part += 1
    assert taking_part >= 2


def test_every_shape_has_data():
    shapes = {find(kind.name).shape for kind in kinds()}
    assert shapes <= MAKERS.keys()
    for name, layout, input in kinds():
        case = make(requested(name), SIZE, "float32", layout, seed=3, input=input)
        assert {side.dtype.name for side in case.sides} == {"float32"}
        assert 0.85 * SIZE <= case.items <= SIZE
        again = make(requested(name), SIZE, "float32", layout, seed=3, input=input)
        other = make(requested(name), SIZE, "float32", layout, seed=4, input=input)
        assert np.array_equal(case.sides[0], again.sides[0])
        assert not np.array_equal(case.sides[0], other.sides[0])


def test_a_shape_without_data(monkeypatch):
    monkeypatch.delitem(MAKERS, "boxes")
    with pytest.raises(UsageError, match="no random data for giou, a loss of boxes"):
        make(requested("giou"), 10, "float64")


def test_sums_need_data_that_suit_all():
    assert make(requests("giou+2*iou")[0], 10, "float64").items == 10
    with pytest.raises(UsageError, match="no random data suit all losses"):
        make(requests("giou+mse")[0], 10, "float64")


def test_what_a_rival_does_not_have():
    for rival, text, reason in (
        ("python", "ciou", "python has no ciou"),
        ("numpy", "ce(label_smoothing=0.1)", "numpy's ce has no label_smoothing"),
        ("numpy", "giou+iou", "numpy has no sums of losses"),
    ):
        with pytest.raises(Absent, match=reason):
            find_rival(rival, requests(text)[0])
    with pytest.raises(Absent, match="numpy has no bce of probabilities"):
        find_rival("numpy", requested("bce"), "probs")
    with pytest.raises(Absent, match="not written for ignore-index 255"):
        check_options("numpy", {"input": "logits", "threads": 2, "ignore_index": 255.0})


def test_settings_pass_by_name_to_the_first_that_takes_them():
    request = requests("bce(pos_weight=3)")[0]
    function = bound("x", request, "logits", {"bce": lambda z, y: 1}, {"bce": lambda z, y, pos_weight: pos_weight})
    assert function(0, 0) == 3


def test_unknown_and_missing_rivals(monkeypatch):
    with pytest.raises(UsageError, match="did you mean 'numpy'"):
        check_rival("nunpy")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="rival torch is not installed") as told:
        check_rival("torch")
    assert told.value.hint == "pip install 'lossctl[torch]'"


# --- agreement ---


def test_numbers_that_differ_are_both_told():
    agree_on_value(1.0, np.float32(1 + 1e-7), 1e-6)
    for other in (1.001, float("nan"), float("inf")):
        with pytest.raises(Disagreement, match=r"it says .*, lossctl 1"):
            agree_on_value(1.0, other, 1e-6)
    with pytest.raises(Disagreement, match="it returns list, expected a number"):
        agree_on_value(1.0, [1, 2], 1e-6)


def test_first_item_that_differs():
    values = np.linspace(1, 2, 11)
    agree_on_items(values, values * (1 + 1e-9), 1e-6)
    other = values.copy()
    other[[4, 7]] += 0.5
    with pytest.raises(Disagreement, match=r"item 4: it says 1\.9, lossctl 1\.4 \(2 of 11 items differ\)"):
        agree_on_items(values, other, 1e-6)
    with pytest.raises(Disagreement, match="it returns 3, lossctl has 11 items"):
        agree_on_items(values, other[:3], 1e-6)


def mine(tmp_path, body):
    """Return the rival of a file with a function f of that body."""
    (tmp_path / "mine.py").write_text(f"def f(p, t):\n    {body}\n")
    return own.load(f"{tmp_path}/mine.py:f")


def test_a_function_that_returns_items_is_timed_against_items(tmp_path):
    case = make(requested("mse"), 100, "float64")
    bout = of_arrays(case, False, mine(tmp_path, "return (p - t) ** 2"))
    _, _, theirs = first_call(bout.theirs)
    every = by_item(case, bout, theirs)
    assert every.ours().shape == (100,)
    every.agree(every.ours(), theirs)
    with pytest.raises(Disagreement, match="item 0"):
        every.agree(every.ours(), theirs + 1)


def test_gradients_of_a_function(tmp_path):
    case = make(requested("mse"), 100, "float64")
    good = of_arrays(case, True, mine(tmp_path, "return ((p - t) ** 2).mean(), 2 * (p - t) / len(p)"))
    good.agree(good.ours(), good.theirs())
    for body, message in (
        ("return ((p - t) ** 2).mean(), (p - t) / len(p)", r"gradient at \(\d+,\)"),
        ("return ((p - t) ** 2).mean(), (p - t)[:5]", "its gradient is 5, lossctl's 100"),
        ("return ((p - t) ** 2).mean()", "no pair of value and gradient"),
    ):
        bad = of_arrays(case, True, mine(tmp_path, body))
        with pytest.raises(Disagreement, match=message):
            bad.agree(bad.ours(), bad.theirs())


def test_single_precision_may_take_another_side_of_a_few_kinks(tmp_path):
    body = "g = 2 * (p - t) / len(p); g[:{}] += 1; return ((p - t) ** 2).mean(), g"
    for dtype, size, wrong, right in (
        ("float32", 100_000, 1, True), ("float32", 100_000, 2, False), ("float32", 99_999, 1, False),
        ("float64", 100_000, 1, False),
    ):  # fmt: skip
        bout = of_arrays(make(requested("mse"), size, dtype), True, mine(tmp_path, body.format(wrong)))
        if right:
            bout.agree(bout.ours(), bout.theirs())
            continue
        with pytest.raises(Disagreement, match="gradient at"):
            bout.agree(bout.ours(), bout.theirs())


def test_gradients_by_several_sides(tmp_path):
    case = make(requested("margin-ranking"), 100, "float64")
    body = "s = (-t * (p[0] - p[1]) > 0) * t / len(t); l = (-t * (p[0] - p[1])).clip(0).mean()"
    for end, message in (
        ("return l, (-s, s)", None), ("return l, (-s, -s)", r"gradient by x2 at"), ("return l, -s", "each of 2 sides"),
    ):  # fmt: skip
        bout = of_arrays(case, True, mine(tmp_path, f"{body}; {end}"))
        if message is None:
            bout.agree(bout.ours(), bout.theirs())
            continue
        with pytest.raises(Disagreement, match=message):
            bout.agree(bout.ours(), bout.theirs())


def test_functions_that_are_not_there(tmp_path):
    (tmp_path / "mine.py").write_text("f = 3\nraise SystemExit")
    for text, message in (
        ("mine", "is no rival"), (f"{tmp_path}/no.py:f", "no file"), ("nothing_like_it:f", "no module nothing_like_it"),
        ("math:nope", "math has no function nope"), (f"{tmp_path}/mine.py:f", "does not run: SystemExit"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=message):
            own.load(text)
