"""Wing loss: a logarithm near zero, so that small and medium errors keep pulling; made for facial landmarks.

Good at
    Facial landmarks and other coordinates: small and medium errors pull more than under mae, outliers no more.

Fails
    Training jitters at the end, for its slope grows towards 0.

Formula
    w ln(1 + x/ε)                  x < w        x = abs(pred - target), ε = epsilon
    x - (w - w ln(1 + w/ε))        otherwise

Range
    0 to infinity.

Kinks
    At 0 the slope is 0, the mean of -w/ε and w/ε; at x = w it is the mean of w/(w + ε) and 1.

Parameters
    w          up to where the logarithm goes, in the unit of the numbers
    epsilon    how sharp its tip is

Elsewhere
    Adaptive wing rounds the corner at 0.

Reference
    Feng et al. (2018), Wing Loss for Robust Facial Landmark Localisation, arXiv:1711.06753.

Examples
    -3,-.5,0,.2,2 0,0,0,0,0 = 3.85578328710527
"""

from lossctl.loss import Positive
from lossctl.maths import log1p, magnitude, over, select, slope_of_abs, smaller


def value(pred, target, w: Positive = 10.0, epsilon: Positive = 2.0):
    x = magnitude(pred - target)
    return select(x < w, w * log1p(over(smaller(x, w), epsilon)), x - w + w * log1p(w / epsilon))


def slope(pred, target, w, epsilon):
    d = pred - target
    x = magnitude(d)
    inside, outside = w / (epsilon + x), 1.0
    return slope_of_abs(d) * select(x < w, inside, select(x == w, 0.5 * (inside + outside), outside))
