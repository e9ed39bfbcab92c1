"""Every loss as the papers write it: nothing scaled, nothing rearranged, many digits instead.

Each takes the prediction and the target of one item as mpmath numbers (boxes as four of them, classes as rows, regions
as lists of pixels), `held` for what is constant in the slope, and the loss's parameters by name.
"""

from __future__ import annotations

from types import SimpleNamespace

from mpmath import mp, mpf

LOSSES = {}


def loss(function):
    """Put a formula into the table under its name."""
    LOSSES[function.__name__.replace("_", "-")] = function
    return function


def over(a, b):
    """0/0 and every quotient by a size of 0 is 0."""
    return mpf(0) if b == 0 else a / b


def exp(x):
    """What is below 1e-400000 is 0 for every double, and takes mpmath long."""
    return mp.exp(x) if x > -1e6 else mpf(0)


def entropy_term(y, log_q):
    """0 · ln 0 = 0."""
    return mpf(0) if y == 0 else y * log_q


# Boxes


def pair(p, g):
    """The quantities of section 0."""
    x1, y1, x2, y2 = p
    gx1, gy1, gx2, gy2 = g
    s = SimpleNamespace(w=x2 - x1, h=y2 - y1, gw=gx2 - gx1, gh=gy2 - gy1)
    s.inter = max(mpf(0), min(x2, gx2) - max(x1, gx1)) * max(mpf(0), min(y2, gy2) - max(y1, gy1))
    s.union = s.w * s.h + s.gw * s.gh - s.inter
    s.iou = mpf(1) if tuple(p) == tuple(g) else over(s.inter, s.union)
    s.cw, s.ch = max(x2, gx2) - min(x1, gx1), max(y2, gy2) - min(y1, gy1)
    s.area = s.cw * s.ch
    s.c2 = s.cw**2 + s.ch**2
    s.r2 = ((x1 + x2 - gx1 - gx2) / 2) ** 2 + ((y1 + y2 - gy1 - gy2) / 2) ** 2
    return s


@loss
def iou(p, g, held, form):
    s = pair(p, g)
    if form == "log":
        return mpf("inf") if s.iou == 0 else -mp.log(s.iou)
    return 1 - s.iou**2 if form == "square" else 1 - s.iou


@loss
def giou(p, g, held):
    s = pair(p, g)
    return 1 - s.iou + over(s.area - s.union, s.area)


@loss
def diou(p, g, held):
    s = pair(p, g)
    return 1 - s.iou + over(s.r2, s.c2)


@loss
def ciou(p, g, held, gate):
    s = pair(p, g)
    v = 4 / mp.pi**2 * (mp.atan2(s.gw, s.gh) - mp.atan2(s.w, s.h)) ** 2
    a = mpf(0) if gate > 0 and s.iou <= gate else over(v, 1 - s.iou + v)
    return diou(p, g, held) + held(a) * v


@loss
def eiou(p, g, held):
    s = pair(p, g)
    return diou(p, g, held) + over((s.w - s.gw) ** 2, s.cw**2) + over((s.h - s.gh) ** 2, s.ch**2)


@loss
def focal_eiou(p, g, held, gamma):
    iou = pair(p, g).iou
    return held(mpf(1) if gamma == 0 else iou**gamma) * eiou(p, g, held)


@loss
def cdiou(p, g, held, base, lam, gate):
    bases = {
        "iou": lambda: iou(p, g, held, "linear"),
        "giou": lambda: giou(p, g, held),
        "diou": lambda: diou(p, g, held),
        "ciou": lambda: ciou(p, g, held, gate),
    }
    corners = [(0, 1), (0, 3), (2, 1), (2, 3)]
    distances = sum(mp.sqrt((p[i] - g[i]) ** 2 + (p[j] - g[j]) ** 2) for i, j in corners)
    return bases[base]() + lam * over(distances, 4 * mp.sqrt(pair(p, g).c2))


@loss
def box_l1(p, g, held):
    return sum(mae(a, b, held) for a, b in zip(p, g, strict=True)) / 4


@loss
def box_smooth_l1(p, g, held, beta):
    return sum(smooth_l1(a, b, held, beta) for a, b in zip(p, g, strict=True)) / 4


# Rotated boxes: (cx, cy, w, h, angle), the angle in radians


def covariance(box, k):
    """Return R diag(w², h²) Rᵀ / k."""
    _, _, w, h, angle = box
    c, s = mp.cos(angle), mp.sin(angle)
    across = (w**2 - h**2) * s * c
    return ((w**2 * c**2 + h**2 * s**2) / k, across / k), (across / k, (w**2 * s**2 + h**2 * c**2) / k)


def det(m):
    return m[0][0] * m[1][1] - m[0][1] * m[1][0]


def trace(m):
    return m[0][0] + m[1][1]


def plus(a, b, factor=1):
    return tuple(tuple(x + factor * y for x, y in zip(*rows, strict=True)) for rows in zip(a, b, strict=True))


def product(a, b):
    return tuple(tuple(sum(row[k] * b[k][j] for k in (0, 1)) for j in (0, 1)) for row in a)


def inverse(m):
    d = det(m)
    return (m[1][1] / d, -m[0][1] / d), (-m[1][0] / d, m[0][0] / d)


def form(m, x, y):
    """(x, y) m (x, y)ᵀ."""
    return x * x * m[0][0] + x * y * (m[0][1] + m[1][0]) + y * y * m[1][1]


def positive(x):
    """What cancels to less than 0 is 0."""
    return max(x, mpf(0))


def shrinking(p, g, centers=True):
    """Return the boxes with something for every side of 0, or None where sides that shrink to 0 part them for good.

    What stays comparable is a side that both boxes have as 0, in the same direction and, if centres count, on one line.
    """
    if p[2] * p[3] * g[2] * g[3] != 0:
        return p, g
    point = tuple(p[2:4]) == tuple(g[2:4]) == (0, 0)
    turn = p[4] - g[4]
    # The same sides, or exchanged ones a quarter turn on; only exact multiples of a quarter turn have no sine.
    if (p[2] == 0) != (g[2] == 0) or (p[3] == 0) != (g[3] == 0) or not (point or turn == 0):
        return None
    dx, dy = p[0] - g[0], p[1] - g[1]
    c, s = mp.cos(p[4]), mp.sin(p[4])
    u, v = dx * c + dy * s, dy * c - dx * s
    if centers and ((p[2] == 0 and u != 0) or (p[3] == 0 and v != 0)):
        return None
    return [(*box[:2], box[2] or mpf(1), box[3] or mpf(1), mpf(0) if point else box[4]) for box in (p, g)]


@loss
def probiou(p, g, held):
    found = shrinking(p, g)
    if found is None or tuple(p) == tuple(g):
        return mpf(found is None)
    return mp.sqrt(positive(-mp.expm1(-bhattacharyya(*found))))


def bhattacharyya(p, g):
    a, b = covariance(p, 12), covariance(g, 12)
    middle = plus(a, b)
    middle = plus(middle, middle, mpf(-1) / 2)
    offset = form(inverse(middle), p[0] - g[0], p[1] - g[1]) / 8
    return offset + mp.log(det(middle) / mp.sqrt(det(a) * det(b))) / 2


@loss
def gwd(p, g, held, tau, alpha):
    if tuple(p) == tuple(g):
        return 1 - 1 / tau
    if p[2] * p[3] * g[2] * g[3] == 0:
        both = [(*box[:2], box[2] + 1, box[3] + 1, box[4]) for box in (p, g)]
        return 1 - 1 / tau if wasserstein(*both, mpf(1)) == 0 else mpf(1)
    area2 = det(covariance(p, 4)) * det(covariance(g, 4))
    return 1 - 1 / (tau + mp.log1p(wasserstein(p, g, alpha) / (2 * area2 ** (mpf(1) / 8))))


def wasserstein(p, g, alpha):
    a, b = covariance(p, 4), covariance(g, 4)
    shape = trace(a) + trace(b) - 2 * mp.sqrt(trace(product(a, b)) + 2 * mp.sqrt(det(a) * det(b)))
    return mp.sqrt(positive((p[0] - g[0]) ** 2 + (p[1] - g[1]) ** 2 + alpha**2 * shape))


@loss
def kld(p, g, held, tau, alpha):
    found = shrinking(p, g)
    if found is None or tuple(p) == tuple(g):
        return mpf(1) if found is None else 1 - 1 / tau
    return 1 - 1 / (tau + mp.log1p(mp.sqrt(positive(kullback_leibler(*found, alpha)))))


def kullback_leibler(p, g, alpha):
    a, b = covariance(p, 4), covariance(g, 4)
    inv = inverse(a)
    offset = form(inv, p[0] - g[0], p[1] - g[1]) / alpha**2
    return (offset + trace(product(inv, b)) + mp.log(det(a) / det(b))) / 2 - 1


@loss
def kfiou(p, g, held):
    found = shrinking(p, g, centers=False)
    if found is None:
        return mpf(1)
    a, b = (covariance(box, 4) for box in found)
    gain = product(product(a, inverse(plus(a, b))), a)
    shared, first, second = (4 * mp.sqrt(det(m)) for m in (plus(a, gain, -1), a, b))
    return 1 - shared / (first + second - shared)


# Numbers


@loss
def mae(pred, target, held):
    return abs(pred - target)


@loss
def mse(pred, target, held):
    return (pred - target) ** 2


# One number for all items: with a single item it is the root of its square, and tested apart (test_means.py).
LOSSES["rmse"] = mse


@loss
def smooth_l1(pred, target, held, beta):
    x = abs(pred - target)
    return x**2 / (2 * beta) if x < beta else x - beta / 2


@loss
def huber(pred, target, held, delta):
    x = abs(pred - target)
    return x**2 / 2 if x <= delta else delta * (x - delta / 2)


@loss
def focal_l1(pred, target, held, beta):
    x = abs(pred - target)
    alpha = mp.e * beta
    if x == 0:
        return mpf(0)
    if x <= 1:
        return -alpha * x**2 * (2 * mp.log(beta * x) - 1) / 4
    return -alpha * mp.log(beta) * x + (2 * alpha * mp.log(beta) + alpha) / 4


@loss
def log_cosh(pred, target, held):
    x = abs(pred - target)
    # Not x + log1p(exp(-2x)) - ln 2, which needs twice the digits of x near 0.
    half = mp.sinh(x / 2) if x < 1 else 0
    return mp.log1p(2 * half**2) if x < 1 else x + mp.log1p(exp(-2 * x)) - mp.ln2


@loss
def quantile(pred, target, held, tau):
    r = target - pred
    return max(tau * r, (tau - 1) * r)


@loss
def charbonnier(pred, target, held, epsilon):
    return mp.sqrt((pred - target) ** 2 + epsilon**2)


@loss
def pseudo_huber(pred, target, held, delta):
    return delta**2 * (mp.sqrt(1 + ((pred - target) / delta) ** 2) - 1)


@loss
def balanced_l1(pred, target, held, a, gamma, b):
    x = abs(pred - target)
    big = mp.expm1(gamma / a)
    if x < b:
        return a / big * (big * x + b) * mp.log(big * x / b + 1) - a * x
    return gamma * x + gamma * b / big - a * b


@loss
def wing(pred, target, held, w, epsilon):
    x = abs(pred - target)
    return w * mp.log(1 + x / epsilon) if x < w else x - (w - w * mp.log(1 + w / epsilon))


@loss
def cauchy(pred, target, held, c):
    return mp.log(1 + ((pred - target) / c) ** 2 / 2)


@loss
def welsch(pred, target, held, c):
    u = ((pred - target) / c) ** 2
    return -mp.expm1(-u / 2) if u < 1e6 else mpf(1)


@loss
def geman_mcclure(pred, target, held, c):
    u = ((pred - target) / c) ** 2
    return 2 * u / (u + 4)


@loss
def msle(pred, target, held):
    return (mp.log1p(pred) - mp.log1p(target)) ** 2


@loss
def poisson(pred, target, held):
    if target == 0:
        return 2 * pred
    return mpf("inf") if pred == 0 else 2 * (target * mp.log(target / pred) - (target - pred))


@loss
def mape(pred, target, held):
    return abs((pred - target) / target)


@loss
def hinge(pred, target, held, margin, labels):
    y = 2 * target - 1 if labels == "01" else target
    return max(mpf(0), margin - y * pred)


@loss
def squared_hinge(pred, target, held, margin, labels):
    return hinge(pred, target, held, margin, labels) ** 2


# Binary scores


def bernoulli(score, source):
    """Return q, 1 - q and their logs."""
    if source == "logits":
        small = exp(-abs(score))
        q, r = (1 / (1 + small), small / (1 + small))[:: 1 if score >= 0 else -1]
        return q, r, min(score, mpf(0)) - mp.log1p(small), -max(score, mpf(0)) - mp.log1p(small)
    logs = (mpf("-inf") if x == 0 else mp.log(x) for x in (score, 1 - score))
    return score, 1 - score, *logs


@loss
def bce(score, y, held, source, pos_weight, label_smoothing):
    _, _, log_q, log_r = bernoulli(score, source)
    smooth = y * (1 - label_smoothing) + label_smoothing / 2
    return -pos_weight * entropy_term(smooth, log_q) - entropy_term(1 - smooth, log_r)


@loss
def balanced_bce(score, y, held, source, alpha):
    _, _, log_q, log_r = bernoulli(score, source)
    return -alpha * entropy_term(y, log_q) - (1 - alpha) * entropy_term(1 - y, log_r)


@loss
def focal(score, y, held, source, alpha, gamma):
    q, r, log_q, log_r = bernoulli(score, source)
    alpha_t = 1 if alpha is None else alpha * y + (1 - alpha) * (1 - y)
    missed = q * (1 - y) + r * y  # 1 - q_t
    focus = mpf(1) if gamma == 0 else missed**gamma
    return alpha_t * entropy_term(focus, -entropy_term(y, log_q) - entropy_term(1 - y, log_r))


def cross_entropy(log_q, log_r, y):
    return -entropy_term(y, log_q) - entropy_term(1 - y, log_r)


def raised(x, exponent):
    """0⁰ = 1."""
    return mpf(1) if exponent == 0 else x**exponent


@loss
def gaussian_focal(score, y, held, source, alpha, gamma):
    q, r, log_q, log_r = bernoulli(score, source)
    if y == 1:
        return -entropy_term(raised(r, alpha), log_q)
    return -entropy_term(raised(1 - y, gamma) * raised(q, alpha), log_r)


@loss
def quality_focal(score, y, held, source, beta):
    q, r, log_q, log_r = bernoulli(score, source)
    # y - q, of which nothing is lost where both are almost 1.
    return entropy_term(raised(abs(r * y - q * (1 - y)), beta), cross_entropy(log_q, log_r, y))


@loss
def varifocal(score, y, held, source, alpha, gamma):
    q, _, log_q, log_r = bernoulli(score, source)
    return entropy_term(y if y > 0 else alpha * raised(q, gamma), cross_entropy(log_q, log_r, y))


# Rows of class scores


def softmax(scores, temperature=1):
    """Return (q, 1 - q, ln q) of every class; no digit of 1 - q or ln q is lost in a class that has almost all."""
    top = max(scores)
    powers = [exp((z - top) / temperature) for z in scores]
    first = scores.index(top)
    others = sum(powers[:first]) + sum(powers[first + 1 :])
    rows = []
    for c, (z, power) in enumerate(zip(scores, powers, strict=True)):
        rest = others if c == first else sum(powers[:c]) + sum(powers[c + 1 :])
        rows.append((power / (1 + others), rest / (1 + others), (z - top) / temperature - mp.log1p(others)))
    return rows


def row(scores, source, temperature=1):
    """Return (q, 1 - q, ln q) of every class of logits or of probabilities."""
    if source == "logits":
        return softmax(scores, temperature)
    return [(q, 1 - q, mpf("-inf") if q == 0 else mp.log(q)) for q in scores]


def units(log_base):
    return 1 / mp.log({"e": mp.e, "2": 2, "10": 10}[log_base])


@loss
def ce(scores, y, held, source, class_weights, label_smoothing, log_base):
    smooth = [(1 - label_smoothing) * share + label_smoothing / len(y) for share in y]
    terms = zip(class_weights, smooth, row(scores, source), strict=True)
    return -units(log_base) * sum(w * entropy_term(s, log_q) for w, s, (_, _, log_q) in terms if w)


@loss
def entropy(scores, y, held, source, class_weights, log_base):
    return -units(log_base) * sum(entropy_term(q, log_q) for q, _, log_q in row(scores, source))


def divergence(a, log_b):
    """KL(a ‖ b)."""
    return sum(share * (mp.log(share) - log) for share, log in zip(a, log_b, strict=True) if share)


@loss
def kl(scores, y, held, source, class_weights, log_base):
    return units(log_base) * divergence(y, [log_q for _, _, log_q in row(scores, source)])


@loss
def js(scores, y, held, source, class_weights, log_base):
    q = [q for q, _, _ in row(scores, source)]
    middle = [(a + b) / 2 for a, b in zip(q, y, strict=True)]
    log_m = [mp.log(m) if m else mpf("-inf") for m in middle]
    return units(log_base) * (divergence(y, log_m) + divergence(q, log_m)) / 2


@loss
def distillation(scores, teacher, held, source, class_weights, temperature):
    y = [q for q, _, _ in softmax(teacher, temperature)]
    return temperature**2 * divergence(y, [log_q for _, _, log_q in softmax(scores, temperature)])


@loss
def softmax_focal(scores, y, held, source, class_weights, gamma):
    terms = zip(class_weights, y, row(scores, source), strict=True)
    return -sum(w * entropy_term(share * raised(r, gamma), log_q) for w, share, (_, r, log_q) in terms if w)


@loss
def poly1(scores, y, held, source, class_weights, epsilon):
    terms = zip(y, row(scores, source), strict=True)
    return sum(epsilon * share * r - entropy_term(share, log_q) for share, (_, r, log_q) in terms)


@loss
def brier(scores, y, held, source, class_weights):
    return sum((q * (1 - share) - r * share) ** 2 for share, (q, r, _) in zip(y, row(scores, source), strict=True))


# Regions: probabilities q (and 1 - q) and targets of the pixels of one image and one class


@loss
def dice(q, r, y, held, smooth, squared):
    top, areas = _areas(q, y, squared)
    return 1 - over(2 * top + smooth, areas + smooth) if areas + smooth else mpf(0)


@loss
def jaccard(q, r, y, held, smooth, squared):
    top, areas = _areas(q, y, squared)
    return 1 - over(top + smooth, areas - top + smooth) if areas + smooth else mpf(0)


def _areas(q, y, squared):
    power = 2 if squared else 1
    return sum(a * b for a, b in zip(q, y, strict=True)), sum(a**power for a in q) + sum(b**power for b in y)


@loss
def tversky(q, r, y, held, fp_weight, fn_weight, smooth):
    tp = sum(a * b for a, b in zip(q, y, strict=True))
    fp = sum(a * (1 - b) for a, b in zip(q, y, strict=True))
    fn = sum(a * b for a, b in zip(r, y, strict=True))
    below = tp + fp_weight * fp + fn_weight * fn + smooth
    return 1 - (tp + smooth) / below if below else mpf(0)


@loss
def focal_tversky(q, r, y, held, fp_weight, fn_weight, smooth, gamma):
    plain = tversky(q, r, y, held, fp_weight, fn_weight, smooth)
    return mpf(0) if plain == 0 else plain ** (1 / gamma)


@loss
def log_cosh_dice(q, r, y, held, smooth, squared):
    return mp.log(mp.cosh(dice(q, r, y, held, smooth, squared)))


@loss
def mcc(q, r, y, held):
    tp = sum(a * b for a, b in zip(q, y, strict=True))
    fp = sum(a * (1 - b) for a, b in zip(q, y, strict=True))
    fn = sum(a * b for a, b in zip(r, y, strict=True))
    tn = sum(a * (1 - b) for a, b in zip(r, y, strict=True))
    return 1 - over(tp * tn - fp * fn, mp.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))


@loss
def generalized_dice(q, r, y, held, weight):
    """Of all classes: q, r and y are lists of pixels, class by class."""
    exponent = {"square": 2, "simple": 1, "uniform": 0}[weight]
    totals = [sum(pixels) for pixels in y]
    weights = [1 / total**exponent if total else None for total in totals]
    weights = [max(w for w in weights if w is not None) if w is None else w for w in weights]
    shared = [sum(a * b for a, b in zip(one, two, strict=True)) for one, two in zip(q, y, strict=True)]
    areas = [sum(one) + total for one, total in zip(q, totals, strict=True)]
    below = sum(w * a for w, a in zip(weights, areas, strict=True))
    return 1 - 2 * sum(w * a for w, a in zip(weights, shared, strict=True)) / below


def jaccard_extension(errors, y):
    """The sum over pixels in order of falling error of error times growth of the Jaccard loss, by its definition."""
    order = sorted(range(len(y)), key=lambda i: -errors[i])
    total, hits, misses, last, found = sum(y), mpf(0), mpf(0), mpf(0), mpf(0)
    for i in order:
        hits, misses = hits + y[i], misses + 1 - y[i]
        now = 1 - (total - hits) / (total + misses)
        found += errors[i] * (now - last)
        last = now
    return found


@loss
def lovasz_softmax(q, r, y, held):
    return jaccard_extension([abs(b - a) for a, b in zip(q, y, strict=True)], y)


@loss
def lovasz_hinge(q, r, y, held):
    z = [mp.log(a) - mp.log(b) for a, b in zip(q, r, strict=True)]
    return jaccard_extension([max(mpf(0), 1 - a * (2 * b - 1)) for a, b in zip(z, y, strict=True)], y)


@loss
def unified_focal(q, r, y, held, lam, delta, gamma):
    pixels = mpf(0)
    for a, b, t in zip(q, r, y, strict=True):
        bce = -entropy_term(t, mp.log(a) if a else -mpf("inf")) - entropy_term(1 - t, mp.log(b) if b else -mpf("inf"))
        pixels += delta * raised(b * t + a * (1 - t), 1 - gamma) * bce
    tp = sum(a * t for a, t in zip(q, y, strict=True))
    fn = sum(b * t for b, t in zip(r, y, strict=True))
    fp = sum(a * (1 - t) for a, t in zip(q, y, strict=True))
    return lam * pixels / len(q) + (1 - lam) * raised(1 - over(tp, tp + delta * fn + (1 - delta) * fp), gamma)


@loss
def hausdorff(q, r, y, held, alpha):
    """Of one line of pixels."""

    def distances(mask):
        places = range(len(mask))
        if len(set(mask)) < 2:
            return [mpf(0) for _ in places]
        return [min(mpf(abs(i - j)) for j in places if mask[j] != mask[i]) for i in places]

    fields = distances([a >= mpf("0.5") for a in q]), distances([t >= mpf("0.5") for t in y])
    parts = [(a - t) ** 2 * (raised(b, alpha) + raised(c, alpha)) for a, t, b, c in zip(q, y, *fields, strict=True)]
    return sum(parts) / len(parts)
