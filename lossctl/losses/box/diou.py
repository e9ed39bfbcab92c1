"""DIoU loss: IoU loss plus the squared distance of the centres, in units of the enclosing box's diagonal.

Good at
    Detection with disjoint boxes: the centres pull straight at each other. As a measure for suppressing double
    detections in a crowd.

Fails
    Concentric boxes of another shape cost no more than their IoU: ciou and eiou look at the shape.

Formula
    1 - iou + r2 / c2            r2: squared distance of the centres; c2: squared diagonal of the enclosing box

Range
    0 (identical) to 2 (far apart).

Kinks
    Where edges coincide or touch the slope is the mean of both sides; for identical boxes it is 0.

Elsewhere
    torchvision.ops.distance_box_iou_loss and mmdet's DIoULoss are this, with 1e-7 or 1e-6 added to the denominators.

Reference
    Zheng et al. (2020), Distance-IoU Loss, AAAI, arXiv:1911.08287.

Examples
    5,5,15,15 0,0,10,10 = 0.968253968254
    20,0,30,10 0,0,10,10 = 1.4
    0,0,20,5 0,0,10,10 = 0.729166666667
    10,0,20,10 0,0,10,10 = 1.2
    20,0,40,10 0,0,10,10 = 1.36764705882
"""

from lossctl.losses.box._geometry import add, center, center_slope, iou_slope, measure, to_coordinates

SHAPE = "boxes"


def value(p, g):
    pair = measure(p, g)
    return pair.distance + center(pair)


def slope(p, g):
    pair = measure(p, g)
    return to_coordinates(pair, add(iou_slope(pair, 1.0), center_slope(pair)))
