"""Brier score: the squared distance of the predicted probabilities from what happened.

Good at
    Calibration: a proper score of probability, and bounded, so that one confident mistake or noisy label cannot
    outweigh everything, as in ce.

Fails
    Training from logits that are certain and wrong: there the slope vanishes.

Formula
    Σ_c (q_c - y_c)²        of two classes, given one probability: (q - y)²

Range
    0 to 2; of one probability 0 to 1.

Elsewhere
    scikit-learn's brier_score_loss is the binary form; over classes it sums here, as Brier did; some books halve it.

Reference
    Brier (1950), Verification of Forecasts Expressed in Terms of Probability.

Examples
    '2,.5,-1;.1,.2,.3' 0,2 --input logits = 0.33972217862641474
    .3 1 --input probs = 0.49
    .9,.2 1,0 --input probs = 0.025
"""

SHAPE = "classes"
BINARY = True


def value(q, r, y):
    d = distance(q, r, y)
    return d * d


def slope(q, r, y):
    return 2.0 * distance(q, r, y), 0.0


def distance(q, r, y):
    """Return q - y, with the digits of 1 - q where y is 1."""
    return q * (1.0 - y) - r * y
