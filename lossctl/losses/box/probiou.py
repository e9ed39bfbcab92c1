"""ProbIoU loss: Hellinger distance of two rotated boxes read as normal distributions.

Good at
    Detection of rotated boxes, as in aerial images: smooth in all five numbers, no jump where the angle wraps.

Fails
    Far-apart boxes, where it is flat at 1; squares, whose angle it does not see; slopes grow without bound near 0.

Formula
    √(1 - exp(-B))
    B = ⅛ Δᵀ M⁻¹ Δ + ½ ln(det M / √(det Σp det Σg))        M = (Σp + Σg) / 2
    Δ    offset of the centres
    Σ    R(θ) diag(w², h²) R(θ)ᵀ / 12 of a box (cx, cy, w, h, θ), the covariance of what fills it

Range
    0 (identical) to 1 (far apart). Where sides are 0 it is the limit: 1, unless both boxes are lines on one line.

Kinks
    Where the boxes are identical the slope is 0, the mean of both sides.

Elsewhere
    ultralytics adds 1e-7 to both denominators, to the quotient and under the root, and clamps B to 1e-7..100, so that
    identical boxes cost 4e-4. Its probiou is the similarity, 1 - loss; CIoU=True takes ciou's a v from it.
    A square has no direction: its angle does not count.

Reference
    Llerena et al. (2021), Gaussian Bounding Boxes and Probabilistic Intersection-over-Union for Object Detection,
    arXiv:2106.06072.

Examples
    0,0,10,4,0.3 1,0,10,5,0.2 = 0.184896254863
    0,0,10,4,30 0,0,4,10,120 --degrees = 0
    0,0,6,2,0 5,0,6,2,1.5 = 0.952733142128
"""

from typing import NamedTuple

from lossctl.losses.box._gaussian import (
    Excess,
    along,
    beside,
    crossed,
    excess,
    lift,
    measure,
    stretch,
    to_center,
    to_sides,
    with_squares,
)  # fmt: skip
from lossctl.maths import clamp, exp, expm1, larger, log1p, magnitude, ratio, select, smaller, sqrt

SHAPE = "rotated"
# Offsets beyond this, in longest sides, make B so large that no digit of exp(-B) is left.
FAR = 512.0


def value(p, g, tilt, turn):
    pair = measure(p, g, turn)
    found = distance(pair, tilt)
    return select(found.endless, 1.0, found.root / found.lift)


def slope(p, g, tilt, turn):
    pair = measure(p, g, turn)
    found = distance(pair, tilt)
    w, h = with_squares(pair)[:2]
    plain = found.lift == 1.0
    # In two halves: each has all its digits where the whole would be too small to have them.
    half = select(plain, exp(-0.5 * found.b), 1.0)
    factor = select(found.endless, 0.0, ratio(half, found.root))
    y1, y2 = found.y1 * half, found.y2 * half
    shape = 0.25 * half / select(plain, 1.0 + found.excess.value, 1.0)
    by_log_w = (shape * found.excess.by_log_w - 3.0 * (w * y1 * (w * found.y1))) * factor / found.lift
    by_log_h = (shape * found.excess.by_log_h - 3.0 * (h * y2 * (h * found.y2))) * factor / found.lift
    leaning = 3.0 * ((w - h) * y1 * ((w + h) * found.y2)) / found.lift
    by_angle = (shape * found.excess.by_angle - leaning) * factor
    center = to_center(pair, tilt, 3.0 * y1 * factor, 3.0 * y2 * factor)
    return *center, *to_sides(pair, p, by_log_w, by_log_h), by_angle


class Distance(NamedTuple):
    """√(1 - exp(-B)), B and their parts; `y1`, `y2` are S⁻¹ Δ. All differences are multiplied by `lift`."""

    endless: bool
    lift: float
    root: float
    b: float
    y1: float
    y2: float
    excess: Excess


def distance(pair, tilt):
    """Return the Distance of a pair."""
    u, v = along(pair, tilt)
    endless = crossed(pair) | beside(pair, u, v)
    w, h, gw, gh = with_squares(pair)
    u, v = clamp(u, -FAR, FAR), clamp(v, -FAR, FAR)
    leaning = magnitude(pair.sine) * larger(magnitude(stretch(w, h)), magnitude(stretch(gw, gh)))
    shortest = smaller(smaller(w, h), smaller(gw, gh))
    growth = larger(magnitude(w - gw), magnitude(h - gh))
    raised = lift(larger(leaning, larger(growth, larger(magnitude(u), magnitude(v))) / shortest))
    u, v = u * raised, v * raised
    s, c = pair.sine, pair.cosine
    along_g, across_g = u * c - v * s, u * s + v * c
    # det S, where S is 12 (Σp + Σg), and what S⁻¹ is of it; everything in the prediction's frame.
    det = (w * w * (h * h) + gw * gw * (gh * gh)) + (
        (w * w * (gh * gh) + h * h * (gw * gw)) * (c * c) + (w * w * (gw * gw) + h * h * (gh * gh)) * (s * s)
    )
    y1 = (h * h * u + (gh * gh * along_g * c + gw * gw * across_g * s)) / det
    y2 = (w * w * v + (gw * gw * across_g * c - gh * gh * along_g * s)) / det
    square = (h * u * (h * u) + w * v * (w * v)) + (gh * along_g * (gh * along_g) + gw * across_g * (gw * across_g))
    shape = excess(pair, s * raised)
    plain = raised == 1.0
    b = 3.0 * (square / det) + 0.5 * select(plain, log1p(shape.value), shape.value)
    return Distance(endless, raised, sqrt(select(plain, -expm1(-b), b)), b, y1, y2, shape)
