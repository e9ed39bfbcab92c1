"""keras.losses, with the epsilon 1e-7 that keras.config starts from."""

from lossctl.convention import Convention
from lossctl.like._means import used
from lossctl.losses.classification import bce as plain_bce
from lossctl.maths import clamp, larger, log, log1p, magnitude, power, ratio, softplus

CHECKED = "3.15"
EPS = 1e-7
LN_2 = 0.6931471805599453
POOLS = ("all", "global", "per-image")
CLIPPED = "given probabilities are clipped to 1e-7 .. 1 - 1e-7"
ROWS = "given rows are divided by their sum"
INSIDE = "probabilities are clipped to 1e-7 .. 1 - 1e-7 inside the logarithms"
POOLED = "all images and classes are pooled (axis=None); absent classes count"


def clipped(q):
    """Return a probability that is not quite 0 or 1."""
    return clamp(q, EPS, 1.0 - EPS)


def bce_of_probs(q, y, pos_weight: float, label_smoothing: float):
    inner = clipped(q)
    return plain_bce.value(log(inner), log1p(-inner), y, pos_weight, label_smoothing)


def ce_of_probs(q, y, classes, label_smoothing: float, log_base: str):
    return -(y * (1.0 - label_smoothing) + label_smoothing / classes) * log(clipped(q))


def kl(q, y, log_base: str):
    share = clamp(y, EPS, 1.0)
    return share * log(share / clamp(q, EPS, 1.0))


def focal(q, r, y, alpha: float | None, gamma: float):
    inner = clipped(q)
    entropy = -y * log(inner) - (1.0 - y) * log1p(-inner)
    loss = power(y * r + (1.0 - y) * q, gamma) * entropy
    if alpha is None:
        return loss
    return (y * alpha + (1.0 - y) * (1.0 - alpha)) * loss


def softmax_focal(q, y, gamma: float):
    inner = clipped(q)
    return power(1.0 - inner, gamma) * 0.25 * (-y * log(inner))


def dice(diff, total, smooth: float, squared: bool):
    return 1.0 - (total - diff) / (total + EPS)


def tversky(tp, fp, fn, fp_weight: float, fn_weight: float, smooth: float):
    return 1.0 - tp / (tp + fn * fn_weight + fp * fp_weight + EPS)


def log_cosh(pred, target):
    d = pred - target
    return d + softplus(-2.0 * d) - LN_2


def mape(pred, target):
    return 100.0 * magnitude(ratio(target - pred, larger(magnitude(target), EPS)))


def msle(pred, target):
    d = log(larger(pred, EPS) + 1.0) - log(larger(target, EPS) + 1.0)
    return d * d


AVERAGES = "weights do not enter what the mean divides by"
_SHARED = {
    "bce": Convention("BinaryCrossentropy", CLIPPED, value_of_probs=bce_of_probs, lacks=("pos_weight",)),
    "ce": Convention("CategoricalCrossentropy, SparseCategoricalCrossentropy", f"{ROWS}; {CLIPPED}",
                     value_of_probs=ce_of_probs, lacks=("log_base", "class_weights"), normalizes=True),
    "dice": Convention("Dice", f"1e-7 is added to the denominator; {POOLED}", dice,
                       lacks=("smooth", "squared", "weights"), aggregates=POOLS),
    "focal": Convention("BinaryFocalCrossentropy", INSIDE, focal, defaults={"alpha": None}),
    "hinge": Convention("Hinge", lacks=("margin",)),
    "huber": Convention("Huber"),
    "kl": Convention("KLDivergence", "both distributions are clipped to 1e-7 .. 1", kl, lacks=("log_base",)),
    "log-cosh": Convention("LogCosh", "the naive formula, without digits near 0", log_cosh),
    "mae": Convention("MeanAbsoluteError"),
    "mape": Convention("MeanAbsolutePercentageError", "per cent; the denominator is at least 1e-7", mape),
    "mse": Convention("MeanSquaredError"),
    "msle": Convention("MeanSquaredLogarithmicError", "numbers below 1e-7 count as 1e-7", msle),
    "softmax-focal": Convention("CategoricalFocalCrossentropy", f"its alpha 0.25 is a factor; {ROWS}; {INSIDE}",
                                softmax_focal, lacks=("class_weights",), normalizes=True),
    "squared-hinge": Convention("SquaredHinge", lacks=("margin",)),
    "tversky": Convention("Tversky", f"1e-7 is added to the denominator; alpha weighs the misses; {POOLED}", tversky,
                          defaults={"fp_weight": 0.5, "fn_weight": 0.5}, lacks=("smooth", "weights"),
                          aggregates=POOLS),
}  # fmt: skip
CONVENTIONS = {name: shared._replace(divisor=used) for name, shared in _SHARED.items()}
