"""Lovász-softmax loss: the smooth extension of the Jaccard loss of each class, on probabilities.

Good at
    Segmentation measured by mean IoU over classes, under class imbalance too; fine-tuning after ce.

Fails
    Slow to start from scratch, and says nothing where no class has a target; needs all pixels of an image at once.

Formula
    Σ_i e_i (J_i - J_(i-1))        e = |y - q|, sorted falling
    J_i = 1 - (T - Σ y) / (T + Σ (1 - y))        over the first i pixels of that order, T = Σ y of all
    Only classes with T > 0 count, whatever --absent says.

Range
    0 (identical masks) to 1 (nothing in common).

Kinks
    Equal errors share what they add together, and the slope of each is the mean of coming first and of coming last
    among them. Where q = y it is 0.

Elsewhere
    The published code is this, with classes='present'; its per_image=False is --aggregate global.

Reference
    Berman et al. (2018), The Lovász-Softmax loss, arXiv:1705.08790.

Examples
    .9,.2,.6,.3 1,0,0,1 --input probs = 0.49166666666666664
"""

from lossctl.maths import magnitude, slope_of_abs

SHAPE = "regions"
SORTED = True
PRESENT = True


def value(q, r, y):
    return magnitude(q * (1.0 - y) - r * y)


def slope(q, r, y):
    side = slope_of_abs(q * (1.0 - y) - r * y)
    return (1.0 - y) * side, y * -side
