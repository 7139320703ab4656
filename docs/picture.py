"""Draw docs/relations.png: relations as parallel arrows, in the word2vec model of `make demo`.

make demo && .venv/bin/python docs/picture.py
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from sklearn.decomposition import PCA

from embedtool import store
from embedtool.vectors import WordVectors

ROOT = Path(__file__).parent.parent
PANELS = {
    "man and woman": [
        ("man", "woman"),
        ("king", "queen"),
        ("prince", "princess"),
        ("uncle", "aunt"),
        ("brother", "sister"),
    ],
    "capital and country": [
        ("paris", "france"),
        ("tokyo", "japan"),
        ("budapest", "hungary"),
        ("ankara", "turkey"),
        ("bangkok", "thailand"),
    ],
    "positive and comparative": [
        ("rich", "richer"),
        ("cold", "colder"),
        ("old", "older"),
        ("loud", "louder"),
        ("dark", "darker"),
    ],
}
FROM, TO = "#1f77b4", "#d62728"


def draw(axes: Axes, vectors: WordVectors, pairs: list[tuple[str, str]]) -> None:
    """Draw pairs of words as arrows in the plane of their own two first principal components."""
    words = [word for pair in pairs for word in pair]
    points = PCA(2).fit_transform(np.array([vectors.vector(word) for word in words]))
    for start, end in zip(points[::2], points[1::2], strict=True):
        axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": "#999999"})
    for i, (word, point) in enumerate(zip(words, points, strict=True)):
        outward = 1 if point[0] > points[i ^ 1][0] else -1
        axes.annotate(
            word, point, xytext=(7 * outward, 0), textcoords="offset points", va="center",
            ha="left" if outward > 0 else "right", color=TO if i % 2 else FROM,
        )  # fmt: skip
    axes.scatter(*points.T, s=14, c=[FROM, TO] * len(pairs))
    axes.margins(0.28, 0.1)
    axes.set_xticks([])
    axes.set_yticks([])


def main() -> None:
    """Draw a panel for each relation."""
    vectors = store.load(ROOT / "build" / "demo" / "word2vec").vectors
    figure, row = plt.subplots(1, len(PANELS), figsize=(13, 4), layout="constrained")
    for axes, (title, pairs) in zip(row, PANELS.items(), strict=True):
        draw(axes, vectors, pairs)
        axes.set_title(title)
    figure.savefig(ROOT / "docs" / "relations.png", dpi=80)


if __name__ == "__main__":
    main()
