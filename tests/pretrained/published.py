"""The collections of vectors in small, made by their own tools and packed as their publishers do.

The number of dimensions is the real one, and there are few words. What the files are known to hold,
such as words with spaces, twins and empty words, is in them.
"""

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.pretrained.packing import lines, npy, packed, pickled_by_python_2, random_rows, rounded

FASTTEXT = "dl.fbaipublicfiles.com/fasttext"
NBSP = "km\u00a0h"
NEXT_LINE = "\u0085"
"""A word of twitter's, at which Python's `splitlines` breaks a line."""
SPACED = ["at name@domain.com", ". . ."]
"""Words with spaces, of which glove.840B has some."""
SENTENCES = [
    "der könig und die königin wohnen im schloss",
    "der mann und die frau wohnen im haus",
    "die katze und der hund schlafen im haus",
    f"der wagen fährt 100 {NBSP} und das pferd 20 {NBSP}",
]
WORDS = ["the", "of", "king", "queen", "man", "woman", "größe", "東京", "new_york", ",", "'s"]


class Published(NamedTuple):
    """What a host serves of a collection, and what it holds by its own tool.

    Attributes
    ----------
    files : dict
        Contents by host and path.
    words : list of str
        The words in their order.
    vectors : array, shape (n_words, vector_size), float32
        Their vectors.
    probe : str
        A word to ask for.
    """

    files: Mapping[str, bytes]
    words: Sequence[str]
    vectors: NDArray[np.float32]
    probe: str = "king"


# fastText


def trained(folder: Path, vector_size: int, labels: bool = False) -> Any:
    """Return a model that fastText's own program trained."""
    fasttext = pytest.importorskip("fasttext")
    text = folder / f"text-{labels}.txt"
    marked = [f"__label__{i % 2} {sentence}" for i, sentence in enumerate(SENTENCES)]
    text.write_text("\n".join((marked if labels else SENTENCES) * 20) + "\n")
    train = fasttext.train_supervised if labels else fasttext.train_unsupervised
    if labels:  # a table that is quantised has at least 256 rows
        options = {"minn": 3, "maxn": 3, "bucket": 300}
    else:
        options = {"model": "cbow", "minn": 5, "maxn": 5, "bucket": 50}
    return train(str(text), dim=vector_size, minCount=1, epoch=2, thread=1, verbose=0, **options)


def saved(folder: Path, model: Any, suffix: str = "bin") -> bytes:
    """Return the file that fastText writes."""
    path = folder / f"model.{suffix}"
    model.save_model(str(path))
    return path.read_bytes()


def vectors_of(model: Any, words: Sequence[str]) -> NDArray[np.float32]:
    """Return what fastText calls words' vectors; its `get_word_vector` scales them to length 1."""
    ids = [model.get_subwords(word)[1] for word in words]
    rows = [np.mean([model.get_input_vector(i) for i in each], axis=0) for each in ids]
    return np.array(rows, np.float32)


def fasttext_vec(model: Any, n_announced: int | None = None, empty: bool = False) -> bytes:
    """Return `.vec` as fastText writes it: five digits and a space after each number.

    Parameters
    ----------
    n_announced : int, optional
        A wrong number of words for the header.
    empty : bool
        Whether a word is empty, as in files of the crawl.
    """
    words, rows = list(model.words), vectors_of(model, model.words)
    content = lines(words, rows, end=" ").splitlines(keepends=True)
    if empty:
        content.insert(3, lines([""], rows[:1], end=" "))
    header = f"{len(content) if n_announced is None else n_announced} {rows.shape[1]}\n"
    return header.encode() + b"".join(content)


def crawl_bin(folder: Path) -> Published:
    model = trained(folder, 300)
    name = f"{FASTTEXT}/vectors-crawl/cc.de.300.bin.gz"
    files = {name: gzip.compress(saved(folder, model))}
    return Published(files, model.words, vectors_of(model, model.words), "könig")


def crawl_vec(folder: Path) -> Published:
    """Words with a no-break space, and an empty one."""
    model = trained(folder, 300)
    rows = rounded(vectors_of(model, model.words), ".5g")
    name = f"{FASTTEXT}/vectors-crawl/cc.de.300.vec.gz"
    return Published(
        {name: gzip.compress(fasttext_vec(model, empty=True))}, model.words, rows, NBSP
    )


def wiki(folder: Path) -> Published:
    model = trained(folder, 300)
    members = {"wiki.als.bin": saved(folder, model), "wiki.als.vec": fasttext_vec(model)}
    files = {
        f"{FASTTEXT}/vectors-wiki/wiki.als.zip": packed(members),
        f"{FASTTEXT}/vectors-wiki/wiki.als.vec": members["wiki.als.vec"],
    }
    return Published(files, model.words, vectors_of(model, model.words), "könig")


def aligned(folder: Path) -> Published:
    model = trained(folder, 300)
    rows = rounded(vectors_of(model, model.words), ".5g")
    files = {f"{FASTTEXT}/vectors-aligned/wiki.de.align.vec": fasttext_vec(model)}
    return Published(files, model.words, rows, "könig")


def wiki_news(folder: Path) -> Published:
    """A header that counts a word too many."""
    model = trained(folder, 300)
    rows = rounded(vectors_of(model, model.words), ".5g")
    content = fasttext_vec(model, n_announced=len(model.words) + 1)
    name = f"{FASTTEXT}/vectors-english/wiki-news-300d-1M.vec.zip"
    files = {name: packed({"wiki-news-300d-1M.vec": content})}
    return Published(files, model.words, rows, "könig")


def crawl_subword(folder: Path) -> Published:
    model = trained(folder, 300)
    members = {
        "crawl-300d-2M-subword.vec": fasttext_vec(model),
        "crawl-300d-2M-subword.bin": saved(folder, model),
    }
    files = {f"{FASTTEXT}/vectors-english/crawl-300d-2M-subword.zip": packed(members)}
    return Published(files, model.words, vectors_of(model, model.words), "könig")


def supervised(folder: Path, suffix: str = "bin") -> Published:
    """A model that tells languages, as lid.176 does; quantised if it is `.ftz`."""
    model = trained(folder, 16, labels=True)
    if suffix == "ftz":
        model.quantize()
    name = f"{FASTTEXT}/supervised-models/lid.176.{suffix}"
    files = {name: saved(folder, model, suffix)}
    return Published(files, model.words, vectors_of(model, model.words), "und")


# GloVe


def glove_6b(_: Path) -> Published:
    """Four members, of which the one of 100 dimensions is chosen."""
    rows = {size: random_rows(len(WORDS), size) for size in (50, 100, 200, 300)}
    members = {f"glove.6B.{size}d.txt": lines(WORDS, each) for size, each in rows.items()}
    files = {"nlp.stanford.edu/data/glove.6B.zip": packed(members)}
    return Published(files, WORDS, rows[100])


def glove_840b(_: Path) -> Published:
    """Words with spaces, and the same word twice: the first counts."""
    words = [*WORDS[:4], *SPACED, WORDS[2], *WORDS[4:]]
    rows = random_rows(len(words), 300)
    kept = [i for i, word in enumerate(words) if word not in words[:i]]
    members = {"glove.840B.300d.txt": lines(words, rows)}
    files = {"nlp.stanford.edu/data/glove.840B.300d.zip": packed(members)}
    return Published(files, [words[i] for i in kept], rows[kept], SPACED[0])


def glove_twitter(_: Path) -> Published:
    """A word at which Python's `splitlines` breaks a line."""
    words = [*WORDS[:3], NEXT_LINE, *WORDS[3:]]
    rows = {size: random_rows(len(words), size) for size in (25, 50, 100, 200)}
    members = {f"glove.twitter.27B.{size}d.txt": lines(words, each) for size, each in rows.items()}
    files = {"nlp.stanford.edu/data/glove.twitter.27B.zip": packed(members)}
    return Published(files, words, rows[25], NEXT_LINE)


def glove_2024(_: Path) -> Published:
    """A member whose name is not that of the archive, with numbers as GloVe's program writes."""
    rows = random_rows(len(WORDS), 50)
    member = "wiki_giga_2024_50_MFT20_vectors_seed_123_alpha_0.75_eta_0.075_combined.txt"
    members = {member: lines(WORDS, rows, ".6f")}
    files = {"nlp.stanford.edu/data/wordvecs/glove.2024.wikigiga.50d.zip": packed(members)}
    return Published(files, WORDS, rounded(rows, ".6f"))


# gensim


def keyed_vectors(words: Sequence[str], rows: NDArray[np.float32]) -> Any:
    """Return vectors as gensim has them."""
    peer = pytest.importorskip("gensim.models").KeyedVectors(rows.shape[1])
    peer.add_vectors(list(words), rows)
    return peer


def written_by_gensim(folder: Path, peer: Any, binary: bool) -> bytes:
    """Return the file that gensim writes in word2vec's format."""
    peer.save_word2vec_format(str(folder / "vectors"), binary=binary, sort_attr="none")
    return (folder / "vectors").read_bytes()


def gensim_release(name: str, content: bytes) -> dict[str, bytes]:
    """Return a file as gensim-data publishes it."""
    host = "github.com/piskvorky/gensim-data/releases/download"
    return {f"{host}/{name}/{name}.gz": gzip.compress(content)}


def google_news(folder: Path) -> Published:
    """The binary format, with `</s>` first and words of several joined by an underscore."""
    words = ["</s>", "in", "for", "king", "New_York", "Golden_State_Warriors", "größe"]
    rows = np.random.default_rng(2).standard_normal((len(words), 300)).astype(np.float32)
    content = written_by_gensim(folder, keyed_vectors(words, rows), binary=True)
    return Published(gensim_release("word2vec-google-news-300", content), words, rows, "New_York")


def gensim_data(folder: Path, name: str = "glove-twitter-25", size: int = 25) -> Published:
    """Text with a header, as glove2word2vec makes it."""
    rows = random_rows(len(WORDS), size)
    content = written_by_gensim(folder, keyed_vectors(WORDS, rows), binary=False)
    return Published(gensim_release(name, content), WORDS, rows)


# Others


def numberbatch(_: Path) -> Published:
    """Words of all languages, of which those of German are chosen by their prefix."""
    words = ["/c/de/könig", "/c/en/king", "/c/de/neu_york", "/c/fr/roi", "/c/de/königin"]
    rows = random_rows(len(words), 300)
    rows = rounded(rows / 10, ".4f")
    content = b"5 300\n" + lines(words, rows, ".4f")
    chosen = [i for i, word in enumerate(words) if word.startswith("/c/de/")]
    name = "conceptnet.s3.amazonaws.com/downloads/2019/numberbatch/numberbatch-19.08.txt.gz"
    names = [words[i].removeprefix("/c/de/") for i in chosen]
    return Published({name: gzip.compress(content)}, names, rows[chosen], "könig")


def numberbatch_en(_: Path) -> Published:
    rows = rounded(random_rows(len(WORDS), 300) / 10, ".4f")
    content = f"{len(WORDS)} 300\n".encode() + lines(WORDS, rows, ".4f")
    name = "conceptnet.s3.amazonaws.com/downloads/2019/numberbatch/numberbatch-en-19.08.txt.gz"
    return Published({name: gzip.compress(content)}, WORDS, rows)


def histwords(_: Path) -> Published:
    """Vectors of each decade; a word that a decade lacks has a row of zeros, and is left out."""
    members: dict[str, bytes] = {}
    for decade in range(1800, 2000, 10):
        rows = random_rows(len(WORDS), 300, seed=decade)
        rows[-1] = 0
        members[f"sgns/{decade}-w.npy"] = npy(rows.astype(np.float64))
        members[f"sgns/{decade}-vocab.pkl"] = pickled_by_python_2(WORDS)
    files = {"snap.stanford.edu/historical_embeddings/eng-all_sgns.zip": packed(members)}
    return Published(files, WORDS[:-1], rows[:-1])


def nlpl(folder: Path) -> Published:
    """Text, the binary format, and what describes them."""
    rows = random_rows(len(WORDS), 100)
    peer = keyed_vectors(WORDS, rows)
    members = {
        "meta.json": json.dumps({"id": 40, "vocabulary size": len(WORDS)}).encode(),
        "model.bin": written_by_gensim(folder, peer, binary=True),
        "model.txt": written_by_gensim(folder, peer, binary=False),
        "README": b"Word2Vec Continuous Skipgram",
    }
    return Published({"vectors.nlpl.eu/repository/20/40.zip": packed(members)}, WORDS, rows)


def potion(folder: Path) -> Published:
    """A folder of model2vec's on the hub of Hugging Face, by its path in the repository."""
    model2vec = pytest.importorskip("model2vec")
    tokenizers = pytest.importorskip("tokenizers")
    words = ["king", "queen", "man", "##s"]
    vocabulary = {word: i for i, word in enumerate(["[PAD]", "[UNK]", *words])}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    rows = random_rows(len(vocabulary), 64)
    model = model2vec.StaticModel(rows, tokenizer, normalize=True)
    model.save_pretrained(folder / "potion")
    paths = [path for path in (folder / "potion").rglob("*") if path.is_file()]
    files = {path.relative_to(folder / "potion").as_posix(): path.read_bytes() for path in paths}
    kept = [row for word, row in vocabulary.items() if word != "[UNK]"]
    return Published(files, ["[PAD]", *words], rows[kept])


def much_text() -> Published:
    """Six megabytes of text that no compression makes much smaller."""
    digits = np.random.default_rng(1).integers(0, 10, (3_000, 300, 4), np.uint8)
    start = np.broadcast_to(np.uint8(list(b" 0.")), (*digits.shape[:2], 3))
    numbers = np.concatenate([start, digits + ord("0")], axis=2)
    words = [f"w{i}" for i in range(len(digits))]
    content = b"".join(
        b"%s%s\n" % (word.encode(), row.tobytes()) for word, row in zip(words, numbers, strict=True)
    )
    return Published({"": content}, words, np.float32(digits @ [0.1, 0.01, 0.001, 0.0001]))


def fasttext_header(text: Published) -> bytes:
    """Return the header of a text of vectors."""
    return b"%d %d\n" % text.vectors.shape


Make = Callable[[Path], Published]

MAKERS: dict[str, Make] = {
    "crawl .bin": crawl_bin,
    "crawl .vec": crawl_vec,
    "wiki": wiki,
    "aligned": aligned,
    "wiki-news": wiki_news,
    "crawl with subwords": crawl_subword,
    "supervised": supervised,
    "quantised": lambda folder: supervised(folder, "ftz"),
    "glove.6B": glove_6b,
    "glove.840B": glove_840b,
    "glove.twitter": glove_twitter,
    "glove 2024": glove_2024,
    "GoogleNews": google_news,
    "gensim-data": gensim_data,
    "Numberbatch": numberbatch,
    "Numberbatch English": numberbatch_en,
    "HistWords": histwords,
    "NLPL": nlpl,
    "potion": potion,
}
"""The collections by a name for tests."""
