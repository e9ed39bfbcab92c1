"""Cosine embedding loss: rows of one kind point the same way, rows of two kinds apart; their lengths do not matter.

Good at
    Embedding by direction: text and recognition models whose rows are compared by their cosine.

Fails
    Blind to lengths; with margin 0 rows of two kinds are right as soon as they are at a right angle.

Formula
    y = 1 (the same): 1 - cos        y = -1 (different): max(0, cos - margin)        cos = a · b / (‖a‖ ‖b‖)
    near cos = 1, 1 - cos is sin² / (1 + cos), which keeps its digits

Range
    0 to 2 for the same kind, 0 to 1 - margin for two kinds.

Kinks
    At the edge of the margin the slope is half; a row of zeros has the slope 0.

Parameters
    margin    how large the cosine of two kinds may be

Elsewhere
    torch.nn.functional.cosine_embedding_loss adds 1e-12 to both squared lengths and takes 1 - cos as it
    stands: for nearly parallel rows its value is rounding, here it has all its digits. Its margin may be negative.
    A row of zeros has no direction: by the 0/0 rule its cosine is 0 and its slope 0, and it is counted as degenerate.
    y is 1 for the same and -1 for different; contrastive has 0 and 1, the other way round.

Reference
    Common; torch.nn.CosineEmbeddingLoss.

Examples
    0,1,2 1,1,0 1 = 0.68377223398316207
    0,1,2 1,1,0 -1 = 0.31622776601683793
    0,1,2 1,1,0 -1 --margin 0.25 = 0.066227766016837933
    1,2,3 2,4,6 1 = 0
"""

from lossctl.loss import NonNegative
from lossctl.losses.ranking._signs import is_sign
from lossctl.maths import larger, select, step

SHAPE = "embeddings"
DOMAIN = "y has to be 1 (the same) or -1 (different); 0 and 1 with 1 for the same? then y is 2 y - 1 here"


def inside(cosine_ab, turn_ab, y, margin):
    return is_sign(y)


def value(cosine_ab, turn_ab, y, margin: NonNegative = 0.0):
    # turn is 1 - cos.
    return select(y > 0.0, turn_ab, larger(0.0, cosine_ab - margin))


def slope(cosine_ab, turn_ab, y, margin):
    return select(y > 0.0, 0.0, step(cosine_ab - margin)), select(y > 0.0, 1.0, 0.0)
