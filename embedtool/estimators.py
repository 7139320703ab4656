"""`Word2Vec`, `FastText` and `Glove`: training as scikit-learn's estimators do it.

scikit-learn takes a second to import, so the estimators have its methods without its base class.
"""

from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from embedtool.api.model import Model
from embedtool.api.word_vectors import WordVectors
from embedtool.config.training import (
    CheckpointConfig,
    FastTextConfig,
    GloveConfig,
    TrainerConfig,
    Word2VecConfig,
)
from embedtool.corpus.corpus import Corpus
from embedtool.errors import ConfigError
from embedtool.io.progress import Report, silent
from embedtool.model.vectors import ModelRecord
from embedtool.trainers import TRAINERS
from embedtool.training import train

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


class Estimator(TrainerConfig):
    """Base of the estimators: a config that is not validated before `fit`, and can be changed.

    A subclass inherits from a config too, which gives it its parameters.
    """

    _fitted: Model | None

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.__doc__ = f"{cls.__doc__}{ATTRIBUTES}"

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
        known = self.get_params()
        for name in params:
            if name not in known:
                raise ConfigError(
                    f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(known)}"
                )
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
        report : callable
            Called with a `Progress` from time to time.
        resumable : str or Path, optional
            Where the model is saved.
        overwrite : bool
            With `resumable`, replace the model there, and an interrupted training of it.
        checkpoint_every : str, optional
            With `resumable`, time or epochs between two checkpoints, such as ``"5m"`` or
            ``"2-epochs"``.

        Returns
        -------
        Self
            The estimator.

        Raises
        ------
        EmbedtoolError
            As for `embedtool.train`.
        """
        self._fitted = train(
            self._validated(),
            sentences,
            output=resumable,
            overwrite=overwrite,
            init=init.model_ if isinstance(init, Estimator) else init,
            freeze=freeze,
            checkpoint_every=checkpoint_every,
            report=report,
        )
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
