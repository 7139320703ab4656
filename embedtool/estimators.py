"""`Word2Vec`, `FastText` and `Glove`: training as scikit-learn's estimators do it.

scikit-learn takes a second to import, so the estimators have its methods without its base class.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from embedtool.api.epoch import Callback
from embedtool.api.model import Model, load
from embedtool.api.word_vectors import WordVectors
from embedtool.config.training import (
    CheckpointConfig,
    FastTextConfig,
    GloveConfig,
    TrainerConfig,
    Word2VecConfig,
)
from embedtool.corpus.corpus import Corpus
from embedtool.errors import ConfigError, CorpusError
from embedtool.io.progress import Report, silent
from embedtool.model.vectors import ModelRecord
from embedtool.trainers import TRAINERS
from embedtool.trainers.same_training import check_same_text, check_same_training
from embedtool.trainers.training_dir import read_interrupted
from embedtool.training import resume, train

if TYPE_CHECKING:
    from embedtool.corpus.sources import Inputs

ATTRIBUTES = """

Attributes
----------
wv : WordVectors
    The word vectors, after `fit`.
model_ : Model
    The vectors and how they were made, after `fit`.
"""

SHOWN_CHARS = 80
"""Characters of a long message that are shown at its begin and end: a text given for the name of a
file may be long."""


GENSIM_NAMES = {
    "alpha": "learning_rate",
    "hs": "loss",
    "iter": "epochs",
    "min_alpha": "min_learning_rate",
    "max_final_vocab": "max_vocab",
    "sg": "mode",
    "size": "vector_size",
}
"""Options of gensim, old ones too, by the parameters that they are here."""


def _checking_names(init: Callable[..., None]) -> Callable[..., None]:
    """Return an `__init__` whose error for a wrong argument says what to write instead."""

    @wraps(init)
    def checked(self: object, *args: object, **params: Any) -> None:
        name = type(self).__name__
        if args:
            raise TypeError(
                f"{name} takes parameters by name only, and fit the sentences: "
                f"{name}(vector_size=100).fit(sentences)"
            )
        for param in params:
            if fault := _unknown(type(self), param):
                raise TypeError(fault)
        init(self, **params)

    return checked


def _unknown(estimator: type, name: str) -> str:
    """Return a message if an estimator has no parameter of a name, else ""."""
    known = [each.name for each in fields(estimator)]
    if name in known:
        return ""
    here = GENSIM_NAMES.get(name)
    said = f"{estimator.__name__} has no parameter {name!r}"
    return f"{said}; use {here}" if here in known else f"{said}; it has {', '.join(known)}"


class Estimator(TrainerConfig):
    """Base of the estimators: a config that is not validated before `fit`, and can be changed.

    A subclass inherits from a config too, which gives it its parameters.
    """

    _fitted: Model | None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.__doc__ = f"{cls.__doc__}{ATTRIBUTES}"
        cls.__init__ = _checking_names(cls.__init__)  # type: ignore[method-assign]

    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __post_init__(self) -> None:
        self._fitted = None

    def __repr__(self) -> str:
        changed = [
            f"{each.name}={getattr(self, each.name)!r}"
            for each in fields(self)
            if repr(getattr(self, each.name)) != repr(each.default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, by name.

        Parameters
        ----------
        deep : bool
            Ignored: no parameter is an estimator.
        """
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def set_params(self, **params: Any) -> Self:
        """Change parameters; they are validated by `fit`.

        Raises
        ------
        ConfigError
            If there is no parameter of a name.
        """
        for name in params:
            if fault := _unknown(type(self), name):
                raise ConfigError(fault)
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def fit(
        self,
        sentences: "Corpus | Inputs",
        y: object = None,
        *,
        init: "ModelRecord | Estimator | str | Path | None" = None,
        freeze: bool = False,
        callbacks: Sequence[Callback] = (),
        report: Report = silent,
        resumable: str | Path | None = None,
        overwrite: bool = False,
        checkpoint_every: str | None = CheckpointConfig.checkpoint_every,
    ) -> Self:
        """Train on sentences.

        Parameters
        ----------
        sentences : Corpus, str, Path, or iterable of lists of tokens
            The text: a file, folder, pattern or URL, or several; or sentences, each a list of its
            tokens. They are read once, so a generator will do, and memory does not grow with their
            number.
        y : None
            Ignored.
        init : Model, estimator, str or Path, optional
            The model to start from: its words stay in the vocabulary.
        freeze : bool
            With `init`, train only words that are new to it.
        callbacks : sequence of callable
            Each is called at the end of every epoch with an `Epoch`: its number, its loss and, on
            demand, the vectors. The result of the training is the same with and without them.
        report : callable
            Called with a `Progress` from time to time.
        resumable : str or Path, optional
            Where the model is saved. If the training of it was interrupted, the same call of `fit`
            continues it, from the last checkpoint: Ctrl-C leaves one. The sentences are read again,
            to see that they are the same.
        overwrite : bool
            With `resumable`, start over, and replace a model that is there.
        checkpoint_every : str, optional
            With `resumable`, time or epochs between two checkpoints, such as ``"5m"`` or
            ``"2-epochs"``.

        Returns
        -------
        Self
            The estimator.

        Raises
        ------
        ModelError
            If `resumable` has an interrupted training with other parameters or sentences.
        EmbedtoolError
            As for `embedtool.train`.
        """
        config = self._validated()
        corpus = _corpus(sentences)
        init = init.model_ if isinstance(init, Estimator) else init
        target = None if resumable is None else Path(resumable)
        if target is None and (overwrite or checkpoint_every):
            raise ConfigError(
                "overwrite and checkpoint_every need resumable",
                parameters=("overwrite", "checkpoint_every", "resumable"),
            )
        if target and not overwrite and (manifest := read_interrupted(target)):
            start = init if init is None or isinstance(init, ModelRecord) else load(init)
            check_same_training(target, manifest, config, start, freeze)
            check_same_text(target, manifest, corpus, report)
            self._fitted = resume(
                target, workers=config.workers, checkpoint_every=checkpoint_every,
                callbacks=callbacks, report=report,
            )  # fmt: skip
            return self
        self._fitted = train(
            config, corpus, output=target, overwrite=overwrite, init=init, freeze=freeze,
            checkpoint_every=checkpoint_every, callbacks=callbacks, report=report,
        )  # fmt: skip
        return self

    @property
    def model_(self) -> Model:
        """The vectors and how they were made."""
        if self._fitted is None:
            from sklearn.exceptions import NotFittedError

            raise NotFittedError(f"this {type(self).__name__} is not fitted; call fit first")
        return self._fitted

    @property
    def wv(self) -> WordVectors:
        """The word vectors."""
        return self.model_.wv

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Save the fitted model in a folder; see `embedtool.model.store.save`."""
        self.model_.save(path, overwrite=overwrite)

    def _validated(self) -> TrainerConfig:
        """Return the config of these parameters. Raises ConfigError if one is invalid."""
        configs: Iterable[type[TrainerConfig]] = [each.config for each in TRAINERS.values()]
        config = next(each for each in type(self).__mro__ if each in configs)
        validated: TrainerConfig = config(**self.get_params())
        return validated

    def __sklearn_is_fitted__(self) -> bool:
        return self._fitted is not None

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            input_tags=InputTags(two_d_array=False),
        )


class Word2Vec(Estimator, Word2VecConfig):
    """Word2Vec (Mikolov et al. 2013): predict a word from its context, or the context from it."""


class FastText(Estimator, FastTextConfig):
    """FastText (Bojanowski et al. 2017): Word2Vec with vectors of character n-grams."""


class Glove(Estimator, GloveConfig):
    """GloVe (Pennington et al. 2014): fit the logarithms of co-occurrence counts."""


def _corpus(sentences: "Corpus | Inputs") -> Corpus:
    """Return the corpus of sentences; strings among them are names of files."""
    if isinstance(sentences, Corpus):
        return sentences
    try:
        return Corpus(sentences)
    except CorpusError as error:
        said = str(error)
        if len(said) > 2 * SHOWN_CHARS:
            said = f"{said[:SHOWN_CHARS]} ... {said[-SHOWN_CHARS:]}"
        raise CorpusError(f"{said}; to train on sentences, give lists of tokens") from None
