"""Records of current documents as the catalogue keeps them: without what its other fields tell."""

import base64
import re
from collections.abc import Mapping
from typing import Any, Final

_BLOBS: Final = ("text_blob", "manifest_blob")
_HEX: Final = re.compile(r"[0-9a-f]{64}")
#: A SHA-256 in base64 (RFC 4648, section 5) without its padding.
_SHORT: Final = 43
_EMPTY: Final[dict[str, Any]] = {"language": "", "metadata": {}, "title": ""}


def packed(record: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return a record as it is kept, two thirds as long: there may be millions.

    What scripts read stays as it is: `generation`, `sha256`, `language`, `made_by`.
    """
    kept = dict(record)
    document = kept.pop("document_id", None)
    if kept.get("source_blob") == kept.get("sha256"):
        kept.pop("source_blob", None)
    if kept.get("file") == document:
        kept.pop("file", None)
    for name, empty in _EMPTY.items():
        if kept.get(name) == empty:
            del kept[name]
    for name in _BLOBS:
        if _HEX.fullmatch(blob := kept.get(name, "")):
            kept[name] = base64.urlsafe_b64encode(bytes.fromhex(blob)).decode().rstrip("=")
    return kept


def whole(document: str, kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a *document* that is *kept*, packed or, by earlier builds, whole."""
    told = {"source_blob": kept.get("sha256", ""), "file": document, **_EMPTY, **kept}
    for name in _BLOBS:
        if len(blob := told.get(name, "")) == _SHORT:
            told[name] = base64.urlsafe_b64decode(f"{blob}=").hex()
    return {"document_id": document} | told
