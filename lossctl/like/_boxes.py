"""Boxes as libraries measure them: areas and differences of coordinates as they stand, without our care for digits."""

from typing import NamedTuple

from lossctl.maths import atan, larger, ratio, select, smaller

FOUR_OVER_PI2 = 0.4052847345693511
PI_HALF = 1.5707963267948966


class Measured(NamedTuple):
    """What the libraries' losses are made of; no eps anywhere."""

    w: float  # of the prediction
    h: float
    gw: float  # of the target
    gh: float
    intersection: float
    union: float
    cw: float  # of the enclosing box
    ch: float
    dx: float  # twice the offset of the centres
    dy: float


def measured(p, g):
    """Return the Measured of two boxes (x1, y1, x2, y2)."""
    w, h, gw, gh = p[2] - p[0], p[3] - p[1], g[2] - g[0], g[3] - g[1]
    across = larger(smaller(p[2], g[2]) - larger(p[0], g[0]), 0.0)
    down = larger(smaller(p[3], g[3]) - larger(p[1], g[1]), 0.0)
    intersection = across * down
    return Measured(
        w, h, gw, gh, intersection, (w * h + gw * gh) - intersection,
        larger(p[2], g[2]) - smaller(p[0], g[0]), larger(p[3], g[3]) - smaller(p[1], g[1]),
        (g[0] + g[2]) - (p[0] + p[2]), (g[1] + g[3]) - (p[1] + p[3]),
    )  # fmt: skip


def far(m):
    """Return the squared distance of the centres."""
    return (m.dx * m.dx + m.dy * m.dy) / 4.0


def diagonal2(m):
    """Return the squared diagonal of the enclosing box."""
    return m.cw * m.cw + m.ch * m.ch


def shape_gap(w, h, gw, gh):
    """Return v, the squared difference of the angles atan(w / h), 4 / π² of it."""
    turn = angle(gw, gh) - angle(w, h)
    return FOUR_OVER_PI2 * (turn * turn)


def angle(w, h):
    """Return atan(w / h): π/2 where h is 0, and 0 where w is too, for which the libraries have NaN."""
    return select(h == 0.0, select(w > 0.0, PI_HALF, 0.0), atan(ratio(w, h)))
