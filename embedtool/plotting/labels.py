"""Label placement: positions of the labels of points, so that labels do not overlap."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ANGLES = np.array([0, 8, 4, 12, 2, 14, 6, 10, 1, 15, 7, 9, 3, 13, 5, 11]) * np.pi / 8
"""Directions from a point to its label, best first: right, left, above, below, corners."""
DIRECTIONS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
CORNERS = np.clip(1.5 * DIRECTIONS, -1, 1)
"""For each direction, the offset of a label's centre from its edge, in half sizes of the label."""
N_RINGS = 24
RING_HEIGHTS = 0.5
"""Candidate positions are on N_RINGS rings around a point, this many label heights apart."""
LINE_SAMPLES = np.linspace(0.2, 1, 6)[:, None]
"""Positions on the line from a point to its label, in fractions, that are checked for crossings."""
COVERED, CROSSED, AMBIGUOUS, PER_ANGLE = 1000.0, 3.0, 3.0, 0.02
OUTSIDE = 100
"""Costs of a position: for each box that it covers, for each box that its line crosses, if it is as
near to another point as to its own, and per index in ANGLES. Each ring costs 1. A position outside
the bounds costs as much as covering OUTSIDE boxes."""


def place_labels(
    points: Floats, sizes: Floats, radii: Floats, bounds: Floats, avoided: Floats
) -> Floats:
    """Return the centres of labels, float64 (n_points, 2).

    In the order given, each label gets the position of least cost on rings around its point: free
    of labels and points, near, and nearer to its own point than to others. This is the greedy
    method in the comparison of Christensen, Marks & Shieber (1995).

    Parameters
    ----------
    points : ndarray of float64, shape (n_points, 2)
    sizes : ndarray of float64, shape (n_points, 2)
        Width and height of each label, including the space around it.
    radii : ndarray of float64, shape (n_points,)
        Radius that is left free around each point.
    bounds : ndarray of float64, shape (2, 2)
        The lowest and the highest corner of the area for labels.
    avoided : ndarray of float64, shape (n_avoided, 2)
        Other points that no label should cover.
    """
    marks = np.concatenate([points, avoided])
    clear = np.concatenate([radii, np.zeros(len(avoided))])[:, None]
    occupied = np.stack([marks - clear, marks + clear], axis=1)
    centres = np.empty((len(points), 2))
    for i, (point, size, radius) in enumerate(zip(points, sizes, radii, strict=True)):
        reach = radius + N_RINGS * RING_HEIGHTS * size[1] + size
        is_near = ((occupied[:, 0] < point + reach) & (occupied[:, 1] > point - reach)).all(axis=1)
        is_near[i] = False
        others, near = occupied[is_near], points[(abs(points - point) < 2 * reach).all(axis=1)]
        least = np.inf
        for ring in range(N_RINGS):
            if least <= ring:
                break
            distance = radius + RING_HEIGHTS * ring * size[1]
            candidates = point + CORNERS * size / 2 + DIRECTIONS * distance
            boxes = np.stack([candidates - size / 2, candidates + size / 2], axis=1)
            lines = (
                point + LINE_SAMPLES * (np.clip(point, boxes[:, 0], boxes[:, 1]) - point)[:, None]
            )
            cost = (
                ring
                + _cost(boxes, lines, others, bounds)
                + AMBIGUOUS * _is_ambiguous(boxes, point, near)
            )
            best = int(np.argmin(cost))
            if cost[best] < least:
                least, centres[i] = cost[best], candidates[best]
                new = np.concatenate([boxes[best][None], np.stack([lines[best]] * 2, axis=1)])
        occupied = np.concatenate([occupied, new])
    return centres


def _cost(boxes: Floats, lines: Floats, others: Floats, bounds: Floats) -> Floats:
    """Return the cost of each box and of the line that leads to it, float64 (n_boxes,).

    Parameters
    ----------
    boxes : ndarray of float64, shape (n_boxes, 2, 2)
        The lowest and the highest corner of each box.
    lines : ndarray of float64, shape (n_boxes, n_samples, 2)
    others : ndarray of float64, shape (n_others, 2, 2)
    bounds : ndarray of float64, shape (2, 2)
    """
    low, high = boxes[:, 0], boxes[:, 1]
    covers = ((low[:, None] < others[:, 1]) & (high[:, None] > others[:, 0])).all(axis=2)
    on_line = lines[:, :, None]
    within = ((on_line > others[:, 0]) & (on_line < others[:, 1])).all(axis=3)
    crosses = np.any(within, axis=1)
    outside = ((low < bounds[0]) | (high > bounds[1])).any(axis=1)
    cost: Floats = (
        COVERED * (covers.sum(axis=1) + outside * OUTSIDE) + CROSSED * crosses.sum(axis=1)
        + PER_ANGLE * np.arange(len(boxes))
    )  # fmt: skip
    return cost


def _is_ambiguous(boxes: Floats, point: Floats, near: Floats) -> NDArray[np.bool_]:
    """Return whether each box is as near to another point as to its own, bool (n_boxes,)."""

    def gaps(points: Floats) -> Floats:
        low, high = boxes[:, None, 0], boxes[:, None, 1]
        distances: Floats = np.maximum(0, np.maximum(low - points, points - high)).max(axis=2)
        return distances

    is_ambiguous: NDArray[np.bool_] = (gaps(near) <= gaps(point[None])).sum(axis=1) > 1
    return is_ambiguous
