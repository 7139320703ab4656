"""Models that others trained, as a Python user lists, fetches and removes them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from embedtool.io.progress import Report, silent
from embedtool.pretrained import installed as installed_models
from embedtool.pretrained.registry import Kind, Pretrained, registry
from embedtool.tables import Table, Tabular

COLUMNS = ("name", "kind", "language", "words", "dimensions", "MB", "licence", "installed")
BYTES_PER_MB = 1e6


class ModelList(Tabular, tuple[Pretrained, ...]):
    """Pretrained models, shown as a table; MB are those of the file that is fetched."""

    def tables(self) -> Iterator[Table]:
        """Yield the table of the models."""
        here = set(installed_models.installed())
        rows = [
            (
                each.name, each.kind, each.language or None, each.words, each.dimensions,
                None if each.size is None else round(each.size / BYTES_PER_MB), each.licence,
                "yes" if each.name in here else "no",
            )
            for each in self
        ]  # fmt: skip
        yield Table(COLUMNS, rows)


def list_models(
    language: str | None = None, kind: Kind | None = None, *, installed: bool = False
) -> ModelList:
    """Return the models that `fetch_model` fetches by name.

    Parameters
    ----------
    language : str, optional
        Only models of this language, as ISO 639 or Wikipedia names it: "de".
    kind : {"static", "fasttext"}, optional
        Only models that have a vector for each word, or also for n-grams.
    installed : bool
        Only models that are installed, also repositories of Hugging Face's.

    Returns
    -------
    ModelList
        Entries with `name`, `title`, `citation`, `licence`, `url` and others, shown as a table.

    Examples
    --------
    >>> import embedtool
    >>> [model.name for model in embedtool.list_models("de", "fasttext")]
    ['fasttext-cc-de', 'fasttext-wiki-de']
    """
    models: Iterable[Pretrained] = registry().values()
    if installed:
        models = map(installed_models.describe_installed, installed_models.installed())
    return ModelList(
        each for each in models if language in (None, each.language) and kind in (None, each.kind)
    )


def fetch_model(
    name: str,
    *,
    max_words: int | None = None,
    overwrite: bool = False,
    report: Report = silent,
) -> Path:
    """Fetch a pretrained model unless it is installed, and return its folder.

    Afterwards its name stands for the model, as in ``embedtool.load(name)``.

    Parameters
    ----------
    name : str
        A name of `list_models`, or "hf:OWNER/NAME" for a repository of Hugging Face's.
    max_words : int, optional
        Keep only the first words. Of text in order of frequency, no more is transferred.
    overwrite : bool
        Fetch it again if it is installed.
    report : callable
        Called with the progress.

    Raises
    ------
    ModelError
        If there is no such model, or another process is fetching it.
    CorpusError, FormatError
        If it cannot be downloaded, or is not the expected file.
    ResourceError, OutputError
        If it cannot be saved.
    """
    from embedtool.pretrained.getting import get

    return get(name, max_words=max_words, overwrite=overwrite, report=report)


def remove_model(name: str) -> Path:
    """Delete an installed model, and return the folder that it was in.

    Parameters
    ----------
    name : str
        Its name.

    Raises
    ------
    ModelError
        If it is not installed.
    """
    return installed_models.remove(name)
