"""Root mean squared error: the root of the mean of the squared distances; one number for all items.

Good at
    A score in the unit of the numbers that lets no large error pass.

Fails
    One outlier can outweigh everything else; the mean over batches is not that of the whole.

Formula
    √(mean d²)        d = pred - target; a weighted mean is taken inside the root

Range
    0 to infinity, in the unit of the numbers.

Kinks
    Where all errors are 0 the slope is 0.

Elsewhere
    scikit-learn's root_mean_squared_error averages over outputs afterwards. It has no value per item and no sum.

Reference
    Legendre (1805), Gauss (1809).

Examples
    -3,-.5,0,.2,2 0,0,0,0,0 = 1.6303373883954204
"""

from lossctl.losses.regression import mse
from lossctl.maths import ratio, sqrt

value = mse.value
slope = mse.slope


def root(mean):
    return sqrt(mean)


def root_slope(root):
    return ratio(0.5, root)
