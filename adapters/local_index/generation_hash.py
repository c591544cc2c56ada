"""A number for each version of a document, by which both parts of an index tell them apart."""

import hashlib


def generation_hash(name: str) -> int:
    """Return the 64 bits by which the chunks of `document:generation` are told apart at once."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
