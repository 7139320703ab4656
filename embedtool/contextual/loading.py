"""Open a contextual encoder: embedtool's own or a transformers folder."""

from pathlib import Path

from embedtool.contextual._torch import require_torch
from embedtool.contextual.encoders import ContextualEncoder
from embedtool.errors import Call, ModelError
from embedtool.io.json_file import read_json
from embedtool.model import store
from embedtool.pretrained.installed import model_path


def open_encoder(path: str | Path) -> ContextualEncoder:
    """Open an encoder that embedtool trained, or a folder of Hugging Face's transformers.

    Raises
    ------
    ModelError
        If the folder is neither.
    MissingExtraError
        If PyTorch or transformers is not installed.
    """
    path = model_path(path)
    if is_pretrained(path):
        require_torch()
        from embedtool.contextual.pretrained import PretrainedEncoder

        return PretrainedEncoder(path)
    if not store.has_encoder(path):
        call = Call("embedtool.train", "embedtool contextual train")
        raise ModelError(
            f"{path}: is a static model, in which a word has one vector in all sentences; "
            f"`{call}` trains an encoder over it",
            call=call,
        )
    require_torch()
    from embedtool.contextual.trained import TrainedEncoder

    return TrainedEncoder(store.load(path), path.name)


def is_encoder(path: Path) -> bool:
    """Return whether `open_encoder` opens a folder.

    Raises
    ------
    ModelError
        If the folder is not a model of any kind.
    """
    return is_pretrained(path) or store.has_encoder(path)


def is_pretrained(path: Path) -> bool:
    """Return whether a folder is an encoder of transformers: its config.json has a model_type."""
    try:
        description = read_json(path / store.CONFIG, ModelError)
    except ModelError:
        return False
    return isinstance(description, dict) and "model_type" in description
