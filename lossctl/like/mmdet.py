"""mmdet.models.losses: the classes, whose eps are not those of their functions."""

from lossctl.convention import Convention
from lossctl.like._boxes import FOUR_OVER_PI2, angle, diagonal2, far, measured
from lossctl.like._means import coordinates, seen, used
from lossctl.like.torch import FLOOR, box_l1, box_smooth_l1
from lossctl.losses.classification import focal as plain_focal
from lossctl.losses.classification import quality_focal as plain_quality_focal
from lossctl.maths import clamp, exp, larger, log, magnitude, power, ratio, select, smaller, sqrt, times

CHECKED = "3.3"
EPS = 1e-6
# What it adds to avg_factor: the eps of float32.
ADDED = 1.1920928955078125e-07
SQRT_HALF = 2.0**0.5 / 2.0


def iou(p, g, form: str):
    m = measured(p, g)
    overlap = larger(m.intersection / larger(m.union, EPS), EPS)
    if form == "square":
        return 1.0 - overlap * overlap
    if form == "log":
        return -log(overlap)
    return 1.0 - overlap


def balanced_l1(pred, target, a: float, gamma: float, b: float):
    x = magnitude(pred - target)
    bend = exp(gamma / a) - 1.0
    near = a / bend * (bend * x + 1.0) * log(bend * x / b + 1.0) - a * x
    return select(x < b, near, gamma * x + gamma / bend - a * b)


def bounded_iou(p, g, beta: float):
    m = measured(p, g)
    shifts = bounded_shift(m.gw, m.dx, beta) + bounded_shift(m.gh, m.dy, beta)
    return shifts + (bounded_size(m.w, m.gw, beta) + bounded_size(m.h, m.gh, beta))


def bounded_shift(target, double, beta):
    """Return the term of an offset, given twice."""
    reach = magnitude(double)
    return smooth(1.0 - larger((target - reach) / (target + reach + 1e-3), 0.0), beta)


def bounded_size(size, target, beta):
    """Return the term of a width or a height."""
    return smooth(1.0 - smaller(target / (size + 1e-3), size / (target + 1e-3)), beta)


def smooth(x, point):
    """Return a parabola up to a point, a line beyond, also for x below 0."""
    return select(x < point, 0.5 * x * x / point, x - 0.5 * point)


def giou(p, g):
    m = measured(p, g)
    union, enclosing = larger(m.union, EPS), larger(m.cw * m.ch, EPS)
    return 1.0 - (m.intersection / union - (enclosing - union) / enclosing)


def diou(p, g):
    m = measured(p, g)
    return 1.0 - (m.intersection / (m.union + EPS) - far(m) / (diagonal2(m) + EPS))


def ciou(p, g, gate: float):
    m = measured(p, g)
    overlap = m.intersection / (m.union + EPS)
    turn = angle(m.gw, m.gh + EPS) - angle(m.w, m.h + EPS)
    v = FOUR_OVER_PI2 * (turn * turn)
    a = select(overlap > gate, ratio(v, 1.0 - overlap + v), 0.0)
    return 1.0 - clamp(overlap - (far(m) / (diagonal2(m) + EPS) + a * v), -1.0, 1.0)


def extended_iou(p, g, smooth_point: float):
    m = measured(p, g)
    ex, ey = smaller(p[0], g[0]), smaller(p[1], g[1])
    x1, y1 = larger(p[0], g[0]) - ex, larger(p[1], g[1]) - ey
    x2, y2 = smaller(p[2], g[2]) - ex, smaller(p[3], g[3]) - ey
    inside = x2 * y2 + smaller(x1, x2) * smaller(y1, y2) - x1 * larger(y1, y2) - larger(x1, x2) * y1
    return smooth(1.0 - inside / (m.w * m.h + m.gw * m.gh - inside + EPS), smooth_point)


def siou(p, g, theta: float):
    m = measured(p, g)
    cw, ch = larger(m.cw, EPS), larger(m.ch, EPS)
    dx, dy = m.dx * 0.5 + EPS, m.dy * 0.5 + EPS
    sigma = sqrt(dx * dx + dy * dy)
    x, y = ratio(magnitude(dx), sigma), ratio(magnitude(dy), sigma)
    sine = select(x > SQRT_HALF, y, x)
    # cos(2 asin(sine) - π / 2)
    gentle = 2.0 - 2.0 * sine * sqrt(larger(1.0 - sine * sine, 0.0))
    across, down = dx / cw, dy / ch
    # As its code has it, with neg_gamma off: the exponents are positive.
    distance = 2.0 - exp(gentle * across * across) - exp(gentle * down * down)
    shape = side(m.w, m.gw, theta) + side(m.h + EPS, m.gh + EPS, theta)
    return 1.0 - clamp(m.intersection / (m.union + EPS) - 0.5 * (distance + shape), -1.0, 1.0)


def side(size, target, theta):
    """Return the cost of another width or height."""
    return power(1.0 - exp(-ratio(magnitude(size - target), larger(size, target))), theta)


def focal_of_probs(q, r, log_q, log_r, y, alpha: float | None, gamma: float):
    return plain_focal.value(q, r, larger(log_q, FLOOR), larger(log_r, FLOOR), y, alpha, gamma)


def quality_focal_of_probs(q, r, log_q, log_r, y, beta: float):
    return plain_quality_focal.value(q, r, larger(log_q, FLOOR), larger(log_r, FLOOR), y, beta)


def gaussian_focal(q, r, y, alpha: float, gamma: float):
    peak = times(power(r, alpha), -log(q + 1e-12))
    return select(y == 1.0, peak, 0.0) + times(power(q, alpha) * power(1.0 - y, gamma), -log(r + 1e-12))


def dice(diff, total, smooth: float, squared: bool):
    if squared:
        return 1.0 - ratio(total - diff, total + 2.0 * smooth)
    return 1.0 - ratio(total - diff + smooth, total + smooth)


def rows(n):
    """Return the number of rows of a table of scores."""
    return n.used if len(n.shape) < 2 else n.used / n.shape[-1]


AVERAGES = "weights do not enter what the mean divides by; --normalizer is avg_factor, to which 1.2e-7 is added"
FOUR = "of a box the sum over its coordinates; the mean divides by their number"
_SHARED = {
    "balanced-l1": Convention("BalancedL1Loss", "its formula is ours at b 1 only", balanced_l1),
    "bce": Convention("CrossEntropyLoss(use_sigmoid=True)", "ignored items count in the mean", inputs=("logits",),
                      lacks=("label_smoothing",), divisor=seen),
    "bounded-iou": Convention("BoundedIoULoss", f"1e-3 is added to each denominator; {FOUR}", bounded_iou,
                              divisor=coordinates),
    "box-l1": Convention("L1Loss", FOUR, box_l1, divisor=coordinates),
    "box-smooth-l1": Convention("SmoothL1Loss", FOUR, box_smooth_l1, divisor=coordinates),
    "ce": Convention("CrossEntropyLoss", "ignored rows count in the mean, class weights do not",
                     inputs=("logits",), lacks=("label_smoothing", "log_base"), divisor=seen),
    "ciou": Convention("CIoULoss", "1e-6 is added to union, c2 and both heights; 1 - loss is clamped to -1..1",
                       ciou, defaults={"gate": 0.5}, lacks=("gate",)),
    "dice": Convention("DiceLoss", "smooth is its eps, where areas are squared added to each of them and not above the"
                       " line; absent masks count", dice, defaults={"smooth": 1e-3, "squared": True},
                       lacks=("weights",), aggregates=("per-image",), one_channel=True),
    "diou": Convention("DIoULoss", "1e-6 is added to the union and to c2", diou),
    "extended-iou": Convention("EIoULoss", "1e-6 is added to the union", extended_iou),
    "focal": Convention("FocalLoss", "logarithms of given probabilities stop at -100",
                        value_of_probs=focal_of_probs),
    "gaussian-focal": Convention("GaussianFocalLoss", "1e-12 is added inside the logarithms", gaussian_focal),
    "giou": Convention("GIoULoss", "union and enclosing area are at least 1e-6", giou),
    "iou": Convention("IoULoss", "union and iou are at least 1e-6", iou, defaults={"form": "log"}),
    "mae": Convention("L1Loss"),
    "mse": Convention("MSELoss"),
    "quality-focal": Convention("QualityFocalLoss", "the mean divides by the number of rows, not of scores",
                                value_of_probs=quality_focal_of_probs, divisor=rows),
    "siou": Convention("SIoULoss", "the exponents are positive, which rewards distance; 1e-6 is added to the"
                       " union, to the offsets and to the heights; 1 - loss is clamped to -1..1", siou,
                       lacks=("theta",)),
    "smooth-l1": Convention("SmoothL1Loss"),
    "varifocal": Convention("VarifocalLoss", inputs=("logits",)),
}  # fmt: skip
CONVENTIONS = {
    name: shared._replace(divisor=shared.divisor or used, added_to_normalizer=ADDED) for name, shared in _SHARED.items()
}
