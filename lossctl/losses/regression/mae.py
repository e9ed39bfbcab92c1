"""Absolute error: the distance between prediction and target (L1 loss; its mean is the MAE).

Good at
    Robust to outliers: the best constant prediction is the median. In the unit of the numbers.

Fails
    Its slope does not fade near the target: training jitters at the end (see huber).

Formula
    abs(d)        d = pred - target

Range
    0 to infinity, in the unit of the numbers.

Kinks
    At 0 the slope is 0, the mean of both sides.

Elsewhere
    torch.nn.functional.l1_loss. Under `sum` it is what some texts call the L1 loss.

Reference
    Laplace (1774); Boscovich (1757).

Examples
    -3,-.5,0,.2,2 0,0,0,0,0 = 1.14
"""

from lossctl.maths import magnitude, slope_of_abs


def value(pred, target):
    return magnitude(pred - target)


def slope(pred, target):
    return slope_of_abs(pred - target)
