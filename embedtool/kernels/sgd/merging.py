"""Local SGD: what replicas exchange at a sync, and how far the sum of their deltas is damped.

Transfers are quantized. Rows go out as bfloat16, the upper half of each float32, in arrays of
uint16; a replica's deltas come back as int8 with one scale per row, its largest delta / 127. The
rows themselves stay float32 and accumulate whatever is added, so rounding errors do not add up.
"""

import numpy as np

from embedtool.kernels.jit import jit, jit_strict
from embedtool.kernels.sgd.arrays import BFloat16s, Floats, Int8s, Ints
from embedtool.kernels.sgd.curvature import replica_progress
from embedtool.kernels.simd.prefetch import prefetch_row

EPS = np.float32(1e-30)
"""Added to both sides of a division whose sides may both be 0."""
INT8_MAX = np.float32(127)
"""What the largest delta of a row is as int8."""
PREFETCH_DISTANCE = 4
"""Rows between a prefetch and the use of the row: the rows of a replica are not contiguous."""
ROUNDING_BIAS = np.float32(1.5 * 2**23)
"""Added to a float32 below 2**22, it leaves the nearest integer in the lowest bits."""


@jit
def to_bfloat16(table: Floats, bf16: BFloat16s) -> None:
    """Round rows to bfloat16, to the nearest, ties to even.

    Parameters
    ----------
    table
        float32 (n, width).
    bf16
        bfloat16 (n, width), written.
    """
    bits = table.view(np.uint32)
    for i in range(len(bits)):
        row, rounded = bits[i], bf16[i]
        for d in range(len(row)):
            odd = (row[d] >> np.uint32(16)) & np.uint32(1)
            rounded[d] = np.uint32(row[d] + np.uint32(0x7FFF) + odd) >> np.uint32(16)


@jit
def gather_bf16(bf16: BFloat16s, rows: Ints, slots: Ints, gathered: Floats) -> None:
    """Copy rows of a table into slots of another one, which may be wider.

    Parameters
    ----------
    bf16
        bfloat16 (n_rows, width).
    rows
        int32 (n,), the rows that are copied.
    slots
        int32 (n,), the row of `gathered` that each is copied to.
    gathered
        float32 (n_slots, width or more), written.
    """
    bits = gathered.view(np.uint32)
    for i in range(len(rows)):
        source, row = bf16[rows[i]], bits[slots[i]]
        for d in range(len(source)):
            row[d] = np.uint32(source[d]) << np.uint32(16)


@jit
def quantize_deltas(
    bf16: BFloat16s, rows: Ints, slots: Ints, trained: Floats, deltas: Int8s, scales: Floats
) -> None:
    """Compute by how much rows have changed since `gather_bf16`, as int8.

    Parameters
    ----------
    bf16, rows, slots
        As for `gather_bf16`.
    trained
        float32 (n_slots, width or more), the gathered rows after training.
    deltas
        int8 (n, width), written: multiples of the row's scale, to the nearest.
    scales
        float32 (n,), written: the largest delta of a row / 127; not finite where a delta is not.
    """
    bits = np.empty(bf16.shape[1], np.uint32)
    delta, largests = bits.view(np.float32), scales.view(np.uint32)
    for i in range(len(rows)):
        if i + PREFETCH_DISTANCE < len(rows):
            prefetch_row(bf16, rows[i + PREFETCH_DISTANCE])
            prefetch_row(trained, slots[i + PREFETCH_DISTANCE])
        before, after, quantized = bf16[rows[i]], trained[slots[i]], deltas[i]
        for d in range(len(delta)):
            bits[d] = np.uint32(before[d]) << np.uint32(16)
        for d in range(len(delta)):
            delta[d] = after[d] - delta[d]
        largest = np.uint32(0)
        for d in range(len(delta)):  # magnitudes sort like their bits, NaN above all
            largest = max(largest, bits[d] & np.uint32(0x7FFFFFFF))
        largests[i] = largest
        inverse = INT8_MAX / max(scales[i], EPS)
        scales[i] /= INT8_MAX
        for d in range(len(delta)):
            delta[d] = delta[d] * inverse + ROUNDING_BIAS
        for d in range(len(delta)):
            quantized[d] = np.int8(bits[d] & np.uint32(0xFF))


@jit_strict
def accumulate_deltas(deltas: Int8s, scales: Floats, rows: Ints, sums: Floats) -> None:
    """Add the deltas of a replica to the sums over all replicas.

    Parameters
    ----------
    deltas
        int8 (n, width), multiples of the scales.
    scales
        float32 (n,).
    rows
        int32 (n,), the row of `sums` that each is added to.
    sums
        float32 (n_rows, width), changed in place.
    """
    for i in range(len(rows)):
        delta, scale, row = deltas[i], scales[i], sums[rows[i]]
        for d in range(len(delta)):
            row[d] += np.float32(delta[d]) * scale


@jit_strict
def rotate_rows(rows: Floats, matrix: Floats, rotated: Floats) -> None:
    """Multiply rows by a square matrix.

    A row's result does not depend on the other rows, as a BLAS product's last bits do.

    Parameters
    ----------
    rows
        float32 (n, width).
    matrix
        float32 (width, width).
    rotated
        float32 (n, width), written.
    """
    width = len(matrix)
    for i in range(len(rows)):
        row, sums = rows[i], rotated[i]
        sums[:] = 0
        for k in range(0, width - width % 4, 4):  # unrolled by 4: fewer loads and stores of sums
            a, b, c, d = row[k], row[k + 1], row[k + 2], row[k + 3]
            first, second, third, fourth = matrix[k], matrix[k + 1], matrix[k + 2], matrix[k + 3]
            for j in range(width):
                sums[j] += (a * first[j] + b * second[j]) + (c * third[j] + d * fourth[j])
        for k in range(width - width % 4, width):
            for j in range(width):
                sums[j] += row[k] * matrix[k, j]


@jit_strict
def damp_deltas(sums: Floats, curvature: Floats, weights: Floats) -> None:
    """Damp the sums of the replicas' deltas, direction by direction (learning rule, equation 7).

    Let b be a replica's curvature along a direction: learning rate times second derivative, summed
    over its minibatches, in each of which the trace counts as 1 at most. Its delta covers the
    fraction s(b) of the way to the minimum along it. Had the replicas trained one after another,
    they would have covered s(B) with B = sum of b; trained in parallel, their deltas add up to the
    sum of s(b), which is more. So the sum is multiplied by

        s(B) / sum of s(b),

    which is 1 where all b are small (the sum of the deltas) and 1 / n_replicas where all are large
    (their mean). `curvature.replica_progress` is s.

    Parameters
    ----------
    sums
        float32 (n, width), sums of deltas in the basis of the directions; changed in place.
    curvature
        float32 (n_replicas, n), learning rate times trace of the Hessian, at most 1, summed over
        the minibatches (ROW_SUMS).
    weights
        float32 (width,), what curvature is multiplied by along each direction: its fraction of
        the trace, times the table's curvature scale.
    """
    parallel = np.empty(len(weights), np.float32)
    for i in range(len(sums)):
        total = np.float32(0)
        parallel[:] = EPS
        for replica in range(len(curvature)):
            trace = curvature[replica, i]
            total += trace
            for d in range(len(weights)):
                parallel[d] += replica_progress(trace * weights[d])
        for d in range(len(weights)):
            sums[i, d] *= (replica_progress(total * weights[d]) + EPS) / parallel[d]
