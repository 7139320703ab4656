"""The code of a user, for mypy; it is not run."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

import embedtool
from embedtool import Epoch, FastText, Glove, Model, Word2Vec, WordVectors, load, read


def sentences() -> Iterator[list[str]]:
    yield ["the", "king", "rules"]


estimator = Word2Vec(vector_size=100, mode="skipgram").fit(sentences())
wv: WordVectors = estimator.wv
vector: NDArray[np.float32] = wv["king"]
rows: NDArray[np.float32] = wv[["king", "queen"]]
known: bool = "king" in wv
for word, score in wv.most_similar("king", topn=5):
    line: str = f"{word.upper()} {score:.2f}"
wv.most_similar(positive=["king", "woman"], negative=["man"])
wv.most_similar([("king", 0.5), (vector, -1.0), "man"], vector, restrict_vocab=1000)
wv.most_similar(rows, among=["king"], min_count=5, include_query_words=True)
first: str = wv.most_similar_batch(["king"])[0][0].word
cosine: float = wv.similarity("king", "queen")
odd: str = wv.doesnt_match(["gold", "silver", "sheep"])
wv.analogy("king - man + woman", method="3cosmul")[:2].to_pandas()
matrix: NDArray[np.float32] = wv.matrix(["king", "unseen"], unknown="zeros")
model: Model = load("model")
model.save("model", overwrite=True)
wv = read("glove.6B.100d.txt", encoding="latin-1")
format: str = wv.write("vectors.bin")
result = wv.evaluate("google", method="3cosadd", restrict_vocab=None)
accuracy: float | None = result.score
verdicts: tuple[str, ...] = embedtool.compare(wv, model, "other", names=["a", "b", "c"]).verdicts
frame, peer = wv.to_pandas(), wv.to_gensim()
words: list[str] = list(wv)
size: int = len(wv) * wv.vector_size
for other in (FastText(min_n=3), Glove(x_max=10)):
    other.fit("text.txt")


def watch(epoch: Epoch) -> None:
    print(epoch.number, epoch.loss, epoch.wv.most_similar("king"))


estimator.set_params(epochs=3).fit(sentences(), callbacks=[watch, print], resumable="model")
n_epochs: int = Word2Vec(epochs=3).fit("text.txt", init=estimator).epochs
