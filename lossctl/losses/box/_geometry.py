"""What box losses are made of: sizes, overlap, enclosure and offset of a pair, and their derivatives.

Everything that is small for nearly identical boxes (U − I, C − U, the offsets) is built as a sum of products that are
not negative, from differences of coordinates: it keeps its relative precision where `1 - I / U` would keep none.

NaN and infinity are no business of formulas of boxes: whoever walks the data looks for them.

Each axis is first scaled by a power of two, which changes no digit and keeps the areas of boxes of 1e±150 finite.
Quotients within an axis need nothing more; quantities that mix the axes (a diagonal, an angle) use `common` sizes.
"""

from typing import NamedTuple

from lossctl.maths import (
    atan,
    larger,
    log1p,
    magnitude,
    maximum,
    minimum,
    ratio,
    scale_of,
    select,
    smaller,
    step,
)

PI_HALF = 1.5707963267948966
INFINITY = float("inf")
TINY = 1e-280


class Axis(NamedTuple):
    """One axis of a pair, scaled: sizes, parts and kinks; `d_…` are derivatives by the prediction's two ends."""

    scale: float
    size: float  # of the prediction
    target: float  # of the target
    shared: float
    alone: float  # of the prediction, outside the target
    missed: float  # of the target, outside the prediction
    gap: float  # between disjoint boxes
    span: float  # of the enclosing box
    low: float  # prediction minus target, at the lower end
    high: float  # at the upper end
    offset: float  # of the centres
    d_shared_low: float
    d_shared_high: float
    d_span_low: float
    d_span_high: float


class Pair(NamedTuple):
    """A prediction and a target."""

    x: Axis
    y: Axis
    intersection: float
    excess: float  # U - I
    union: float
    void: float  # C - U
    enclosing: float
    iou: float
    distance: float  # 1 - iou
    fx: float  # from the x axis's scale to the common one
    fy: float


class Slope(NamedTuple):
    """A loss's derivatives by the quantities of one axis (zero where it does not depend on them)."""

    size: float
    shared: float
    span: float
    offset: float


def measure_axis(low, high, target_low, target_high):
    """Return the Axis of the intervals (low, high) and (target_low, target_high)."""
    # Low is never above high.
    reach = maximum(maximum(high, target_high), -minimum(low, target_low))
    # A quarter, so that no sum of coordinates overflows either.
    scale = 0.25 * scale_of(reach)
    low, high, target_low, target_high = low * scale, high * scale, target_low * scale, target_high * scale
    size, target = high - low, target_high - target_low
    overlap = minimum(high, target_high) - maximum(low, target_low)
    at_low, at_high = low - target_low, high - target_high
    alone = minimum(size, maximum(at_high, 0.0) - minimum(at_low, 0.0))
    missed = minimum(target, maximum(at_low, 0.0) - minimum(at_high, 0.0))
    shared = maximum(overlap, 0.0)
    # Mean of the one-sided derivatives of max(0, overlap), where both kinks may coincide.
    meeting, touching = overlap > 0.0, overlap >= 0.0
    d_shared_low = -0.5 * (select((at_low >= 0.0) & meeting, 1.0, 0.0) + select((at_low > 0.0) & touching, 1.0, 0.0))
    d_shared_high = 0.5 * (select((at_high <= 0.0) & meeting, 1.0, 0.0) + select((at_high < 0.0) & touching, 1.0, 0.0))
    return Axis(
        scale, size, target, shared, alone, missed, shared - overlap,
        maximum(high, target_high) - minimum(low, target_low), at_low, at_high, 0.5 * (at_low + at_high),
        d_shared_low, d_shared_high, -step(-at_low), step(at_high),
    )  # fmt: skip


def measure(p, g):
    """Return the Pair of two boxes (x1, y1, x2, y2)."""
    return combine(measure_axis(p[0], p[2], g[0], g[2]), measure_axis(p[1], p[3], g[1], g[3]))


def combine(x, y):
    """Return the Pair of two axes."""
    intersection = x.shared * y.shared
    excess = (x.alone * y.size + x.shared * y.alone) + (x.missed * y.target + x.shared * y.missed)
    union = intersection + excess
    void = (x.alone * y.missed + x.missed * y.alone) + (x.gap * y.span + y.gap * (x.size + x.target - x.shared))
    same = (x.low == 0.0) & (x.high == 0.0) & (y.low == 0.0) & (y.high == 0.0)
    empty = select(same, 1.0, 0.0)
    # An area that underflows need not be nothing beside a union that is as small.
    share = select(intersection < TINY, x.shared * ratio(y.shared, union), ratio(intersection, union))
    flat = union == 0.0
    scale = minimum(x.scale, y.scale)
    return Pair(
        x, y, intersection, excess, union, void, x.span * y.span,
        select(flat, empty, share),
        select(flat, 1.0 - empty, ratio(excess, union)),
        scale / x.scale, scale / y.scale,
    )  # fmt: skip


def log_iou(pair):
    """Return -ln iou as ln(1 + (U - I) / I), which keeps the digits of nearly identical boxes."""
    x, y = pair.x.shared, pair.y.shared
    odds = select(pair.intersection < TINY, ratio(ratio(pair.excess, x), y), ratio(pair.excess, pair.intersection))
    apart = (x == 0.0) | (y == 0.0)
    return select(apart, select(pair.distance == 0.0, 0.0, INFINITY), log1p(odds))


def iou_slope(pair, factor):
    """Return factor · d(1 - iou) as the Slopes of the x and the y axis."""
    union = pair.union
    by_shared = -factor * ratio(1.0 + pair.iou, union)
    by_area = factor * ratio(pair.iou, union)
    x, y = pair.x, pair.y
    return (
        Slope(by_area * y.size, by_shared * y.shared, 0.0, 0.0),
        Slope(by_area * x.size, by_shared * x.shared, 0.0, 0.0),
    )


def log_iou_slope(pair):
    """Return d(-ln iou) = dU / U - dI / I as the Slopes of the x and the y axis."""
    x, y = pair.x, pair.y
    one = select((x.shared == 0.0) | (y.shared == 0.0), 0.0, 1.0)
    by_union = ratio(one, pair.union)
    return (
        Slope(by_union * y.size, -by_union * y.shared - ratio(one, x.shared), 0.0, 0.0),
        Slope(by_union * x.size, -by_union * x.shared - ratio(one, y.shared), 0.0, 0.0),
    )


def add(a, b):
    """Return the sum of two (x, y) slopes."""
    return add_axis(a[0], b[0]), add_axis(a[1], b[1])


def add_axis(a, b):
    """Return the sum of two slopes of one axis."""
    return Slope(a.size + b.size, a.shared + b.shared, a.span + b.span, a.offset + b.offset)


def to_coordinates(pair, slopes):
    """Return d loss / d (x1, y1, x2, y2) from the slopes of the two axes."""
    x1, x2 = ends(pair.x, slopes[0])
    y1, y2 = ends(pair.y, slopes[1])
    return x1, y1, x2, y2


def ends(axis, slope):
    """Return an axis's slope as derivatives by the prediction's lower and upper end."""
    half = 0.5 * slope.offset
    low = axis.d_shared_low * slope.shared - slope.size + axis.d_span_low * slope.span + half
    high = axis.d_shared_high * slope.shared + slope.size + axis.d_span_high * slope.span + half
    return axis.scale * low, axis.scale * high


def diagonal2(pair):
    """Return the enclosing box's squared diagonal, in the common scale."""
    cw, ch = pair.x.span * pair.fx, pair.y.span * pair.fy
    return cw * cw + ch * ch


def center(pair):
    """Return r2 / c2: the squared distance of the centres over the squared diagonal of the enclosing box."""
    return center_of(pair, pair.x.offset, pair.y.offset)


def center_slope(pair):
    """Return d(r2 / c2)."""
    return center_slope_of(pair, pair.x.offset, pair.y.offset)


def center_of(pair, dx, dy):
    """Return r2 / c2 for the offsets dx and dy."""
    dx, dy = dx * pair.fx, dy * pair.fy
    return ratio(dx * dx + dy * dy, diagonal2(pair))


def center_slope_of(pair, dx, dy):
    """Return d(r2 / c2) for the offsets dx and dy."""
    by_offset = ratio(2.0, diagonal2(pair))
    by_span = -by_offset * center_of(pair, dx, dy)
    x, y, fx2, fy2 = pair.x, pair.y, pair.fx * pair.fx, pair.fy * pair.fy
    return (
        Slope(0.0, 0.0, by_span * x.span * fx2, by_offset * dx * fx2),
        Slope(0.0, 0.0, by_span * y.span * fy2, by_offset * dy * fy2),
    )


def angle(pair):
    """Return atan2(W, H) - atan2(w, h) by one arc tangent; a point has the angle 0."""
    w, h = pair.x.size * pair.fx, pair.y.size * pair.fy
    gw, gh = pair.x.target * pair.fx, pair.y.target * pair.fy
    h = select((w == 0.0) & (h == 0.0), 1.0, h)
    gh = select((gw == 0.0) & (gh == 0.0), 1.0, gh)
    across, along = gw * h - w * gh, w * gw + h * gh
    steep = magnitude(across) > along
    part = atan(ratio(smaller(magnitude(across), along), larger(magnitude(across), along)))
    turn = select(steep, PI_HALF - part, part)
    return select(across < 0.0, -turn, turn)


def angle_slope(pair):
    """Return d angle by the prediction's width and height, each in its axis's scale."""
    w, h = pair.x.size * pair.fx, pair.y.size * pair.fy
    square = w * w + h * h
    return -ratio(h, square) * pair.fx, ratio(w, square) * pair.fy


def misfit(axis, growth):
    """Return abs(w - W) / max(w, W), where growth is w - W."""
    return ratio(magnitude(growth), larger(axis.size, axis.target))


def misfit_slope(axis, growth):
    """Return d misfit / dw; where w = W, its slope downwards."""
    return ratio(select(growth > 0.0, ratio(axis.target, axis.size), -1.0), larger(axis.size, axis.target))
