"""The base of callbacks, with gensim's names."""

from typing import Any


class CallbackAny2Vec:
    """Does nothing; a subclass overrides what it needs. Each method is called with the model."""

    def on_train_begin(self, model: Any) -> None:
        """Act before the first epoch."""

    def on_epoch_begin(self, model: Any) -> None:
        """Act before each epoch."""

    def on_epoch_end(self, model: Any) -> None:
        """Act after each epoch; `model` has its vectors."""

    def on_train_end(self, model: Any) -> None:
        """Act after the last epoch."""
