"""Character sets by the names that pages and mail declare, taken as browsers take them."""

import codecs
import re
from typing import Final

#: A declared set, by Python's name, and the wider one that programs which declare it really write
#: (WHATWG Encoding Standard, 4.2).
_WIDER: Final = {
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
}
#: Names that Python does not know.
_NAMES: Final = {
    "iso-8859-8-i": "iso8859_8",
    "iso-8859-8-e": "iso8859_8",
    "logical": "iso8859_8",
    "visual": "iso8859_8",
    "iso-8859-6-i": "iso8859_6",
    "iso-8859-6-e": "iso8859_6",
    "ks_c_5601-1989": "cp949",
    "x-windows-949": "cp949",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "x-euc-jp": "euc_jp",
    "x-gbk": "gb18030",
    "x-x-big5": "big5hkscs",
    "cn-big5": "big5hkscs",
    "cn-gb": "gb18030",
    "dos-874": "cp874",
    "windows-874": "cp874",
    "x-mac-roman": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "x-mac-ukrainian": "mac_cyrillic",
    "x-mac-ce": "mac_latin2",
    "unicode-1-1-utf-8": "utf-8",
    "utf8mb4": "utf-8",
    "unicodefffe": "utf-16-be",
    "unicode": "utf-16",
}
_PAGE = re.compile(r"(?:x-)?(?:cp|ibm|dos|windows|win)[-_ ]?(\d{3,4})")
#: Of these a name says nothing: programs put them where they know none, and more is seen with them.
_VAGUE: Final = frozenset({"ascii", "utf-7"})
#: Python's own, which are no character sets.
_NONE: Final = frozenset(
    {"unicode-escape", "raw-unicode-escape", "punycode", "idna", "undefined", "mbcs", "oem"}
)
_WESTERN: Final = frozenset({"cp1252", "cp1254", "iso8859-15"})
_STRAY = re.compile("[\udc80-\udcff]")


def named(data: bytes, name: str) -> tuple[str, str] | None:
    """
    Decode by a declared *name* of a character set; return text and Python's name of the set taken.

    Bytes that are UTF-8 are taken for that where a western set is declared, or a wide form of
    Unicode that would need zeros; single stray bytes in UTF-8 are read as Windows-1252. None where
    the name is unknown, says nothing or does not fit.
    """
    codec = _codec(name)
    if codec == "utf-8":
        text = _with_strays(data)
        return (text, codec) if text is not None else None
    if not codec:
        return None
    narrow = codec in _WESTERN and not data.isascii()
    wide = codec.startswith(("utf-16", "utf-32")) and b"\0" not in data
    if (narrow or wide) and (text := strict(data, "utf-8")) is not None:
        return text, "utf-8"
    text = strict(data, codec)
    if text is None and codec.startswith("iso2022"):  # signs of Microsoft's own, which Python lacks
        text = data.decode(codec, "replace")
    return (text, codec) if text is not None else None


def strict(data: bytes, codec: str) -> str | None:
    """Decode without any error, or return None; also where there is no such *codec*."""
    try:
        return data.decode(codec)
    except (UnicodeError, LookupError):  # not only decode errors: `undefined` is a codec of Python
        return None


def _codec(name: str) -> str:
    """Return Python's name of the set that a declared name means; empty where it means none."""
    name = name.strip("\"' \t").lower()
    if page := _PAGE.fullmatch(name):
        name = f"cp{page[1]}"
    try:
        codec = codecs.lookup(_NAMES.get(name, name)).name
    except (LookupError, ValueError):  # the second: a zero in the name
        return ""
    codec = _WIDER.get(codec, codec)
    return "" if codec in _VAGUE or codec.replace("_", "-") in _NONE else codec


def _with_strays(data: bytes) -> str | None:
    """Decode UTF-8 in which a few bytes are of Windows-1252; None where they are not few."""
    text = data.decode("utf-8", "surrogateescape")
    strays = len(_STRAY.findall(text))
    if not strays:
        return text
    beyond = sum(not c.isascii() for c in text) - strays
    if strays > beyond:
        return None
    return _STRAY.sub(lambda found: _western(found[0]), text)


def _western(stray: str) -> str:
    """Return the letter of a byte that `surrogateescape` kept."""
    return stray.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
