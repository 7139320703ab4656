"""Check of FastText's .bin. Incomplete n-grams and output layers are left out of the good rows."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import FormatError
from embedtool.formats.fasttext_bin import vectors_from_parts
from embedtool.formats.fasttext_parts import Parts, parse
from embedtool.formats.findings import Findings
from embedtool.io.progress import Report


def check_fasttext(findings: Findings, report: Report) -> None:
    """Check a model of FastText, word by word."""
    try:
        parts = parse(findings.path, findings.add, allow_nonfinite=True)
    except FormatError as error:
        findings.add("unreadable", {}, str(error))
        return
    findings.options = {**parts.options, "tokens_seen": parts.n_tokens}
    findings.n_rows, findings.vector_size = len(parts.words), parts.options["vector_size"]
    parts.ngram_rows, parts.buckets = _finite(findings, parts)
    names = [word.decode("utf-8", "replace") for word in parts.words]
    vectors = vectors_from_parts(parts, names)
    good = [
        row
        for row, (word, start, values) in enumerate(
            zip(parts.words, parts.starts, vectors.rows, strict=False)
        )
        if findings.validate_row({"row": row + 1, "byte": start}, word, values)
    ]
    outputs = vectors.output_matrix
    if outputs is not None:
        bad = np.flatnonzero(~np.isfinite(outputs).all(axis=1))
        for row in bad.tolist():
            findings.add("nonfinite", {"row of the output layer": row + 1})
        if len(bad):
            vectors = replace(vectors, output_matrix=None)
    if len(good) < findings.n_rows:
        vectors = vectors.select(np.array(good, np.int64))
    findings.vectors = vectors


def _finite(findings: Findings, parts: Parts) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Return the finite rows of n-grams, and their buckets; the others are faults."""
    finite = np.isfinite(parts.ngram_rows).all(axis=1)
    for bucket in parts.buckets[~finite].tolist():
        findings.add("nonfinite", {"bucket": bucket})
    return parts.ngram_rows[finite], parts.buckets[finite]
