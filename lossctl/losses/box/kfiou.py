"""KFIoU loss: overlap of two rotated boxes read as normal distributions, whatever their centres.

Good at
    Detection of rotated boxes whose centres another loss brings together: size and angle follow the overlap.

Fails
    Blind to the offset of the centres, so it needs such a loss beside it; 2/3 and not 0 for a perfect match.

Formula
    1 - V / (Vp + Vg - V)
    V = 4 √det(Σp - Σp (Σp + Σg)⁻¹ Σp)        Vp = 4 √det Σp        Vg = 4 √det Σg
    Σ    R(θ) diag(w², h²) R(θ)ᵀ / 4 of a box (cx, cy, w, h, θ)

Range
    2/3 (identical) to 1. Where sides are 0 it is the limit: 1, unless both boxes are lines of one direction.

Elsewhere
    The product of two normal distributions has half the area of each where they are equal, hence the 2/3.
    Only shape and angle count: mmrotate's KFLoss adds a smooth L1 loss (beta 1/9) of the encoded centres. It adds 1e-6
    to the denominator, and has exp(loss) - 1 and -ln(1 - loss) under fun=exp and fun=ln.

Reference
    Yang et al. (2022), The KFIoU Loss for Rotated Object Detection, arXiv:2201.12558.

Examples
    0,0,10,4,0.3 1,0,10,5,0.2 = 0.676427251436
    0,0,10,4,30 0,0,4,10,120 --degrees = 0.666666666667
    0,0,6,2,0 5,0,6,2,1.5 = 0.823196087608
"""

from typing import NamedTuple

from lossctl.losses.box._gaussian import SHORTEST, Excess, crossed, excess, measure, to_sides, with_squares
from lossctl.maths import select, sqrt

SHAPE = "rotated"


def value(p, g, turn):
    pair = measure(p, g, turn)
    share = overlap(pair).share
    return select(crossed(pair), 1.0, (1.0 - 2.0 * share) / (1.0 - share))


def slope(p, g, turn):
    pair = measure(p, g, turn)
    found = overlap(pair)
    factor = select(crossed(pair), 0.0, 0.5 * found.share / ((1.0 - found.share) * (1.0 - found.share)))
    shape, size = 1.0 / (1.0 + found.excess.value), 1.0 / (1.0 + found.misfit)
    by_log_w = factor * (found.excess.by_log_w * shape + found.by_log_area * size)
    by_log_h = factor * (found.excess.by_log_h * shape + found.by_log_area * size)
    by_w, by_h = to_sides(pair, p, by_log_w, by_log_h)
    # From a line, the overlap grows in proportion to the side that was 0.
    line = ((p[2] == 0.0) != (p[3] == 0.0)) & (g[2] > 0.0) & (g[3] > 0.0)
    rise = -found.share / SHORTEST * pair.scale
    by_w, by_h = select(line & (p[2] == 0.0), rise, by_w), select(line & (p[3] == 0.0), rise, by_h)
    return 0.0, 0.0, by_w, by_h, factor * (found.excess.by_angle * shape)


class Overlap(NamedTuple):
    """V / (Vp + Vg), at most ¼, and the two parts of it: of other shapes and angles, of other areas."""

    share: float
    excess: Excess
    misfit: float  # (A - G)² / 4AG of the areas
    by_log_area: float  # of the misfit


def overlap(pair):
    """Return the Overlap of a pair."""
    w, h, gw, gh = with_squares(pair)
    area, target = w * h, gw * gh
    growth = (w - gw) * h + gw * (h - gh)
    shape = excess(pair, pair.sine)
    misfit = 0.25 * (growth / area * (growth / target))
    by_log_area = 0.25 * (growth / area * ((area + target) / target))
    return Overlap(0.25 / (sqrt(1.0 + shape.value) * sqrt(1.0 + misfit)), shape, misfit, by_log_area)
