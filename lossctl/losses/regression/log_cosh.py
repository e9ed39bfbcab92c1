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

from lossctl.maths import expm1, log1p_part, magnitude, select, tanh

LN_2 = 0.6931471805599453


def value(pred, target):
    x = magnitude(pred - target)
    near = x < 1.0
    # Near 0, ln cosh x = ln(1 + (e^x - 1)² / (2 e^x)) keeps the digits that cancel in x + ln(1 + e^-2x) - ln 2.
    rise = expm1(select(near, x, -2.0 * x))
    steep = 0.5 * rise * (rise / select(near, 1.0 + rise, 1.0))
    log = log1p_part(select(near, steep, 1.0 + rise))
    return select(near, log, x + log - LN_2)


def slope(pred, target):
    return tanh(pred - target)
