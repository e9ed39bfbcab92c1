"""Quantile loss: errors on one side cost more, so that the best constant prediction is a quantile (pinball loss).

Good at
    Intervals: two quantiles bound a forecast; tau ½ is the robust median. Costs that differ by side.

Fails
    Quantiles trained apart can cross; those near 0 or 1 learn from few items.

Formula
    max(τ r, (τ - 1) r)        r = target - pred, τ = tau

Range
    0 to infinity, in the unit of the numbers.

Kinks
    At 0 the slope is ½ - tau, the mean of both sides.

Parameters
    tau    the quantile; ½ is half the absolute error

Elsewhere
    scikit-learn's mean_pinball_loss and d2_pinball_score use this; some forecasting libraries double it.
    At tau 0 or 1 one side costs nothing at all.

Reference
    Koenker & Bassett (1978), Regression Quantiles.

Examples
    -3,-.5,0,.2,2 0,0,0,0,0 --tau 0.9 = 0.674
    -3,-.5,0,.2,2 0,0,0,0,0 = 0.57
"""

from lossctl.loss import Unit
from lossctl.maths import larger, select


def value(pred, target, tau: Unit = 0.5):
    r = target - pred
    return larger(tau * r, (tau - 1.0) * r)


def slope(pred, target, tau):
    r = target - pred
    return select(r > 0.0, -tau, select(r < 0.0, 1.0 - tau, 0.5 - tau))
