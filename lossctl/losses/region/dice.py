"""Dice loss: one minus twice the overlap over the sum of both areas; it looks at the object, not at the background.

Good at
    Segmentation under class imbalance: small objects in large images count as much as large ones.

Fails
    Tiny objects, on which a few pixels swing it, and empty targets (--absent). The calibration of its probabilities is
    off.

Formula
    1 - (2 TP + s) / (S + T + s)        TP = Σ q y, S = Σ q, T = Σ y; squared: S = Σ q², T = Σ y²
    computed as Σ (what differs) / (S + T + s), which keeps its digits near 0

Range
    0 (identical masks) to 1 (nothing in common).

Parameters
    smooth     s, added above and below the line
    squared    square the areas, as V-Net does

Elsewhere
    MONAI adds 1e-5, mmseg 1; smp's smooth is half this one. Libraries differ most in what they pool: see --aggregate.

Reference
    Milletari et al. (2016), V-Net, arXiv:1606.04797.

Examples
    2,-1,.5,-3 1,0,0,1 --input logits = 0.51397152015280327
    2,-1,.5,-3 1,0,0,1 --input logits --smooth 1 = 0.40733009921462529
    2,-1,.5,-3 1,0,0,1 --input logits --squared = 0.42664024282768888
"""

from lossctl.loss import NonNegative
from lossctl.maths import ratio

SHAPE = "regions"


def value(diff, total, smooth: NonNegative = 0.0, squared: bool = False):
    # `squared` decides what the walk sums into diff and total.
    return ratio(diff, total + smooth)


def slope(diff, total, smooth, squared):
    by_diff = ratio(1.0, total + smooth)
    return by_diff, -by_diff * ratio(diff, total + smooth)
