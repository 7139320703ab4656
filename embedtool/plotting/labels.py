"""Where the labels of points stand, so that none covers another.

In: points, and how wide and high the label of each is. Out: a place for each label.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ANGLES = np.array([0, 8, 4, 12, 2, 14, 6, 10, 1, 15, 7, 9, 3, 13, 5, 11]) * np.pi / 8
"""On which side of a point a label stands, the best first: right, left, above, below, corners."""
WAYS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
CORNERS = np.clip(1.5 * WAYS, -1, 1)
"""Where a label's middle is seen from its point, and how many half sizes farther than its edge."""
N_RINGS = 24
RING = 0.5
"""How far a label may stand from its point: so many rings, each so many label heights wide."""
SAMPLES = np.linspace(0.2, 1, 6)[:, None]
"""Of the way from a point to its label, where a line may lead that is to cross nothing."""
COVERED, CROSSED, AMBIGUOUS, ON_SIDE = 1000.0, 3.0, 3.0, 0.02
OUTSIDE = 100
"""What a place costs that covers something; to which a line crosses something; that is as near to
another point as to its own; and each step down the list of ANGLES. A ring away costs 1; to stand
OUTSIDE, as much as to cover so many."""


def place_labels(
    points: Floats, sizes: Floats, radii: Floats, bounds: Floats, avoided: Floats
) -> Floats:
    """The middles of labels, float64 (n_points, 2); those that come first are placed first.

    points  : float64 (n_points, 2)
    sizes   : float64 (n_points, 2), width and height of each label, with the space around it
    radii   : float64 (n_points,), what a label leaves free around its point
    bounds  : float64 (2, 2), the lowest corner and the highest of what labels may cover
    avoided : float64 (n_avoided, 2), other points that no label is to cover

    Each label takes the cheapest place on rings around its point: free of labels and points, near,
    and nearer to its own point than to others. Greedy, as the first of the methods that
    Christensen, Marks & Shieber (1995) compare.
    """
    marks = np.concatenate([points, avoided])
    clear = np.concatenate([radii, np.zeros(len(avoided))])[:, None]
    taken = np.stack([marks - clear, marks + clear], axis=1)
    found = np.empty((len(points), 2))
    for i, (point, size, radius) in enumerate(zip(points, sizes, radii, strict=True)):
        reach = radius + N_RINGS * RING * size[1] + size
        is_near = ((taken[:, 0] < point + reach) & (taken[:, 1] > point - reach)).all(axis=1)
        is_near[i] = False
        others, near = taken[is_near], points[(abs(points - point) < 2 * reach).all(axis=1)]
        least = np.inf
        for ring in range(N_RINGS):
            if least <= ring:
                break
            middles = point + CORNERS * size / 2 + WAYS * (radius + RING * ring * size[1])
            boxes = np.stack([middles - size / 2, middles + size / 2], axis=1)
            lines = point + SAMPLES * (np.clip(point, boxes[:, 0], boxes[:, 1]) - point)[:, None]
            cost = (
                ring
                + _cost(boxes, lines, others, bounds)
                + AMBIGUOUS * _is_ambiguous(boxes, point, near)
            )
            best = int(np.argmin(cost))
            if cost[best] < least:
                least, found[i] = cost[best], middles[best]
                new = np.concatenate([boxes[best][None], np.stack([lines[best]] * 2, axis=1)])
        taken = np.concatenate([taken, new])
    return found


def _cost(boxes: Floats, lines: Floats, others: Floats, bounds: Floats) -> Floats:
    """What each box costs for itself, and the line that leads to it, float64 (n_boxes,).

    boxes, others : float64 (n_boxes, 2, 2), (n_others, 2, 2): lowest and highest corners
    lines         : float64 (n_boxes, n_samples, 2)
    """
    low, high = boxes[:, 0], boxes[:, 1]
    covers = ((low[:, None] < others[:, 1]) & (high[:, None] > others[:, 0])).all(axis=2)
    on_line = lines[:, :, None]
    within = ((on_line > others[:, 0]) & (on_line < others[:, 1])).all(axis=3)
    crosses = np.any(within, axis=1)
    outside = ((low < bounds[0]) | (high > bounds[1])).any(axis=1)
    found: Floats = (
        COVERED * (covers.sum(axis=1) + outside * OUTSIDE) + CROSSED * crosses.sum(axis=1)
        + ON_SIDE * np.arange(len(boxes))
    )  # fmt: skip
    return found


def _is_ambiguous(boxes: Floats, point: Floats, near: Floats) -> NDArray[np.bool_]:
    """Whether a box is as near to another point as to its own, bool (n_boxes,)."""

    def gaps(points: Floats) -> Floats:
        low, high = boxes[:, None, 0], boxes[:, None, 1]
        found: Floats = np.maximum(0, np.maximum(low - points, points - high)).max(axis=2)
        return found

    found: NDArray[np.bool_] = (gaps(near) <= gaps(point[None])).sum(axis=1) > 1
    return found
