"""KLD loss: Kullback-Leibler divergence of two rotated boxes read as normal distributions, and bounded.

Good at
    Detection of rotated boxes where precision counts: a long box has to hit its angle and its short side.

Fails
    Not symmetric; boxes that are thin or far apart give huge divergences, which the logarithm flattens.

Formula
    1 - 1 / (tau + ln(1 + √K))
    K = ½ Δᵀ Σp⁻¹ Δ / alpha² + ½ tr(Σp⁻¹ Σg) + ½ ln(det Σp / det Σg) - 1
    Δ    offset of the centres
    Σ    R(θ) diag(w², h²) R(θ)ᵀ / 4 of a box (cx, cy, w, h, θ)

Range
    1 - 1/tau (identical), so 0 by default, to 1. Where sides are 0 it is the limit: 1, unless both boxes are lines on
    one line.

Kinks
    Where the boxes are identical the slope is 0, the mean of both sides.

Parameters
    tau      what the logarithm is added to
    alpha    how little the offset counts beside sizes and angles

Elsewhere
    K is the divergence of the target from the prediction, in the prediction's own units: not symmetric.
    mmrotate's kld_loss is this; its class GDLoss has tau 0 by default, and with a tau below 1 it returns ln(1 + √K).
    It has other functions beside ln(1 + √K), jd and two more to make it symmetric, and raises sides to 1e-7.

Reference
    Yang et al. (2021), Learning High-Precision Bounding Box for Rotated Object Detection via Kullback-Leibler
    Divergence, arXiv:2106.01883.

Examples
    0,0,10,4,0.3 1,0,10,5,0.2 = 0.220507127811
    0,0,10,4,30 0,0,4,10,120 --degrees = 0
    0,0,6,2,0 5,0,6,2,1.5 = 0.539013127477
"""

from typing import Annotated, NamedTuple

from lossctl.loss import Interval, Positive
from lossctl.losses._logs import lag
from lossctl.losses.box._bounded import bounded, bounded_slope
from lossctl.losses.box._gaussian import FARTHEST, along, beside, crossed, measure, to_center, to_sides
from lossctl.maths import clamp, larger, log, log1p, magnitude, ratio, scale_of, select, smaller, sqrt

SHAPE = "rotated"


def value(p, g, tilt, turn, tau: Annotated[float, Interval(1)] = 1.0, alpha: Positive = 1.0):
    pair = measure(p, g, turn)
    found = divergence(pair, tilt, alpha)
    return select(found.endless, 1.0, bounded(log1p(found.root / found.scale), tau))


def slope(p, g, tilt, turn, tau, alpha):
    pair = measure(p, g, turn)
    found = divergence(pair, tilt, alpha)
    w, h, gw, gh = pair.w, pair.h, pair.target_w, pair.target_h
    # d ln(1 + √K) = dK / (2 √K (1 + √K)), where all that K is made of is multiplied by the scale.
    rate = bounded_slope(log1p(found.root / found.scale), tau) / (found.scale + found.root)
    rate = select(found.endless, 0.0, ratio(0.5 * rate, found.root))
    u, v = found.u, found.v
    # What the angle adds to the slopes by w and h.
    wide, tall = pair.sine / w * found.scale, pair.sine / h * found.scale
    leaning_w, leaning_h = wide * (gw - gh) * (wide * (gw + gh)), tall * (gw - gh) * (tall * (gw + gh))
    by_log_w = leaning_w - found.growth_w * (found.growth_w + 2.0 * found.scale) - 4.0 * u * u
    by_log_h = -leaning_h - found.growth_h * (found.growth_h + 2.0 * found.scale) - 4.0 * v * v
    reach = rate * found.scale
    turning = found.sine * found.leaning * (found.leaning * (pair.cosine * reach))
    by_angle = turning - 4.0 * (u * rate) * (v * ((w - h) / w * ((w + h) / h)))
    center = to_center(pair, tilt, 4.0 * (u * reach) / (w * alpha), 4.0 * (v * reach) / (h * alpha))
    return *center, *to_sides(pair, p, by_log_w * rate, by_log_h * rate), by_angle


class Divergence(NamedTuple):
    """√K and what it is made of; all but `leaning` are multiplied by `scale`."""

    endless: bool
    scale: float
    root: float  # √K
    u: float  # offset along w, in alpha w
    v: float
    growth_w: float  # (W - w) / w
    growth_h: float
    sine: float
    leaning: float  # the root of (W² - H²) (w² - h²) / (w h)²


def divergence(pair, tilt, alpha):
    """Return the Divergence of the target from the prediction."""
    u, v = along(pair, tilt)
    endless = crossed(pair) | beside(pair, u, v)
    w, h, gw, gh = pair.w, pair.h, pair.target_w, pair.target_h
    u, v = clamp(u / w / alpha, -FARTHEST, FARTHEST), clamp(v / h / alpha, -FARTHEST, FARTHEST)
    growth_w, growth_h = (gw - w) / w, (gh - h) / h
    short, long = smaller(w, h), larger(w, h)
    target_leaning = sqrt(magnitude(gw - gh)) * sqrt(gw + gh) / short
    leaning = target_leaning * (sqrt(magnitude(w - h)) * sqrt(w + h) / long)
    sizes = larger(magnitude(growth_w), magnitude(growth_h))
    scale = scale_of(larger(larger(sizes, magnitude(pair.sine) * leaning), larger(magnitude(u), magnitude(v))))
    rest = scale * (scale * beyond(growth_w, gw / w)) + scale * (scale * beyond(growth_h, gh / h))
    u, v, sine = u * scale, v * scale, pair.sine * scale
    growth_w, growth_h = growth_w * scale, growth_h * scale
    shape = (growth_w * growth_w + growth_h * growth_h) + sine * leaning * (sine * leaning)
    root = sqrt(2.0 * (u * u + v * v) + (0.5 * shape + rest))
    return Divergence(endless, scale, root, u, v, growth_w, growth_h, sine, leaning)


def beyond(growth, share):
    """Return growth - ln(1 + growth), where share is 1 + growth."""
    return select(magnitude(growth) < 0.25, growth * lag(clamp(growth, -0.25, 0.25)), growth - log(share))
