"""Alpha-IoU loss: the IoU loss and the penalties of its kin, each with its similarity or penalty to a power.

Good at
    Detection that is scored at high IoU: a power above 1 favours boxes that are good already. In the paper robust to
    noisy labels and to few data.

Fails
    Poor boxes learn slowly under a power above 1; with base iou disjoint ones not at all.

Formula
    iou     1 - iou^k
    giou    1 - iou^k + ((C - U) / C)^k
    diou    1 - iou^k + (r2 / c2)^k
    ciou    1 - iou^k + (r2 / c2)^k + (a v)^k        a is held constant in the slope

Range
    0 (identical) to 1 (iou), 2 (giou, diou) or 3 (ciou).

Kinks
    Where edges coincide or touch the slope is the mean of both sides; for identical boxes it is 0.

Parameters
    k       the power; above 1 it favours boxes that are good already
    base    whose penalties are added: iou, giou, diou or ciou
    gate    of the base ciou: the IoU up to which the aspect ratio does not count

Elsewhere
    The authors' code adds 1e-9 inside the powers and takes those of r2 and c2 apart; its function has the default 2,
    their trainings use 3. A power below 1 gives nearly identical boxes an ever larger slope.

Reference
    He et al. (2021), Alpha-IoU: A Family of Power Intersection over Union Losses for Bounding Box Regression,
    arXiv:2110.13675.

Examples
    5,5,15,15 0,0,10,10 = 0.997084548105
    2,3,8,7 0,0,10,10 = 0.986176
    0,0,20,5 0,0,10,10 = 0.962962962963
    5,5,15,15 0,0,10,10 --base ciou = 0.998456290217
    20,0,30,10 0,0,10,10 --base ciou = 1.064
    0,0,20,5 0,0,10,10 --base ciou = 0.96321278783
    20,0,40,10 0,0,10,10 --base ciou = 1.04969278418
"""

from typing import Annotated, Literal

from lossctl.loss import Interval, Unit
from lossctl.losses.box._geometry import iou_slope, log_iou, measure, to_coordinates
from lossctl.losses.box._powers import aspect, aspect_slope, offset, offset_slope, scaled, void, void_slope
from lossctl.maths import exp, expm1, select, sqrt, times

SHAPE = "boxes"
Power = Annotated[float, Interval(0, low_open=True, exponent=True)]


def value(p, g, k: Power = 3.0, base: Literal["iou", "giou", "diou", "ciou"] = "iou", gate: Unit = 0.0):
    pair = measure(p, g)
    loss = lacking(pair, k)
    if base == "giou":
        return loss + void(pair, k)
    if base == "diou":
        return loss + offset(p, g, pair, k)
    if base == "ciou":
        return loss + offset(p, g, pair, k) + aspect(p, g, pair, k, gate)
    return loss


def slope(p, g, k, base, gate):
    pair = measure(p, g)
    half = half_power(pair, k)
    by = scaled(scaled(to_coordinates(pair, iou_slope(pair, 1.0)), half), k * half)
    if base == "giou":
        return total(by, void_slope(pair, k))
    if base == "diou":
        return total(by, offset_slope(p, g, pair, k))
    if base == "ciou":
        return total(total(by, offset_slope(p, g, pair, k)), aspect_slope(p, g, pair, k, gate))
    return by


def lacking(pair, k):
    """Return 1 - iou^k; of k = 2 and 3 as (1 - iou)(1 + iou + …)."""
    iou, distance = pair.iou, pair.distance
    easy = select(k == 3.0, distance * (1.0 + iou + iou * iou), distance * (1.0 + iou))
    return select((k == 2.0) | (k == 3.0), easy, -expm1(-k * log_iou(pair)))


def half_power(pair, k):
    """Return √(iou^(k - 1))."""
    easy = select(k == 3.0, pair.iou, sqrt(pair.iou))
    return select((k == 2.0) | (k == 3.0), easy, exp(times(0.5 * (1.0 - k), log_iou(pair))))


def total(a, b):
    """Return the sum of two slopes."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]
