"""Poisson deviance: counts against the rates that are predicted for them.

Good at
    Counts and rates, such as a crowd counted from density maps: an error counts relative to the root of the rate.

Fails
    Counts that vary more than a Poisson's do: a few bursts then lead. Rates near 0 cost without bound where something
    happens.

Formula
    2 (y ln(y / μ) - (y - μ))        μ = pred, y = target; 2 μ where y = 0

Range
    0 (equal) to infinity, which is what a rate of 0 costs where something happens.

Elsewhere
    sklearn's mean_poisson_deviance is this; its half Poisson loss is half of it. torch's poisson_nll_loss and keras'
    Poisson leave out what the target alone decides: half the slope, another value, which may be negative.

Reference
    McCullagh & Nelder (1989), Generalized Linear Models.

Examples
    2,1,.5 3,1,0 = 0.47759688288299545
"""

from lossctl.losses._logs import divergence
from lossctl.maths import ratio, select

DOMAIN = "rates and counts must not be below 0"


def inside(pred, target):
    return (pred >= 0.0) & (target >= 0.0)


def value(pred, target):
    return 2.0 * divergence(target, pred, target - pred)


def slope(pred, target):
    return 2.0 * select(target == 0.0, 1.0, ratio(pred - target, pred))
