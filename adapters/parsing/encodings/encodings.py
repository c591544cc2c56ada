"""Which encoding a text is in: by marks, declarations, letters, and last statistics."""

import codecs
import re
from collections.abc import Iterator
from typing import Final

from charset_normalizer import from_bytes

from adapters.parsing.encodings.alphabets import latin_code_page
from adapters.parsing.encodings.charsets import named, strict
from adapters.parsing.encodings.plausibility import best, plausibility
from adapters.parsing.shared.refusals import binary
from rag.errors import Unreadable

_HEAD = 4096  # bytes in which an encoding is declared
_SAMPLE = 65_536  # bytes that tell an encoding
_LETTERS = 16_384  # bytes whose letters tell a Latin code page
_JUDGED = 4096  # bytes that are decoded by every candidate
_DECLARED = re.compile(
    rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w.:-]{1,40})|<\?xml[^>]{0,200}encoding=[\"']([\w.-]{1,40})",
    re.IGNORECASE,
)
_BOMS: Final[tuple[tuple[bytes, str], ...]] = (  # UTF-32 first: its mark begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: (codec, language) of what texts without a mark were written in; of equals the first is taken.
_CANDIDATES: Final[tuple[tuple[str, str], ...]] = (
    *((codec, "") for codec in ("cp1251", "koi8_r", "koi8_u", "cp866", "iso8859_5")),
    *((codec, "") for codec in ("mac_cyrillic", "cp1253", "iso8859_7", "cp737", "mac_greek")),
    *((codec, "") for codec in ("cp1255", "iso8859_8", "cp862", "cp1256", "iso8859_6", "cp720")),
    *(("cp874", ""), ("cp932", "ja"), ("euc_jp", "ja"), ("gb18030", "zh"), ("big5hkscs", "zh")),
    *(("cp949", "ko"), ("cp1252", "")),
)
#: Bytes that stand for no sign in any of them, of which random bytes are a tenth.
_NEVER_TEXT: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_NOISE: Final = 0.02
#: Names of Python's codecs that the IANA registry or the WHATWG calls otherwise.
_NAMES: Final = {
    "utf-8-sig": "utf-8",
    "ascii": "utf-8",
    "utf-16-le": "utf-16le",
    "utf-16-be": "utf-16be",
    "utf-32-le": "utf-32le",
    "utf-32-be": "utf-32be",
    "cp932": "shift_jis",
    "shift-jis": "shift_jis",
    "shift-jis-2004": "shift_jis",
    "shift-jisx0213": "shift_jis",
    "cp949": "euc-kr",
    "johab": "euc-kr",
    "big5hkscs": "big5-hkscs",
    "mac-roman": "macintosh",
    "mac-cyrillic": "x-mac-cyrillic",
    "mac-latin2": "x-mac-ce",
    "cp874": "windows-874",
    "hz": "hz-gb-2312",
}
_ESCAPES: Final = ((b"\x1b$B", "iso2022_jp"), (b"\x1b$@", "iso2022_jp"), (b"\x1b$)C", "iso2022_kr"))
#: What is named instead where it decodes as well.
_NARROWER: Final = {"gb18030": "gbk", "big5hkscs": "big5"}
_ODD_NULS = 0.25  # share of zero bytes in one place of each pair that tells UTF-16
_MOSTLY_UTF8 = 0.9  # share of lines that have to be UTF-8 for the rest to be strays in it
_LIKELY = 0.6  # from which on a guess by letters needs no second opinion
_UNLIKELY = 0.45  # below it a guess is as good as none
_MUCH = 0.2  # share of bytes beyond ASCII above which a wrong guess spoils the text


def decoded(data: bytes) -> tuple[str, str]:
    """
    Decode text of unknown encoding; return it with the encoding's IANA name in lower case.

    A byte order mark decides, then the escapes of ISO 2022, UTF-8, the zero bytes of UTF-16 and
    UTF-32, an encoding declared in HTML or XML, UTF-8 with stray lines of another encoding, and
    last the letters that languages have, and statistics.

    Raises:
        Unreadable: `unsupported` where much of the text is beyond ASCII and no guess is likely.
    """
    text, codec = _read(data)
    return text, iana(codec)


def iana(codec: str) -> str:
    """Return the IANA name, lower case, of one of Python's codecs."""
    name = codec.lower().replace("_", "-")
    if name in _NAMES:
        return _NAMES[name]
    if name.startswith("cp125"):
        return f"windows-{name[2:]}"
    if name[:2] == "cp" and name[2:].isdigit():
        return f"ibm{name[2:]}"
    return name.replace("iso8859", "iso-8859").replace("iso2022", "iso-2022")


def _read(data: bytes) -> tuple[str, str]:
    """Decode by the first rule that fits."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace"), encoding
    for encoding in _told(data):
        if (text := strict(data, encoding)) is not None:
            return text, codecs.lookup(encoding).name
    if (declared := _declared(data)) and (read := named(data, declared)):
        return read[0], _narrowed(data, read[1])
    if (text := _strays(data)) is not None:
        return text, "utf-8"
    encoding = _guessed(data)
    return data.decode(encoding, errors="replace"), _narrowed(data, encoding)


def _narrowed(data: bytes, encoding: str) -> str:
    """Return the set that is named instead of a wide *encoding*, if it decodes as well."""
    narrow = _NARROWER.get(encoding, "")
    return narrow if narrow and strict(data, narrow) is not None else encoding


def _told(data: bytes) -> Iterator[str]:
    """Yield the encodings that a text without a mark declares."""
    for escape, encoding in _ESCAPES:
        if escape in data:
            yield encoding
    if wide := _wide(data):
        yield wide
    yield "utf-8"


def _declared(data: bytes) -> str:
    """Return the character set that HTML or XML declares, empty where that is a form of Unicode."""
    found = _DECLARED.search(data, 0, _HEAD)
    name = (found[1] or found[2]).decode("ascii") if found else ""
    return "" if name.lower().startswith("utf") else name


def _strays(data: bytes) -> str | None:
    """Decode UTF-8 in which single lines are of another encoding; None if it is no such text."""
    lines = data.split(b"\n")
    read = [strict(line, "utf-8") for line in lines]
    beyond = [line for line, got in zip(lines, read, strict=True) if got and not got.isascii()]
    good = sum(got is not None for got in read)
    if not beyond or good < _MOSTLY_UTF8 * len(lines):
        return None
    pairs = zip(lines, read, strict=True)
    return "\n".join(
        line.decode("cp1252", "replace") if got is None else got for line, got in pairs
    )


def _wide(data: bytes) -> str | None:
    """Return UTF-16 or UTF-32 without a mark, by where the zero bytes are; else None."""
    sample = data[: _SAMPLE - _SAMPLE % 4]
    pairs = len(sample) // 2
    if pairs == 0:
        return None
    high = sample[0::2].count(0) / pairs
    low = sample[1::2].count(0) / pairs
    if max(high, low) < _ODD_NULS:
        return None
    if len(data) % 4 == 0 and high >= _ODD_NULS and low >= _ODD_NULS:
        return "utf-32-be" if data[0] == 0 else "utf-32-le"
    if len(data) % 2 or min(high, low) > _ODD_NULS / 4:
        return None
    return "utf-16-be" if high > low else "utf-16-le"


def _guessed(data: bytes) -> str:
    """
    Guess a one-byte or East Asian encoding by its letters; western if there is too little.

    Raises:
        Unreadable: `unsupported`; `binary` where the bytes are no text in any encoding.
    """
    lines = [line for line in data[: 16 * _SAMPLE].split(b"\n") if not line.isascii()]
    sample = b"\n".join(lines)[:_SAMPLE]
    beyond = sum(byte > 127 for byte in sample)  # noqa: PLR2004 - ASCII's last
    if beyond < 2:  # noqa: PLR2004 - nothing to compare
        return "cp1252"
    # Statistics cannot tell Latin code pages apart; the letters of languages can.
    if page := latin_code_page(sample[:_LETTERS]):
        return page
    codec, score = best(_readings(_whole_lines(lines)))
    if score >= _LIKELY or beyond < 4:  # noqa: PLR2004 - too little for statistics
        return codec if score >= _LIKELY else "cp1252"
    other = _by_statistics(sample)
    rival = strict(sample, other)
    if rival is not None:
        likely = plausibility(rival[:_JUDGED], _language(other))
        if likely > score:
            codec, score = other, likely
    if score >= _UNLIKELY:
        return codec
    if beyond > _MUCH * len(sample):
        if len(_NEVER_TEXT.findall(sample)) > _NOISE * len(sample):
            raise binary()
        raise Unreadable(
            "unsupported",
            "The encoding of the text could not be told; save the file as UTF-8.",
        )
    return other


def _readings(sample: bytes) -> list[tuple[str, str, str]]:
    """Return (codec, text, language) for every candidate that decodes the sample."""
    read = [(codec, strict(sample, codec), language) for codec, language in _CANDIDATES]
    return [(codec, text, language) for codec, text, language in read if text is not None]


def _whole_lines(lines: list[bytes]) -> bytes:
    """Return the first of *lines*: cut between them, since a cut in a character spoils it."""
    taken: list[bytes] = []
    size = 0
    for line in lines:
        if taken and size + len(line) > _JUDGED:
            break
        taken.append(line)
        size += len(line) + 1
    return b"\n".join(taken)[: 16 * _JUDGED]


def _by_statistics(sample: bytes) -> str:
    """Return what charset_normalizer takes for the most likely, a name of Python's."""
    guesses = from_bytes(sample)
    likely = min(guesses, key=lambda guess: (round(guess.chaos, 2), -guess.coherence), default=None)
    if likely is None or "cp1252" in likely.could_be_from_charset:
        return "cp1252"  # of encodings that read alike the most usual, and never latin-1
    return likely.encoding


def _language(codec: str) -> str:
    """Return the language that an East Asian codec is for, empty for others."""
    for start, language in (
        *(("euc_jp", "ja"), ("shift", "ja"), ("cp932", "ja"), ("euc_jis", "ja")),
        *(("gb", "zh"), ("big5", "zh"), ("hz", "zh"), ("cp950", "zh")),
        *(("cp949", "ko"), ("euc_kr", "ko"), ("johab", "ko")),
    ):
        if codec.startswith(start):
            return language
    return ""
