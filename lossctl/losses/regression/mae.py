"""Absolute error: the distance between prediction and target (L1 loss; its mean is the MAE).

Formula
    abs(d)        d = pred - target

Range
    0 to infinity, in the unit of the numbers.

Elsewhere
    torch.nn.functional.l1_loss. Under `sum` it is what some texts call the L1 loss.
    Robust to outliers; its slope does not fade near the target.

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
