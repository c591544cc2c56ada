"""Short texts in old encodings: read by the letters of their language, and named."""

import random

import pytest

from adapters.parsing.formats import parse
from tests.support.files.parsed_files import refused

RUSSIAN = "Ключ от склада у сторожа."  # noqa: RUF001
UKRAINIAN = "Ключі від підвалу є у сторожа."  # noqa: RUF001
GREEK = "Το κλειδί είναι στην αποθήκη."  # noqa: RUF001
HEBREW = "המפתח של המחסן אצל השומר."
ARABIC = "مفتاح المخزن عند الحارس."
THAI = "กุญแจอยู่ที่ห้องเก็บของ"
JAPANESE = "鍵は受付にあります。"
CHINESE = "仓库的钥匙在这里。"
TAIWANESE = "倉庫的鑰匙在這裡。"
KOREAN = "열쇠는 경비실에 있습니다."
GERMAN = "Der Schlüssel für die Kühlräume."
POLISH = "Klucz leży u stróża, gęś jest źle zważona."
TURKISH = "Anahtar güvenlik görevlisinde, şimdi değil."


@pytest.mark.parametrize(
    ("text", "codec", "name"),
    [
        (RUSSIAN, "koi8_r", "koi8-r"),
        (RUSSIAN, "cp1251", "windows-1251"),
        (RUSSIAN, "cp866", "ibm866"),
        (RUSSIAN, "iso8859_5", "iso-8859-5"),
        (RUSSIAN, "mac_cyrillic", "x-mac-cyrillic"),
        ("ВХОД ЗАКРЫТ", "koi8_r", "koi8-r"),
        ("Привет, мир", "koi8_r", "koi8-r"),
        (UKRAINIAN, "koi8_u", "koi8-u"),
        (GREEK, "cp1253", "windows-1253"),
        (HEBREW, "cp1255", "windows-1255"),
        (ARABIC, "cp1256", "windows-1256"),
        (ARABIC, "iso8859_6", "iso-8859-6"),
        (THAI, "cp874", "windows-874"),
        (JAPANESE, "euc_jp", "euc-jp"),
        (JAPANESE, "cp932", "shift_jis"),
        (JAPANESE, "iso2022_jp", "iso-2022-jp"),
        ("カタログ", "euc_jp", "euc-jp"),
        (CHINESE, "gbk", "gbk"),
        (CHINESE, "gb18030", "gbk"),
        (TAIWANESE, "big5", "big5"),
        (KOREAN, "euc_kr", "euc-kr"),
        (GERMAN, "cp850", "ibm850"),
        (GERMAN, "mac_roman", "macintosh"),
        (GERMAN, "cp1252", "windows-1252"),
        (POLISH, "cp852", "ibm852"),
        (POLISH, "iso8859_2", "iso-8859-2"),
        (POLISH, "cp1250", "windows-1250"),
        (TURKISH, "cp1254", "windows-1254"),
        ("20 °C ±2", "cp1252", "windows-1252"),
        ("plain", "ascii", "utf-8"),
        (GERMAN, "utf-8-sig", "utf-8"),
        (GERMAN, "utf-16", "utf-16"),
        (GERMAN, "utf-16-le", "utf-16le"),
        (GERMAN, "utf-32", "utf-32"),
    ],
)
def test_a_short_text_is_read_and_its_encoding_named(text: str, codec: str, name: str) -> None:
    document = parse(text.encode(codec), filename="a.txt")

    assert document.text == text
    assert document.encoding == name


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("no;town\n1;Kältetal\n2;Bonn\n".encode("cp1252"), "a.csv"),
        ("# Kälte\n".encode("cp1252"), "a.md"),
        ("<html><p>Kälte".encode("cp1252"), "a.html"),
        ('{"a": "Kälte"}'.encode("cp1252"), "a.json"),
    ],
)
def test_every_kind_of_text_names_its_encoding(data: bytes, name: str) -> None:
    document = parse(data, filename=name)

    assert document.encoding == "windows-1252"
    assert "Kälte" in document.text


def test_a_declared_encoding_is_named() -> None:
    page = '<html><head><meta charset="iso-8859-7"></head><body>Καλημέρα'
    document = parse(page.encode("iso-8859-7"), filename="a.html")

    assert document.encoding == "iso-8859-7"


@pytest.mark.parametrize("seed", range(5))
def test_bytes_that_no_encoding_makes_words_of_are_refused(seed: int) -> None:
    data = bytes(random.Random(seed).choices(range(128, 256), k=200))

    assert refused(data, "a.txt").reason in ("unsupported", "binary")


# A photograph whose first bytes are lost: to save it as UTF-8 would help nobody.
@pytest.mark.parametrize("seed", range(5))
def test_bytes_of_all_kinds_are_called_binary(seed: int) -> None:
    data = random.Random(seed).randbytes(20_000)

    error = refused(data, "photo.jpg")

    assert (error.reason, "UTF-8" in error.detail) == ("binary", False)
