"""Check of FastText's .bin. Incomplete n-grams and output layers are left out of the good rows."""

from dataclasses import replace
from itertools import islice

import numpy as np

from embedtool.errors import FormatError
from embedtool.formats.fasttext_bin import vectors_from_parts
from embedtool.formats.fasttext_parts import (
    Parts,
    Wanted,
    parse_header,
    parse_matrices,
    parse_vocabulary,
)
from embedtool.formats.fasttext_stream import Stream
from embedtool.formats.findings import Findings
from embedtool.formats.options import ReadOptions
from embedtool.io.progress import Report


def check_fasttext(findings: Findings, report: Report) -> None:
    """Check a model of FastText, word by word."""
    options = ReadOptions(allow_nonfinite=True, report=report)
    try:
        parts = _parse(findings, options)
    except FormatError as error:
        findings.add("unreadable", {}, str(error))
        return
    findings.options = {**parts.options, "tokens_seen": parts.n_tokens}
    findings.n_rows, findings.vector_size = len(parts.words), parts.options["vector_size"]
    _drop_nonfinite(findings, parts)
    n_rows = len(parts.word_rows)
    names = [word.decode("utf-8", "replace") for word in islice(parts.words, n_rows)]
    counts = np.array(parts.counts[:n_rows], np.int64)
    vectors = vectors_from_parts(parts, islice(parts.words, n_rows), names, counts, options)
    good = [
        row
        for row, (word, values) in enumerate(zip(parts.words, vectors.rows, strict=False))
        if findings.validate_row({"row": row + 1, "byte": parts.words.start(row)}, word, values)
    ]
    outputs = parts.outputs
    if outputs is not None:
        bad = np.flatnonzero(~np.isfinite(outputs).all(axis=1))
        for row in bad.tolist():
            findings.add("nonfinite", {"row of the output layer": row + 1})
        if len(bad):
            vectors = replace(vectors, output_matrix=None)
    if len(good) < findings.n_rows:
        vectors = vectors.select(np.array(good, np.int64))
    findings.vectors = vectors


def _parse(findings: Findings, options: ReadOptions) -> Parts:
    """Return the content of the file, as far as it is present; faults are findings."""
    with findings.path.open("rb") as file:
        stream = Stream(file, str(findings.path), findings.add, allow_nonfinite=True)
        parts = parse_header(stream)
        if parse_vocabulary(stream, parts):
            parse_matrices(stream, parts, Wanted(), options)
    return parts


def _drop_nonfinite(findings: Findings, parts: Parts) -> None:
    """Leave out the rows of n-grams that are not finite; they are faults."""
    finite = np.isfinite(parts.ngram_rows).all(axis=1)
    for bucket in parts.buckets[~finite].tolist():
        findings.add("nonfinite", {"bucket": bucket})
    if not finite.all():
        parts.ngram_rows, parts.buckets = parts.ngram_rows[finite], parts.buckets[finite]
