"""GWD loss: Gaussian Wasserstein distance of two rotated boxes, beside their sizes, and bounded.

Good at
    Detection of rotated boxes that may lie far apart: the distance still falls as they come nearer.

Fails
    An offset counts in units of the boxes' mean side whatever their shape: across a long thin box that is too little.

Formula
    1 - 1 / (tau + ln(1 + D))
    D = √(r2 + alpha² (tr Σp + tr Σg - 2 √(tr(Σp Σg) + 2 √(det Σp det Σg)))) / (2 (det Σp det Σg)^⅛)
    Σ    R(θ) diag(w², h²) R(θ)ᵀ / 4 of a box (cx, cy, w, h, θ)

Range
    1 - 1/tau (identical), so 0 by default, to 1. Where a side is 0 it is the limit: 1, unless the boxes are identical.

Kinks
    Where the boxes are identical the slope is 0, the mean of both sides.

Parameters
    tau      what the logarithm is added to
    alpha    how much sizes and angles count beside the offset

Elsewhere
    mmrotate's gwd_loss is this; its class GDLoss has tau 0 by default, and with a tau below 1 it returns ln(1 + D).
    It has other functions beside ln(1 + D), and raises sides to 1e-7, so that the cost of a flat box depends on that.
    nwd is the same distance of upright boxes, in units of a constant.

Reference
    Yang et al. (2021), Rethinking Rotated Object Detection with Gaussian Wasserstein Distance Loss, arXiv:2101.11952.

Examples
    0,0,10,4,0.3 1,0,10,5,0.2 = 0.139329319663
    0,0,10,4,30 0,0,4,10,120 --degrees = 0
    0,0,6,2,0 5,0,6,2,1.5 = 0.494231148383
"""

from typing import Annotated, NamedTuple

from lossctl.loss import Interval, Positive
from lossctl.losses.box._bounded import bounded, bounded_slope
from lossctl.losses.box._gaussian import measure, to_sides
from lossctl.maths import larger, log1p, magnitude, ratio, scale_of, select, smaller, sqrt, times

SHAPE = "rotated"


def value(p, g, turn, tau: Annotated[float, Interval(1)] = 1.0, alpha: Positive = 1.0):
    pair = measure(p, g, turn)
    found = distance(pair, alpha)
    return select(endless(pair, found), 1.0, bounded(log1p(found.length / found.size / found.scale), tau))


def slope(p, g, turn, tau, alpha):
    pair = measure(p, g, turn)
    found = distance(pair, alpha)
    w, h, gw, gh = pair.w, pair.h, pair.target_w, pair.target_h
    far = found.length / found.size
    # d ln(1 + D) = D / (1 + D) (d length / length - d size / size)
    share = far / (found.scale + far)
    share = share * bounded_slope(log1p(far / found.scale), tau)
    share = select(endless(pair, found), 0.0, share)
    rate = ratio(ratio(share, found.length), found.length) * found.scale
    straight, crossing = w * gw + h * gh, w * gh + h * gw
    root = found.straight_root
    # How fast the part that is due to the angle grows with w and with h.
    lean = pair.sine * ((gw - gh) * ((gw + gh) / (straight + root)))
    lean_w, lean_h = lean * (w + h * (crossing / root)), -lean * (h + w * (crossing / root))
    by_w = 0.25 * (times(found.growth_w, alpha * rate) + times(found.sine, alpha * (alpha * rate) * lean_w))
    by_h = 0.25 * (times(found.growth_h, alpha * rate) + times(found.sine, alpha * (alpha * rate) * lean_h))
    turning = found.sine * ((w - h) * ((w + h) / root * (gw + gh)) * (gw - gh))
    by_angle = 0.25 * (alpha * (alpha * rate) * turning * pair.cosine)
    sides = to_sides(pair, p, by_w * w - 0.25 * share, by_h * h - 0.25 * share)
    return found.dx * (pair.scale * rate), found.dy * (pair.scale * rate), *sides, by_angle


class Distance(NamedTuple):
    """The two parts of D, and what the first is made of; all but `size` and the root are multiplied by `scale`."""

    scale: float
    length: float  # √(r2 + …)
    size: float  # ⁴√(w h W H)
    dx: float
    dy: float
    growth_w: float  # alpha (w - W)
    growth_h: float
    sine: float
    straight_root: float  # √((wW + hH)² cos² + (wH + hW)² sin²)


def distance(pair, alpha):
    """Return the Distance of a pair."""
    w, h, gw, gh = pair.w, pair.h, pair.target_w, pair.target_h
    straight, crossing = w * gw + h * gh, w * gh + h * gw
    root = hypotenuse(straight * pair.cosine, crossing * pair.sine)
    # (w² - h²) (W² - H²) / (wW + hH + root), the root of which times the sine is what the angle adds.
    leaning = sqrt(magnitude(w - h)) * sqrt(magnitude(gw - gh)) * sqrt((w + h) * ((gw + gh) / (straight + root)))
    growth_w, growth_h, leaning = alpha * (w - gw), alpha * (h - gh), alpha * leaning
    most = larger(magnitude(growth_w), larger(magnitude(growth_h), magnitude(leaning * pair.sine)))
    scale = scale_of(larger(most, larger(magnitude(pair.dx), magnitude(pair.dy))))
    dx, dy, sine = pair.dx * scale, pair.dy * scale, pair.sine * scale
    growth_w, growth_h = growth_w * scale, growth_h * scale
    shape = (growth_w * growth_w + growth_h * growth_h) + 2.0 * (sine * leaning * (sine * leaning))
    length = sqrt((dx * dx + dy * dy) + 0.25 * shape)
    size = sqrt(sqrt(w) * sqrt(h)) * sqrt(sqrt(gw) * sqrt(gh))
    return Distance(scale, length, size, dx, dy, growth_w, growth_h, sine, root)


def endless(pair, found):
    """Return whether D is infinite: a side is 0, and the boxes are not identical."""
    flat = pair.uneven | pair.line_w | pair.line_h
    return flat & (found.length > 0.0)


def hypotenuse(a, b):
    """Return √(a² + b²)."""
    long, short = larger(magnitude(a), magnitude(b)), smaller(magnitude(a), magnitude(b))
    part = ratio(short, long)
    return long * sqrt(1.0 + part * part)
