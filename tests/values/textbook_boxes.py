"""The box losses of later papers, as their formulas are written: read like `textbook`, whose table they join.

Each is its paper's formula with no term rearranged; what a paper leaves open (0/0, what its slope holds constant) is
decided by the rules that all losses here follow.
"""

from __future__ import annotations

from mpmath import mp, mpf
from textbook import LOSSES, ciou, diou, eiou, exp, giou, iou, loss, over, pair, raised, smooth_l1

__all__ = ["LOSSES"]


def by_name(base, p, g, held, gate, theta):
    """Return a loss that others add to."""
    return {
        "iou": lambda: iou(p, g, held, "linear"),
        "giou": lambda: giou(p, g, held),
        "diou": lambda: diou(p, g, held),
        "ciou": lambda: ciou(p, g, held, gate),
        "eiou": lambda: eiou(p, g, held),
        "siou": lambda: siou(p, g, held, theta),
    }[base]()


def offset(p, g):
    """Return dx, dy between the centres."""
    return [(p[i] + p[i + 2] - g[i] - g[i + 2]) / 2 for i in (0, 1)]


def unlike(a, b):
    """Return the difference of two sides, as a part of the larger."""
    return over(abs(a - b), max(a, b))


@loss
def siou(p, g, held, theta):
    s = pair(p, g)
    dx, dy = offset(p, g)
    angle = over(2 * abs(dx * dy), s.r2)
    distance = sum(1 - exp(-(2 - angle) * over(d, side) ** 2) for d, side in ((dx, s.cw), (dy, s.ch)))
    shape = sum((1 - exp(-unlike(a, b))) ** theta for a, b in ((s.w, s.gw), (s.h, s.gh)))
    return 1 - s.iou + (distance + shape) / 2


@loss
def wiou(p, g, held, version, gamma, k, delta, iou_mean):
    s = pair(p, g)
    wrong = 1 - s.iou
    attention = exp(over(s.r2, held(s.c2))) * wrong
    if version == "1":
        return attention
    if iou_mean == 0:
        return mpf(0)
    beta = held(wrong / iou_mean)
    if version == "2":
        return raised(beta, gamma) * attention
    # k ** (beta - delta), of a k that may be tiny or huge.
    return beta / (delta * mp.exp((beta - delta) * mp.log(k))) * attention


@loss
def mpdiou(p, g, held, width, height):
    corners = sum((a - b) ** 2 for a, b in zip(p, g, strict=True))
    return 1 - pair(p, g).iou + corners / (width**2 + height**2)


@loss
def alpha_iou(p, g, held, k, base, gate):
    s = pair(p, g)
    value = 1 - s.iou**k
    if base == "giou":
        value += over(s.area - s.union, s.area) ** k
    if base in ("diou", "ciou"):
        value += over(s.r2, s.c2) ** k
    if base == "ciou":
        value += (ciou(p, g, held, gate) - diou(p, g, held)) ** k
    return value


@loss
def inner_iou(p, g, held, ratio, base, gate, theta):
    inner = pair(resized(p, ratio), resized(g, ratio)).iou
    return by_name(base, p, g, held, gate, theta) + pair(p, g).iou - inner


def resized(box, ratio):
    """Return a box of sides times ratio about the same centre."""
    x1, y1, x2, y2 = box
    cx, cy, w, h = (x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) * ratio, (y2 - y1) * ratio
    return cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2


@loss
def focaler_iou(p, g, held, d, u, base, gate, theta):
    plain = pair(p, g).iou
    stretched = min(max((plain - d) / (u - d), mpf(0)), mpf(1))
    return by_name(base, p, g, held, gate, theta) + plain - stretched


@loss
def shape_iou(p, g, held, scale):
    s = pair(p, g)
    dx, dy = offset(p, g)
    across, along = raised(s.gw, scale), raised(s.gh, scale)
    ww, hh = (2 * side / (across + along) if across + along else mpf(1) for side in (across, along))
    distance = over(hh * dx**2 + ww * dy**2, s.c2)
    shape = sum((1 - exp(-share * unlike(a, b))) ** 4 for share, a, b in ((hh, s.w, s.gw), (ww, s.h, s.gh)))
    return 1 - s.iou + distance + shape / 2


@loss
def piou(p, g, held, version, lam):
    s = pair(p, g)
    far = mpf(0)
    for gaps, side in ((abs(p[0] - g[0]) + abs(p[2] - g[2]), s.gw), (abs(p[1] - g[1]) + abs(p[3] - g[3]), s.gh)):
        if gaps:
            far += gaps / (4 * side) if side else mpf("inf")
    penalty = 1 - s.iou + 1 - exp(-(far**2))
    x = lam * exp(-far)
    return penalty if version == "1" else 3 * x * exp(-(x**2)) * penalty


@loss
def nwd(p, g, held, constant):
    s = pair(p, g)
    distance = mp.sqrt(s.r2 + ((s.w - s.gw) ** 2 + (s.h - s.gh) ** 2) / 4)
    return 1 - exp(-distance / constant)


@loss
def bounded_iou(p, g, held, beta):
    s = pair(p, g)
    terms = []
    for d, side in zip(map(abs, offset(p, g)), (s.gw, s.gh), strict=True):
        terms.append(1 - max(mpf(0), (side - 2 * d) / (side + 2 * d)) if side + 2 * d else mpf(0))
    for a, b in ((s.w, s.gw), (s.h, s.gh)):
        terms.append(1 - min(a, b) / max(a, b) if max(a, b) else mpf(0))
    return sum(smooth_l1(term, mpf(0), held, beta) for term in terms)


@loss
def extended_iou(p, g, held, smooth):
    if tuple(p) == tuple(g):
        return mpf(0)
    x1, y1, x2, y2 = p
    gx1, gy1, gx2, gy2 = g
    ix1, iy1, ix2, iy2 = max(x1, gx1), max(y1, gy1), min(x2, gx2), min(y2, gy2)
    ex, ey = min(x1, gx1), min(y1, gy1)
    inter = (
        (ix2 - ex) * (iy2 - ey)
        + (min(ix1, ix2) - ex) * (min(iy1, iy2) - ey)
        - (ix1 - ex) * (max(iy1, iy2) - ey)
        - (max(ix1, ix2) - ex) * (iy1 - ey)
    )
    e = 1 - over(inter, (x2 - x1) * (y2 - y1) + (gx2 - gx1) * (gy2 - gy1) - inter)
    return e**2 / (2 * smooth) if e < smooth else e - smooth / 2
