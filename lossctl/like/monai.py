"""monai.losses."""

from lossctl.convention import Convention
from lossctl.like._boxes import measured
from lossctl.like.torch import rows_of_shares
from lossctl.losses.region.generalized_dice import mixed
from lossctl.maths import exp, ratio, select, softplus, sqrt, times

CHECKED = "1.6"
# It computes boxes in float32 and adds that type's eps.
EPS = 1.1920928955078125e-07
POOLS = ("per-image", "global")
SMOOTH = {"smooth": 1e-5}


def dice(diff, total, smooth: float, squared: bool):
    return 1.0 - ratio(total - diff + smooth, total + smooth)


def jaccard(diff, total, smooth: float, squared: bool):
    return 1.0 - ratio(total - diff + smooth, total + diff + smooth)


def tversky(tp, fp, fn, fp_weight: float, fn_weight: float, smooth: float):
    return 1.0 - ratio(tp + smooth, tp + fp * fp_weight + fn * fn_weight + smooth)


def generalized_dice(diff, total, target, weight: str):
    exponent = {"square": 2.0, "simple": 1.0, "uniform": 0.0}[weight]
    smallest = min((t for t in target if t > 0.0), default=0.0)
    # An absent class weighs as much as the rarest that is there; where none is, nothing weighs.
    known = [t if t > 0.0 else smallest for t in target]
    shares = [0.0 if exponent and not smallest else 1.0 / t**exponent if exponent else 1.0 for t in known]
    shared = mixed(shares, [area - apart for area, apart in zip(total, diff, strict=True)])
    return 1.0 - (shared + 1e-5) / (mixed(shares, total) + 1e-5)


def mcc(tp, fp, fn, tn):
    root = sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn) + 1e-5)
    return select((fp == 0.0) & (fn == 0.0), 0.0, 1.0 - (tp * tn - fp * fn) / root)


def focal(log_q, log_r, y, alpha: float | None, gamma: float):
    z = log_q - log_r
    entropy = -times(y, log_q) - times(1.0 - y, log_r)
    loss = times(exp(-gamma * softplus(z * (2.0 * y - 1.0))), entropy)
    if alpha is None:
        return loss
    return (y * alpha + (1.0 - y) * (1.0 - alpha)) * loss


def giou(p, g):
    m = measured(p, g)
    enclosing = m.cw * m.ch
    iou = m.intersection / (m.union + EPS)
    return 1.0 - (iou - (enclosing - m.union) / (enclosing + EPS))


def scores_but_ignored(n):
    """Return the number of scores; where an ignore index is given, that of the rows which count."""
    return n.used if n.ignoring else n.used * n.classes


CONVENTIONS = {
    "ce": Convention(
        "DiceCELoss, its cross-entropy", "the mean divides by the number of rows where targets are distributions",
        inputs=("logits",), lacks=("log_base", "weights"), divisor=rows_of_shares,
    ),
    "dice": Convention(
        "DiceLoss", "absent classes count; --aggregate global is its batch=True", dice, defaults=SMOOTH,
        lacks=("weights",), aggregates=POOLS,
    ),
    "focal": Convention(
        "FocalLoss", "computes in float32; a soft target y fades by sigmoid(-z (2y - 1)), z the logit", focal,
        defaults={"alpha": None}, lacks=("weights",), inputs=("logits",), reductions=("none", "mean"),
    ),
    "generalized-dice": Convention(
        "GeneralizedDiceLoss", "1e-5 is added above and below the line; --aggregate global is its batch=True",
        generalized_dice, lacks=("weights",), aggregates=POOLS,
    ),
    "giou": Convention(
        "BoxGIoULoss", "computes in float32, whose eps is added to both denominators", giou, lacks=("weights",)
    ),
    "jaccard": Convention(
        "DiceLoss(jaccard=True)", "smooth enters halved; absent classes count; --aggregate global is its batch=True",
        jaccard, defaults=SMOOTH, lacks=("weights",), aggregates=POOLS,
    ),
    "mcc": Convention(
        "MCCLoss", "1e-5 is added under the root; absent classes count; --aggregate global is its batch=True", mcc,
        lacks=("weights",), aggregates=POOLS,
    ),
    "softmax-focal": Convention(
        "FocalLoss(use_softmax=True)",
        "computes in float32; the mean divides by the number of scores, with an ignore index by that of the rows kept",
        lacks=("weights",), inputs=("logits",), reductions=("none", "mean"), divisor=scores_but_ignored,
    ),
    "tversky": Convention(
        "TverskyLoss", "absent classes count; --aggregate global is its batch=True", tversky,
        defaults={"fp_weight": 0.5, "fn_weight": 0.5} | SMOOTH, lacks=("weights",), aggregates=POOLS,
    ),
}  # fmt: skip
