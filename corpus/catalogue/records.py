"""Records of current documents as the catalogue keeps them: short, for there may be millions."""

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from protocol.timestamps import rfc3339

#: Places of a record's fields in the list that is kept. Scripts read the first four by their places
#: (`read_record` in protocol/lua/_ledger.lua), and `distrust` writes the third: a new field comes
#: last. Earlier builds kept an object, with these names.
FIELDS: Final = (
    "generation", "sha256", "made_by", "language", "manifest_blob", "text_blob", "kind", "bytes",
    "chars", "chunks", "updated_at", "title", "metadata", "file", "source_blob",
)  # fmt: skip
#: Digits that tell one pipeline from another.
_MAKER: Final = 8
_HASHES: Final = ("sha256", "manifest_blob", "text_blob", "source_blob")
_HEX: Final = re.compile(r"[0-9a-f]{64}")
#: A SHA-256 in base64 (RFC 4648, section 5) without its padding.
_SHORT: Final = 43
_EMPTY: Final[Mapping[str, Any]] = {"made_by": "", "language": "", "title": "", "metadata": {}}
_EPOCH: Final = datetime.fromtimestamp(0, tz=UTC)

#: A record as it is kept: a list, or by earlier builds an object.
Kept = Sequence[Any] | Mapping[str, Any]


def packed(record: Mapping[str, Any]) -> list[Any]:
    """
    Return a record as it is kept, a third as long; an empty one as an empty list.

    None stands for what other fields tell, and what is empty at the end is left out. Hashes are in
    base64; `updated_at` is in milliseconds after the generation, which is in microseconds.
    """
    if not record:
        return []
    told = {**_EMPTY, **record}
    for name, usual in _usual(record["document_id"], record).items():
        if told.get(name) == usual:
            told[name] = None
    kept = [_shortened(name, told.get(name), record) for name in FIELDS]
    while kept[-1] in (None, _EMPTY.get(FIELDS[len(kept) - 1])):
        kept.pop()
    return kept


def whole(document: str, kept: Kept) -> dict[str, Any]:
    """Return the record of a *document* that is *kept*, by this build or an earlier one."""
    told = dict(kept) if isinstance(kept, Mapping) else _named(kept)
    for name in _HASHES:
        if name in told:
            told[name] = _hex(told[name])
    if isinstance(after := told.get("updated_at"), int):
        told["updated_at"] = rfc3339((told["generation"] // 1_000 + after) * 1_000)
    record = {"document_id": document, **_usual(document, told), **_EMPTY, **told}
    record["made_by"] = maker(record["made_by"])
    return record


def source_of(kept: Kept) -> tuple[str, str]:
    """Return the SHA-256 of the bytes that a record's document was made of, and what made it."""
    told = kept if isinstance(kept, Mapping) else _named(kept[:3])
    return _hex(told.get("sha256", "")), maker(told.get("made_by", ""))


def maker(made_by: str) -> str:
    """Return as much of the name of a pipeline as records keep."""
    return made_by[:_MAKER]


def _named(kept: Sequence[Any]) -> dict[str, Any]:
    """Return by their names what a list keeps."""
    return {name: value for name, value in zip(FIELDS, kept, strict=False) if value is not None}


def _usual(document: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return values that fields have in most records."""
    sha256 = told.get("sha256", "")
    return {"text_blob": sha256, "source_blob": sha256, "file": document}


def _shortened(name: str, value: Any, record: Mapping[str, Any]) -> Any:
    """Return the value of a field as it is kept."""
    if name == "made_by":
        return maker(value)
    if name == "updated_at" and value is not None:
        return _after(value, record["generation"])
    if name in _HASHES and value is not None and _HEX.fullmatch(value):
        return base64.urlsafe_b64encode(bytes.fromhex(value)).decode().rstrip("=")
    return value


def _hex(name: str) -> str:
    """Return a hash that may be kept in base64 in hexadecimal digits."""
    return base64.urlsafe_b64decode(f"{name}=").hex() if len(name) == _SHORT else name


def _after(moment: str, generation: int) -> int | str:
    """Return how long after a generation a moment was, ms; what is no such moment as it is."""
    try:
        since = (datetime.fromisoformat(moment) - _EPOCH) // timedelta(milliseconds=1)
    except (TypeError, ValueError):
        return moment
    return since - generation // 1_000 if rfc3339(since * 1_000) == moment else moment
