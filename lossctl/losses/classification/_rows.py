"""What the losses of probability rows share: the unit of information."""


def per_nat(log_base):
    """Return how many units one nat is, for logarithms of base `log_base` (e, 2 or 10)."""
    if log_base == "2":
        return 1.4426950408889634
    if log_base == "10":
        return 0.4342944819032518
    return 1.0
