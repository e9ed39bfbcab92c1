"""ultralytics.utils: metrics.bbox_iou of corners, as BboxLoss takes it, and the classes of loss."""

from lossctl.convention import Convention
from lossctl.errors import UsageError
from lossctl.like._boxes import diagonal2, measured, shape_gap
from lossctl.losses.classification import focal as plain_focal
from lossctl.maths import clamp, exp, larger, log, sqrt

CHECKED = "8.4"
EPS = 1e-7


def union(m):
    """Return the union, with 1e-7 on both heights and on the whole."""
    return m.w * (m.h + EPS) + m.gw * (m.gh + EPS) - m.intersection + EPS


def iou(p, g, form: str):
    m = measured(p, g)
    return 1.0 - m.intersection / union(m)


def giou(p, g):
    m = measured(p, g)
    enclosing = m.cw * m.ch + EPS
    return 1.0 - (m.intersection / union(m) - (enclosing - union(m)) / enclosing)


def diou(p, g):
    m = measured(p, g)
    return 1.0 - (m.intersection / union(m) - away(p, g, m))


def ciou(p, g, gate: float):
    m = measured(p, g)
    overlap = m.intersection / union(m)
    v = shape_gap(m.w, m.h + EPS, m.gw, m.gh + EPS)
    return 1.0 - (overlap - (away(p, g, m) + v * (v / (1.0 - overlap + v + EPS))))


def away(p, g, m):
    """Return the squared distance of the centres over the squared diagonal."""
    dx, dy = g[0] + g[2] - p[0] - p[2], g[1] + g[3] - p[1] - p[3]
    return (dx * dx + dy * dy) / 4.0 / (diagonal2(m) + EPS)


def probiou(p, g, tilt, turn):
    # The target's angle is the prediction's minus the turn.
    there = tilt[0] * turn[1] - tilt[1] * turn[0], tilt[1] * turn[1] + tilt[0] * turn[0]
    a1, b1, c1 = covariance(p, tilt)
    a2, b2, c2 = covariance(g, there)
    dx, dy = p[0] - g[0], p[1] - g[1]
    det = (a1 + a2) * (b1 + b2) - (c1 + c2) * (c1 + c2)
    apart = ((a1 + a2) * dy * dy + (b1 + b2) * dx * dx) / (det + EPS) * 0.25
    apart += (c1 + c2) * -dx * dy / (det + EPS) * 0.5
    areas = sqrt(larger(a1 * b1 - c1 * c1, 0.0) * larger(a2 * b2 - c2 * c2, 0.0))
    b = clamp(apart + log(det / (4.0 * areas + EPS) + EPS) * 0.5, EPS, 100.0)
    return sqrt(1.0 - exp(-b) + EPS)


def covariance(box, turned):
    """Return its entries xx, yy and xy."""
    sine, cosine = turned
    w, h = box[2] * box[2] / 12.0, box[3] * box[3] / 12.0
    return w * cosine * cosine + h * sine * sine, w * sine * sine + h * cosine * cosine, (w - h) * cosine * sine


def focal(q, r, log_q, log_r, y, alpha: float | None, gamma: float):
    # An alpha of 0 means none.
    return plain_focal.value(q, r, log_q, log_r, y, alpha or None, gamma)


def places(n):
    """Return the length of the second axis, over which it averages before it adds up."""
    if len(n.shape) < 2 or n.shape[1] is None:
        raise UsageError(
            "ultralytics averages over the second axis", hint="give an array of images, places (, classes)"
        )
    return n.shape[1]


HEIGHTS = "1e-7 is added to both heights, to the union"
PLACES = "the mean is the sum over the length of the second axis"
CONVENTIONS = {
    "ciou": Convention(
        "bbox_iou(CIoU=True)", f"{HEIGHTS}, to c2 and to the denominator of a", ciou, lacks=("gate",)
    ),
    "diou": Convention("bbox_iou(DIoU=True)", f"{HEIGHTS} and to c2", diou),
    "focal": Convention(
        "FocalLoss", PLACES, focal, defaults={"gamma": 1.5}, lacks=("weights",), inputs=("logits",),
        reductions=("mean",), divisor=places,
    ),
    "giou": Convention("bbox_iou(GIoU=True)", f"{HEIGHTS} and to the enclosing area", giou),
    "iou": Convention("bbox_iou", HEIGHTS.replace(", to", " and to"), iou, lacks=("form",)),
    "probiou": Convention(
        "metrics.probiou",
        "its similarity is 1 - loss; 1e-7 is added to both denominators, to the quotient and under the root, and B is "
        "clamped to 1e-7..100", probiou,
    ),
    "varifocal": Convention(
        "VarifocalLoss", f"its entropy is computed in float32; {PLACES}", lacks=("weights",), inputs=("logits",),
        reductions=("mean",), divisor=places,
    ),
}  # fmt: skip
