"""MPDIoU loss: IoU loss plus the squared distances of two corners, in units of the image's diagonal.

Good at
    Detection in images of one size: two corners tell place and size at once, of disjoint boxes too.

Fails
    In a large image the corners hardly count beside iou, least of all those of small objects.

Formula
    1 - iou + (squared distance of the top-left corners + of the bottom-right corners) / (width² + height²)

Range
    0 (identical) to 3 for boxes inside the image.

Kinks
    Where edges coincide or touch the slope is the mean of both sides; for identical boxes it is 0.

Parameters
    width     width of the image (not of a box), in the unit of the coordinates
    height    height of the image, likewise

Elsewhere
    Ports to YOLO differ in what they divide by: the input image, as here and in the paper, or the feature map of each
    level, which weighs the corners differently. Not invariant to scale: a box's size counts against the image's.

Reference
    Ma & Xu (2023), MPDIoU: A Loss for Efficient and Accurate Bounding Box Regression, arXiv:2307.07662.

Examples
    5,5,15,15 0,0,10,10 --width 100 --height 100 = 0.862142857143
    20,0,30,10 0,0,10,10 --width 100 --height 100 = 1.04
    2,3,8,7 0,0,10,10 --width 100 --height 100 = 0.7613
    0,0,20,5 0,0,10,10 --width 100 --height 100 = 0.672916666667
    20,0,40,10 0,0,10,10 --width 100 --height 100 = 1.065
"""

from lossctl.loss import Positive
from lossctl.losses.box._geometry import iou_slope, measure, to_coordinates
from lossctl.maths import larger, scale_of, sqrt

SHAPE = "boxes"


def value(p, g, width: Positive, height: Positive):
    left, top, right, bottom = corners(p, g, width, height)
    return measure(p, g).distance + ((left * left + top * top) + (right * right + bottom * bottom))


def slope(p, g, width, height):
    pair = measure(p, g)
    x1, y1, x2, y2 = to_coordinates(pair, iou_slope(pair, 1.0))
    left, top, right, bottom = corners(p, g, width, height)
    scale, diagonal = image(width, height)
    return (
        x1 + 2.0 * (left * scale / diagonal),
        y1 + 2.0 * (top * scale / diagonal),
        x2 + 2.0 * (right * scale / diagonal),
        y2 + 2.0 * (bottom * scale / diagonal),
    )


def image(width, height):
    """Return a scale for the image and its diagonal in that scale."""
    scale = scale_of(larger(width, height))
    w, h = width * scale, height * scale
    return scale, sqrt(w * w + h * h)


def corners(p, g, width, height):
    """Return prediction minus target of the four coordinates, in diagonals of the image."""
    scale, diagonal = image(width, height)
    # Halves, since the difference of two coordinates may be too large for a double.
    scale = 2.0 * scale
    return (
        (0.5 * p[0] - 0.5 * g[0]) * scale / diagonal,
        (0.5 * p[1] - 0.5 * g[1]) * scale / diagonal,
        (0.5 * p[2] - 0.5 * g[2]) * scale / diagonal,
        (0.5 * p[3] - 0.5 * g[3]) * scale / diagonal,
    )
