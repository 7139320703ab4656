"""The formats of vector files. A new format is one module and one entry of FORMATS.

A module has functions that `formats.read`, `formats.write` and `formats.describe` call:

    read(path: Path, options: ReadOptions, **arguments) -> VectorTable
    write(vectors: VectorTable, path: Path, training_options: Mapping[str, Any], report: Report,
          **arguments) -> None
    describe(path: Path) -> dict[str, Any]
    read_described(source: Source, options: ReadOptions, **arguments)
        -> tuple[VectorTable, dict[str, Any]]

`read_described` is both, for a stream that is read once and says more than its beginning does.
`write` may be missing if the format has a `read_only_reason`, and `describe` if the file says
nothing of how its vectors were made.

The help of the command line lists the formats, so that nothing is imported here that takes time.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Format(NamedTuple):
    """What is known of a format without importing its module.

    Attributes
    ----------
    module : str
        Name of the module in this package.
    suffixes : tuple of str
        Suffixes of file names that imply the format when a file is written.
    contents : str
        The parts of a model that it stores.
    readers : str
        Tools that open it.
    arguments : mapping
        Keyword arguments for `read` and `write`, if several formats share a module. Of formats that
        share module and arguments the first is found by content.
    aliases : str
        Other names that imply it, in words.
    magic : bytes
        A regular expression for how a file begins. A format without it, and without `folder_files`,
        is found by content only if `sniffing` tells it from the others.
    folder_files : tuple of tuple of str
        For a format that is a folder: sets of files of which the folder must hold one.
    forbidden : str
        Characters that no word of it can hold, beside those without UTF-8.
    by_frequency : bool
        Whether the tools that write it put the most frequent word first.
    read_only_reason : str
        The reason why it cannot be written, or empty.
    streams : bool
        Whether it is a single file, which can be written to standard output.
    read_options : tuple of str
        The fields of ReadOptions, among FORMAT_OPTIONS, that its reader uses.
    is_sequential : bool
        Whether its reader takes a `Source`, which it reads once from the beginning, so that a
        compressed file is not unpacked. Others take the path of a plain file or folder.
    """

    module: str
    suffixes: tuple[str, ...]
    contents: str
    readers: str
    arguments: Mapping[str, Any] = {}
    aliases: str = ""
    magic: bytes = b""
    folder_files: tuple[tuple[str, ...], ...] = ()
    forbidden: str = ""
    by_frequency: bool = True
    read_only_reason: str = ""
    streams: bool = True
    read_options: tuple[str, ...] = ()
    is_sequential: bool = False

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder and not a file."""
        return bool(self.folder_files)


WHITE_SPACE = " \n\r\t\v\f"
TEXT = ("encoding", "encoding_errors")
ROWS = (*TEXT, "word_prefix")
COLUMNS = ("word_column", "vector_column")
FORMAT_OPTIONS = ("words", "word_prefix", *TEXT, *COLUMNS)
"""The fields of ReadOptions that only some formats use."""

FORMATS = {
    "word2vec": Format(
        "text_rows",
        (".txt", ".w2v"),
        "words, vectors",
        "word2vec.c, gensim, spaCy, fastText",
        arguments={"header": True},
        forbidden=WHITE_SPACE,
        read_options=ROWS,
        is_sequential=True,
    ),
    "word2vec-binary": Format(
        "word2vec_binary",
        (),
        "words, vectors",
        "word2vec.c, gensim",
        aliases=".bin without subwords",
        forbidden=" \n",
        read_options=ROWS,
        is_sequential=True,
    ),
    "glove": Format(
        "text_rows",
        (".glove",),
        "words, vectors",
        "GloVe's scripts, gensim",
        arguments={"header": False},
        aliases="glove*.txt",
        forbidden=WHITE_SPACE,
        read_options=ROWS,
        is_sequential=True,
    ),
    "fasttext-vec": Format(
        "text_rows",
        (".vec",),
        "words, vectors",
        "fastText, gensim",
        arguments={"header": True},
        forbidden=WHITE_SPACE,
        read_options=ROWS,
        is_sequential=True,
    ),
    "fasttext-bin": Format(
        "fasttext_bin",
        (),
        "words, counts, vectors, n-grams, contexts",
        "fastText, gensim",
        aliases=".bin with subwords",
        magic=rb"\xba\x16\x4f\x2f",
        forbidden="\0",
        read_options=TEXT,
        is_sequential=True,
    ),
    "safetensors": Format(
        "safetensors_file",
        (".safetensors",),
        "words, counts, vectors",
        "safetensors",
        forbidden="\n",
        by_frequency=False,
        read_options=("encoding_errors", *COLUMNS),
    ),
    "npz": Format(
        "npz",
        (".npz",),
        "words, counts, vectors",
        "NumPy",
        magic=rb"PK\x03\x04",
        forbidden="\0",
        by_frequency=False,
        read_options=(*TEXT, *COLUMNS),
    ),
    "parquet": Format(
        "parquet",
        (".parquet",),
        "words, counts, vectors",
        "pyarrow, DuckDB, polars",
        magic=rb"PAR1",
        by_frequency=False,
        read_options=(*TEXT, *COLUMNS),
    ),
    "arrow": Format(
        "arrow",
        (".arrow", ".feather"),
        "words, counts, vectors",
        "pyarrow, polars, pandas",
        magic=rb"ARROW1\0\0",
        by_frequency=False,
        read_options=(*TEXT, *COLUMNS),
    ),
    "finalfusion": Format(
        "finalfusion",
        (".fifu",),
        "words, vectors, n-grams",
        "finalfusion in Rust and Python",
        magic=rb"FiFu(?s:..)\0\0",
        read_options=("encoding_errors",),
    ),
    "floret": Format(
        "floret",
        (".floret",),
        "vectors of any word",
        "floret, spaCy",
        by_frequency=False,
        read_only_reason="floret finds n-grams by another hash than FastText and embedtool, so "
        "that only its own training fills its table",
        read_options=("words", *TEXT),
        is_sequential=True,
    ),
    "tensorboard": Format(
        "tensorboard",
        (".tsv",),
        "words, vectors",
        "TensorBoard's projector",
        aliases="with .metadata.tsv",
        forbidden="\t\n\r",
        by_frequency=False,
        streams=False,
        read_options=TEXT,
    ),
    "model2vec": Format(
        "model2vec",
        (),
        "words, vectors",
        "model2vec, Sentence Transformers",
        aliases="a folder",
        folder_files=(("modules.json",), ("model.safetensors", "tokenizer.json")),
        forbidden=WHITE_SPACE,
        by_frequency=False,
        streams=False,
    ),
    "spacy": Format(
        "spacy_vectors",
        (),
        "words, vectors",
        "spaCy",
        aliases="a folder",
        folder_files=(("vocab/key2row",), ("key2row",)),
        streams=False,
    ),
    "gensim": Format(
        "gensim_models",
        (".kv", ".model"),
        "words, counts, vectors, n-grams, contexts",
        "gensim",
        magic=rb"\x80[\x02-\x05](?:\x95(?s:.{8}))?"
        rb"(?:c|\x8c(?s:.))gensim[\w.]*(?:\n|\x94\x8c(?s:.))(?P<kind>\w+)(?:\n|\x94\x93)",
        read_only_reason="it is a pickle, which gensim's load runs; to_gensim() returns gensim's "
        "object, which has a save()",
        read_options=TEXT,
    ),
    "histwords": Format(
        "histwords",
        (),
        "words, vectors",
        "HistWords",
        aliases="a folder, a zip archive or -w.npy",
        by_frequency=False,
        read_only_reason="it is a pickle and an array for each decade, which npz holds in one file",
        read_options=(*TEXT, "member"),
    ),
}
READERS = {name: each.module for name, each in FORMATS.items()}
WRITERS = {name: each.module for name, each in FORMATS.items() if not each.read_only_reason}
SUFFIXES = {suffix: name for name, each in FORMATS.items() for suffix in each.suffixes}
"""The format implied by the suffix of a file name. `.bin` is ambiguous."""
