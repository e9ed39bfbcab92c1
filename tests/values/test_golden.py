"""Golden numbers, computed with 50 digits by someone else."""

import math

import numpy as np
import pytest
from points import GOLDEN, GOLDEN_TARGET

import lossctl

INF = math.inf
# Pairs A to G.
VALUES = {
    "iou": (0.857142857143, 1, 0.76, 0, 0.666666666667, 1, 1),
    "iou(form=square)": (0.979591836735, 1, 0.9424, 0, 0.888888888889, 1, 1),
    "iou(form=log)": (1.94591014906, INF, 1.42711635564, 0, 1.09861228867, INF, INF),
    "giou": (1.07936507937, 1.33333333333, 0.76, 0, 0.916666666667, 1, 1.25),
    "diou": (0.968253968254, 1.4, 0.76, 0, 0.729166666667, 1.2, 1.36764705882),
    "ciou": (0.968253968254, 1.4, 0.760321458384, 0, 0.747013350017, 1.2, 1.36933651969),
    "ciou(gate=0.5)": (0.968253968254, 1.4, 0.76, 0, 0.729166666667, 1.2, 1.36764705882),
    "eiou": (0.968253968254, 1.4, 1.28, 0, 1.22916666667, 1.2, 1.43014705882),
    "focal-eiou": (0.36596560085, 0, 0.627069374152, 0, 0.709659705879, 0, 0),
    "cdiou": (1.19047619048, 1.63245553203, 1.01495097568, 0, 0.959371764979, 1.4472135955, 1.60633906259),
    "box-l1": (5, 10, 2.5, 0, 3.75, 5, 12.5),
    "box-smooth-l1": (4.5, 9.75, 2, 0, 3.5, 4.75, 12.25),
}
OVERLAPPING, APART = (1.0, 2.0, 9.0, 14.0), (13.0, -8.0, 18.0, -3.0)
IOU = (0.0459136823, 0.0606060606, -0.0459136823, 0.0293847567)
SLOPES = {
    "iou": (IOU, (0, 0, 0, 0)),
    "iou(form=square)": ((0.0445223586, 0.0587695133, -0.0445223586, 0.0284943095), (0, 0, 0, 0)),
    "iou(form=log)": ((0.0946969697, 0.125, -0.0946969697, 0.0606060606), (0, 0, 0, 0)),
    "giou": (
        (0.0744851108, 0.0606060606, -0.0744851108, 0.0395888383),
        (0.0154320988, -0.00600137174, 0.00600137174, -0.0154320988),
    ),
    "diou": (
        (0.0459136823, 0.0707411957, -0.0459136823, 0.0366437048),
        (0.0162037037, 0.00270061728, -0.00270061728, -0.0162037037),
    ),
    "ciou": (
        (0.0461882391, 0.0705581578, -0.0461882391, 0.0368267427),
        (0.0162037037, 0.00270061728, -0.00270061728, -0.0162037037),
    ),
    "ciou(gate=0.5)": (
        (0.0459136823, 0.0707411957, -0.0459136823, 0.0366437048),
        (0.0162037037, 0.00270061728, -0.00270061728, -0.0162037037),
    ),
    "eiou": (
        (0.0859136823, 0.0503330325, -0.0859136823, 0.0541364162),
        (0.0470679012, 0.042138203, -0.042138203, -0.0470679012),
    ),
    "focal-eiou": ((0.0598226097, 0.0350474252, -0.0598226097, 0.0376957617), (0, 0, 0, 0)),
    "cdiou": (
        (0.0559363971, 0.0865998229, -0.0559363971, 0.0488379497),
        (0.015308519, 0.00433861527, -0.00433861527, -0.015308519),
    ),
    "box-l1": ((0.25, 0.25, -0.25, 0.25), (0.25, -0.25, 0.25, -0.25)),
    "box-smooth-l1": ((0.25, 0.25, -0.25, 0.25), (0.25, -0.25, 0.25, -0.25)),
}
Z, Y = [2.0, -1.0, 0.5, -3.0], [1.0, 0.0, 0.0, 1.0]
BINARY = [
    ("bce", {"reduction": "none"}, [0.1269280110429725, 0.31326168751822283, 0.97407698418010668, 3.0485873515737421]),
    ("bce", {}, 1.115713508578761),
    ("bce", {"pos_weight": 2}, 1.9095923492329397),
    ("bce", {"label_smoothing": 0.1}, 1.109463508578761),
    ("focal", {}, 0.24801831118525836),
    ("focal", {"normalizer": 2}, 0.49603662237051672),
    ("focal", {"alpha": None}, 0.79203841555709488),
    ("balanced-bce", {}, 0.43984571110698144),
]
REGIONS = [
    ("dice", {}, 0.51397152015280327),
    ("dice", {"smooth": 1}, 0.40733009921462529),
    ("dice", {"squared": True}, 0.42664024282768888),
    ("jaccard", {}, 0.67897118712104803),
    ("tversky", {"fp_weight": 0.5, "fn_weight": 0.5}, 0.51397152015280327),
    ("tversky", {}, 0.52298211656170909),
]
LOGIT_SLOPES = {
    "bce": [-0.11920292202211756, 0.26894142136999512, 0.62245933120185456, -0.95257412682243322],
    "focal": [-0.0012177350488481916, 0.039435847483170466, 0.39461386640593728, -0.28168747015872211],
}
DICE_SLOPE = [-0.041615957599311373, 0.025017909209204751, 0.029903075763283013, -0.017906522085275577]
SCORES, LABELS = [[2, 0.5, -1], [0.1, 0.2, 0.3]], [0, 2]
P, Q = [[0.1, 0.2, 0.7]], [[0.3, 0.3, 0.4]]
CLASSES = [
    ("ce", SCORES, LABELS, {"reduction": "none"}, [0.24131129665715706, 1.0019428482292441]),
    ("ce", SCORES, LABELS, {}, 0.62162707244320059),
    ("ce", SCORES, LABELS, {"label_smoothing": 0.1}, 0.70162707244320059),
    ("ce", SCORES, LABELS, {"class_weights": [1, 2, 3]}, 0.81178496033622236),
    ("ce", Q, P, {"input": "probs"}, 1.0025953536096893),
    ("kl", Q, P, {"input": "probs"}, 0.20077680106635203),
    ("js", Q, P, {"input": "probs"}, 0.051912259238103512),
    ("entropy", P, None, {"input": "probs"}, 0.80181855254333731),
    ("kl", Q, P, {"input": "probs", "log_base": "2"}, 0.28965969522397602),
    ("distillation", [[2, 0.5, -1]], [[1.0, 1.0, 0.0]], {"input": None}, 0.32351949697011049),
    ("distillation", [[2, 0.5, -1]], [[1.0, 1.0, 0.0]], {"input": None, "temperature": 4}, 0.36819588849920711),
    ("ce", [[0.3, 0.7]], [0], {"input": "probs"}, 1.2039728043259361),
    ("ce", [[0.3, 0.7]], [0], {"input": "probs", "log_base": "2"}, 1.7369655941662063),
    ("ce", [[0.3, 0.7]], [0], {"input": "probs", "log_base": "10"}, 0.5228787452803376),
]
D = [-3.0, -0.5, 0.0, 0.2, 2.0]
NUMBERS = [
    ("mae", 1.14),
    ("mse", 2.658),
    ("rmse", 1.6303373883954204),
    ("smooth-l1", 0.829),
    ("smooth-l1(beta=0.25)", 1.041),
    ("huber(delta=0.5)", 0.479),
    ("focal-l1", 0.70295297649442728),
    ("balanced-l1", 1.4312319048645167),
]


@pytest.mark.parametrize("name", VALUES)
def test_pairs(name):
    values = lossctl.loss(name)(np.array(list(GOLDEN.values())), np.array([GOLDEN_TARGET] * 7), reduction="none")
    np.testing.assert_allclose(values, VALUES[name], rtol=5e-12, atol=0)


@pytest.mark.parametrize("name", SLOPES)
def test_slopes_of_pairs(name):
    slopes = lossctl.loss(name).gradient([OVERLAPPING, APART], [GOLDEN_TARGET] * 2, reduction="sum")
    np.testing.assert_allclose(slopes, SLOPES[name], rtol=5e-9, atol=0)


@pytest.mark.parametrize(("name", "given", "expected"), BINARY)
def test_logits(name, given, expected):
    np.testing.assert_allclose(lossctl.loss(name)(Z, Y, input="logits", **given), expected, rtol=1e-15)


@pytest.mark.parametrize("name", LOGIT_SLOPES)
def test_slopes_of_logits(name):
    slopes = lossctl.loss(name).gradient(Z, Y, input="logits", reduction="sum")
    np.testing.assert_allclose(slopes, LOGIT_SLOPES[name], rtol=1e-15)


@pytest.mark.parametrize(("name", "given", "expected"), REGIONS)
def test_one_image(name, given, expected):
    value = lossctl.loss(name)([Z], [Y], input="logits", layout="HW", **given)
    assert value == pytest.approx(expected, rel=1e-15)


def test_slope_of_one_image():
    slopes = lossctl.loss("dice").gradient([Z], [Y], input="logits", layout="HW")
    np.testing.assert_allclose(slopes, [DICE_SLOPE], rtol=1e-15)


@pytest.mark.parametrize(("name", "pred", "target", "given", "expected"), CLASSES)
def test_classes(name, pred, target, given, expected):
    given = {"input": "logits"} | given
    np.testing.assert_allclose(lossctl.loss(name)(pred, target, **given), expected, rtol=1e-14)


@pytest.mark.parametrize(("name", "expected"), NUMBERS)
def test_numbers(name, expected):
    assert lossctl.loss(name)(D, [0.0] * 5) == pytest.approx(expected, rel=1e-15)
