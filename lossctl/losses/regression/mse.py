"""Squared error: the squared distance between prediction and target (its mean is the MSE).

Good at
    Errors that are normally distributed: the best constant prediction is the mean. Smooth and convex.

Fails
    One outlier can outweigh everything else.

Formula
    d²        d = pred - target

Range
    0 to infinity, in the squared unit of the numbers.

Elsewhere
    torch.nn.functional.mse_loss. Some libraries halve it; a bare "l2" means four different things in four of them.

Reference
    Legendre (1805), Gauss (1809).

Examples
    -3,-.5,0,.2,2 0,0,0,0,0 = 2.658
"""


def value(pred, target):
    d = pred - target
    return d * d


def slope(pred, target):
    return 2.0 * (pred - target)
