"""What the libraries' means divide by, where that is not the sum of the weights."""


def used(n):
    """Return the number of items, whatever they weigh."""
    return n.used


def seen(n):
    """Return the number of items, the ignored ones too."""
    return n.seen


def scores(n):
    """Return the number of scores: a row counts once for each class."""
    return n.used * n.classes


def coordinates(n):
    """Return the number of coordinates, four a box."""
    return 4 * n.used
