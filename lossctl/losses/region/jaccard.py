"""Jaccard loss: one minus the overlap over the union of two masks (soft IoU).

Good at
    Segmentation that is scored by IoU, under class imbalance too.

Fails
    Little slope while masks hardly overlap; tiny objects and empty targets, as dice.

Formula
    1 - (TP + s) / (S + T - TP + s)        TP = Σ q y, S = Σ q, T = Σ y; squared: S = Σ q², T = Σ y²
    computed as Σ (what differs) / (S + T - TP + s), which keeps its digits near 0

Range
    0 (identical masks) to 1 (nothing in common).

Parameters
    smooth     s, added above and below the line
    squared    square the areas

Elsewhere
    MONAI's smooth enters halved. Ranks as dice does, since jaccard = 2 dice / (1 + dice), but punishes misses harder.

Reference
    Rahman & Wang (2016), Optimizing Intersection-Over-Union in Deep Neural Networks.

Examples
    2,-1,.5,-3 1,0,0,1 --input logits = 0.67897118712104803
"""

from lossctl.loss import NonNegative
from lossctl.maths import ratio

SHAPE = "regions"


def value(diff, total, smooth: NonNegative = 0.0, squared: bool = False):
    # S + T - TP is half of (S + T) + (S + T - 2 TP).
    return ratio(diff, 0.5 * (total + diff) + smooth)


def slope(diff, total, smooth, squared):
    by_diff = ratio(1.0, 0.5 * (total + diff) + smooth)
    by_union = -by_diff * ratio(diff, 0.5 * (total + diff) + smooth)
    return by_diff + 0.5 * by_union, 0.5 * by_union
