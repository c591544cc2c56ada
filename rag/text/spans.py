"""Spans of a text: where a piece of it begins and ends."""


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Return a span without the white space around it; empty where it holds nothing else."""
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    return start, start + len(piece.strip())
