"""segmentation_models_pytorch.losses."""

from lossctl.convention import Convention
from lossctl.like._means import seen
from lossctl.maths import clamp, expm1, larger, log, power, select, softplus, sqrt, times

CHECKED = "0.6"
EPS = 1e-7


def dice(tp, fp, fn, apart, smooth: float, squared: bool):
    return overlap(tp, fp, fn, apart, 0.5, 0.5, smooth)


def jaccard(tp, fp, fn, apart, smooth: float, squared: bool):
    return overlap(tp, fp, fn, apart, 1.0, 1.0, smooth)


def tversky(tp, fp, fn, apart, fp_weight: float, fn_weight: float, smooth: float):
    return overlap(tp, fp, fn, apart, fp_weight, fn_weight, smooth)


def overlap(tp, fp, fn, apart, fp_weight, fn_weight, smooth):
    """Return the loss of a class: 0 where no target has it. Soft targets share Σ min(q, y)."""
    claimed, there = tp + fp, tp + fn
    shared = (claimed + there - apart) / 2.0
    whole = shared + fp_weight * (claimed - shared) + fn_weight * (there - shared) + smooth
    return select(there > 0.0, 1.0 - (shared + smooth) / larger(whole, EPS), 0.0)


def mcc(tp, fp, fn, tn):
    tp, fp, fn, tn = tp + 1e-5, fp + 1e-5, fn + 1e-5, tn + 1e-5
    return 1.0 - (tp * tn - fp * fn) / sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))


def bce(log_q, log_r, y, pos_weight: float, label_smoothing: float):
    soft = (1.0 - y) * label_smoothing + y * (1.0 - label_smoothing)
    return -pos_weight * times(soft, log_q) - times(1.0 - soft, log_r)


def focal(log_q, log_r, y, alpha: float | None, gamma: float):
    entropy = -times(y, log_q) - times(1.0 - y, log_r)
    # 1 - exp(-entropy) is 1 - q_t where targets are hard.
    loss = times(power(-expm1(-entropy), gamma), entropy)
    if alpha is None:
        return loss
    return (alpha * y + (1.0 - alpha) * (1.0 - y)) * loss


def focal_of_probs(q, y, alpha: float | None, gamma: float):
    inner = clamp(q, EPS, 1.0 - EPS)
    z = log(inner / (1.0 - inner))
    return focal(-softplus(-z), -softplus(z), y, alpha, gamma)


POOLED = "the images are pooled; a class that no target has costs 0; 1e-7 is the least denominator"
POOLS = ("global",)
CONVENTIONS = {
    "bce": Convention(
        "SoftBCEWithLogitsLoss",
        "label-smoothing s is its smooth_factor: y (1 - s) + (1 - y) s; ignored items count in the mean", bce,
        lacks=("weights",), inputs=("logits",), divisor=seen,
    ),
    "ce": Convention(
        "SoftCrossEntropyLoss", "ignored rows count in the mean",
        lacks=("log_base", "class_weights", "weights"), inputs=("logits",), divisor=seen,
    ),
    "dice": Convention(
        "DiceLoss", f"{POOLED}; smooth enters doubled", dice, lacks=("squared", "weights"), aggregates=POOLS
    ),
    "focal": Convention(
        "FocalLoss", "given probabilities are clipped to 1e-7 .. 1 - 1e-7; soft targets fade by 1 - exp(-bce)", focal,
        value_of_probs=focal_of_probs, defaults={"alpha": None}, lacks=("weights",),
    ),
    "jaccard": Convention("JaccardLoss", POOLED, jaccard, lacks=("squared", "weights"), aggregates=POOLS),
    "lovasz-hinge": Convention(
        "LovaszLoss('binary')", "--aggregate per-image is its per_image=True", lacks=("weights",),
        aggregates=("global", "per-image"), one_channel=True,
    ),
    "lovasz-softmax": Convention(
        "LovaszLoss('multiclass')", "--aggregate per-image is its per_image=True, the mean over images of the mean over"
        " their classes: the same where all have as many", lacks=("weights",), aggregates=("global", "per-image"),
        inputs=("logits",),
    ),
    "mcc": Convention(
        "MCCLoss", "1e-5 is added to each of tp, fp, fn, tn; everything is pooled", mcc, lacks=("weights",),
        aggregates=("all",), one_channel=True,
    ),
    "tversky": Convention(
        "TverskyLoss", POOLED, tversky, defaults={"fp_weight": 0.5, "fn_weight": 0.5}, lacks=("weights",),
        aggregates=POOLS,
    ),
}  # fmt: skip
