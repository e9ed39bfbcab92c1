"""torch.nn.functional."""

from lossctl.convention import Convention
from lossctl.like._means import coordinates, scores, used
from lossctl.losses.classification import bce
from lossctl.losses.regression import mae, smooth_l1
from lossctl.maths import larger

CHECKED = "2.13"
# The least that a logarithm of a given probability may be.
FLOOR = -100.0


def bce_of_probs(log_q, log_r, y, pos_weight: float, label_smoothing: float):
    return bce.value(larger(log_q, FLOOR), larger(log_r, FLOOR), y, pos_weight, label_smoothing)


def box_l1(p, g):
    return mae.value(p[0], g[0]) + mae.value(p[1], g[1]) + mae.value(p[2], g[2]) + mae.value(p[3], g[3])


def box_smooth_l1(p, g, beta: float):
    left, top = smooth_l1.value(p[0], g[0], beta), smooth_l1.value(p[1], g[1], beta)
    return left + top + smooth_l1.value(p[2], g[2], beta) + smooth_l1.value(p[3], g[3], beta)


def rows_of_shares(n):
    """Return the number of rows where targets are distributions; else the mean is ours, over the classes' weights."""
    return n.used if n.target == "shares" else None


CONVENTIONS = {
    "bce": Convention(
        "binary_cross_entropy, binary_cross_entropy_with_logits",
        "logarithms of given probabilities stop at -100; weights do not enter what the mean divides by",
        value_of_probs=bce_of_probs, lacks=("label_smoothing",), divisor=used,
    ),
    "box-l1": Convention(
        "l1_loss", "of a box the sum over its coordinates; the mean divides by their number", box_l1,
        lacks=("weights",), divisor=coordinates,
    ),
    "box-smooth-l1": Convention(
        "smooth_l1_loss", "of a box the sum over its coordinates; the mean divides by their number", box_smooth_l1,
        lacks=("weights",), divisor=coordinates,
    ),
    "ce": Convention(
        "cross_entropy", "the mean divides by the number of rows where targets are distributions",
        lacks=("log_base", "weights"), divisor=rows_of_shares,
    ),
    "hinge-embedding": Convention("hinge_embedding_loss", lacks=("weights",)),
    "huber": Convention("huber_loss", lacks=("weights",)),
    "kl": Convention(
        "kl_div", "its mean divides by the number of scores; its batchmean is ours", lacks=("log_base", "weights"),
        divisor=scores,
    ),
    "mae": Convention("l1_loss", lacks=("weights",)),
    "margin-ranking": Convention("margin_ranking_loss", lacks=("weights",)),
    "mse": Convention("mse_loss", lacks=("weights",)),
    "smooth-l1": Convention("smooth_l1_loss", lacks=("weights",)),
}  # fmt: skip
