"""Lovász hinge loss: the smooth extension of the Jaccard loss of a binary mask, on logits.

Good at
    Segmentation measured by the Jaccard index (IoU) of binary masks, whatever their size; fine-tuning after bce.

Fails
    Jumpy on masks of a few pixels; logits grow without need, so probabilities lose their calibration.

Formula
    Σ_i e_i (J_i - J_(i-1))        e = max(0, 1 - z (2y - 1)), sorted falling
    J_i = 1 - (T - Σ y) / (T + Σ (1 - y))        over the first i pixels of that order, T = Σ y of all

Range
    0 (every pixel right by a margin of 1) upwards.

Kinks
    Equal errors share what they add together, and the slope of each is the mean of coming first and of coming last
    among them; a pixel at its margin has half the slope of coming first.

Elsewhere
    The published code is this. MONAI has none; smp's LovaszLoss takes all images as one unless per_image is set:
    see --aggregate.

Reference
    Berman et al. (2018), The Lovász-Softmax loss, arXiv:1705.08790; Yu & Blaschko (2015), The Lovász Hinge.

Examples
    2,-1,.5,-3 1,0,0,1 = 2.25
"""

from lossctl.maths import larger, step

SHAPE = "regions"
SORTED = True


def value(z, y):
    return larger(0.0, 1.0 - z * (2.0 * y - 1.0))


def slope(z, y):
    side = 2.0 * y - 1.0
    return -side * step(1.0 - z * side)
