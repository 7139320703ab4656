"""Open an encoder, whoever trained it."""

import json
from pathlib import Path

from embedtool.contextual.encoders import ContextualEncoder
from embedtool.errors import ModelError
from embedtool.model import store


def open_encoder(path: str | Path) -> ContextualEncoder:
    """Open an encoder that embedtool trained, or a folder of Hugging Face's transformers.

    Raises ModelError where it is neither, MissingExtraError without PyTorch.
    """
    path = Path(path)
    if is_pretrained(path):
        from embedtool.contextual.pretrained import PretrainedEncoder

        return PretrainedEncoder(path)
    if not store.has_encoder(path):
        raise ModelError(
            f"{path}: is a static model, in which a word has one vector in all sentences; train an "
            f"encoder over it with: embedtool contextual train {path} TEXT --output MODEL"
        )
    from embedtool.contextual.trained import TrainedEncoder

    return TrainedEncoder(store.load(path), path.name)


def is_encoder(path: Path) -> bool:
    """Whether `open_encoder` opens a folder. Raises ModelError where it is no model at all."""
    return is_pretrained(path) or store.has_encoder(path)


def is_pretrained(path: Path) -> bool:
    """Whether a folder is an encoder of transformers: its config.json says of which type."""
    try:
        description = json.loads((path / store.CONFIG).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(description, dict) and "model_type" in description
