"""Numbers of things in messages: 1 word, 2 words, 1,000 words."""


def counted(n: float, noun: str, plural: str | None = None) -> str:
    """The number with its noun, whose plural has an s unless another is given."""
    return f"{n:,} {noun if n == 1 else plural or f'{noun}s'}"
