"""Log-cosh loss: squared error near zero, absolute error in the tails, smooth everywhere.

Good at
    Robust regression without anything to tune; second derivatives exist, as boosting needs them.

Fails
    It bends at about 1: numbers in another unit make it mse or mae.

Formula
    x + log1p(exp(-2x)) - ln 2        x = abs(pred - target); this is ln cosh(d), without overflow

Range
    0 to infinity; x - ln 2 for large x.

Elsewhere
    keras' LogCosh is this. Naive ln(cosh(d)) overflows beyond 710 and loses its digits near 0.
    Like huber with delta 1, but twice differentiable.

Reference
    Green (1990), Bayesian Reconstructions from Emission Tomography Data; Saleh & Saleh (2022), arXiv:2208.04564.

Examples
    -3,-.5,0,.2,2 0,0,0,0,0 = 0.75486276614678688
"""

from lossctl.maths import exp, expm1, log1p, log1p_part, magnitude, select, smaller, tanh

LN_2 = 0.6931471805599453


def value(pred, target):
    x = magnitude(pred - target)
    # ln cosh x = ln(1 + (e^x - 1)² / (2 e^x)) keeps the digits that cancel in the other form near 0.
    rise = expm1(smaller(x, 1.0))
    near = log1p(0.5 * rise * (rise / (1.0 + rise)))
    far = x + log1p_part(exp(-2.0 * x)) - LN_2
    return select(x < 1.0, near, far)


def slope(pred, target):
    return tanh(pred - target)
