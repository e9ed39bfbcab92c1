"""Golden numbers, computed with 50 digits by someone else."""

import numpy as np
import pytest

import lossctl

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
    ("quality-focal", {}, 0.79203841555709488),
    ("varifocal", {}, 0.8688919015981556),
    ("gaussian-focal", {}, 0.79203841555709488),
]
REGIONS = [
    ("dice", {}, 0.51397152015280327),
    ("dice", {"smooth": 1}, 0.40733009921462529),
    ("dice", {"squared": True}, 0.42664024282768888),
    ("jaccard", {}, 0.67897118712104803),
    ("tversky", {"fp_weight": 0.5, "fn_weight": 0.5}, 0.51397152015280327),
    ("tversky", {}, 0.52298211656170909),
    ("focal-tversky", {}, 0.61498585767380004),
    ("log-cosh-dice", {}, 0.1266474134863895),
    ("mcc", {}, 0.98151356376867344),
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
    ("softmax-focal", SCORES, LABELS, {}, 0.20617522539079868),
    ("poly1", SCORES, LABELS, {}, 1.0452458545930999),
    ("brier", SCORES, LABELS, {}, 0.33972217862641474),
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
    ("log-cosh", 0.75486276614678688),
    ("quantile(tau=0.9)", 0.674),
    ("charbonnier", 1.1402007833300043),
    ("pseudo-huber", 0.70723670582732417),
    ("wing", 3.85578328710527),
    ("cauchy", 0.58818920877181962),
    ("welsch", 0.39817202886675886),
    ("geman-mcclure", 0.50441288472738677),
    ("balanced-l1", 1.4312319048645167),
]


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
