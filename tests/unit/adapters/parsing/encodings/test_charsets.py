"""Declared character sets are read as browsers read them: the wider set, and no letter lost."""

# ruff: noqa: E501 - a case is a line

import pytest

from adapters.parsing.encodings.charsets import named
from adapters.parsing.formats import parse

HEAD = b"From: ann@example.org\nTo: bo@example.org\nSubject: Pump\nMIME-Version: 1.0\n"


def mail_body(charset: str, body: bytes) -> str:
    head = HEAD + f"Content-Type: text/plain; charset={charset}\n\n".encode()
    return parse(head + body + b"\n", filename="x").text.split("\n\n")[-1]


@pytest.mark.parametrize(
    ("charset", "body", "read"),
    [
        ("iso-8859-1", b"\x93open\x94 \x97 \x80 5, caf\xe9", "“open” — € 5, café"),
        ("latin1", b"\x96 \x85", "\u2013 …"),
        ("iso-8859-9", b"\x93\xfe\xf0\x94", "“şğ”"),
        ("iso-8859-8-i", b"\xf9\xec\xe5\xed", "שלום"),
        ("ks_c_5601-1987", b"\xb0\xa1 \x81\x41", "가 갂"),
        ("gb2312", "镕基 你好".encode("gbk"), "镕基 你好"),
        ("shift_jis", "①日本".encode("cp932"), "①日本"),
        ("cp-850", b"d\x82bit", "débit"),
        ("x-mac-roman", b"caf\x8e", "café"),
        ("utf8mb4", "café".encode(), "café"),
        ("utf-8", "café, naïve, a stray ".encode() + b"\x96 here", "café, naïve, a stray \u2013 here"),
        ("windows-1252", "Übergröße für Gerät".encode(), "Übergröße für Gerät"),
        *((name, "größer".encode(), "größer") for name in ("undefined", "unicode_escape", "idna")),
        ("us-ascii", "größer".encode(), "größer"),
        ("unicode", "größere".encode(), "größere"),
        ("iso-2022-jp", b"\x1b$B-!F|K\\\x1b(B", "\ufffd日本"),
    ],
)  # fmt: skip
def test_mail_is_read_by_what_its_charset_stands_for(charset: str, body: bytes, read: str) -> None:
    assert mail_body(charset, body) == read


@pytest.mark.parametrize(
    ("charset", "said", "read", "encoding"),
    [
        ("iso-8859-1", b"\x93open\x94 \x80 5 \x96 caf\xe9", "“open” € 5 \u2013 café", "windows-1252"),
        ("undefined", "größer".encode("cp1252"), "größer", "windows-1252"),
        ("gb2312", "镕基".encode("gbk"), "镕基", "gbk"),
    ],
)  # fmt: skip
def test_a_page_is_read_by_what_its_charset_stands_for(
    charset: str, said: bytes, read: str, encoding: str
) -> None:
    page = b"<html><head><meta charset=%s></head><body><p>%s</p>" % (charset.encode(), said)
    document = parse(page, filename="x.html")

    assert document.text == read
    assert document.encoding == encoding


def test_words_of_a_header_are_read_in_the_wider_set_too() -> None:
    head = HEAD.replace(b"Pump", b"=?iso-8859-1?q?=93Pump=94_=80_5?=")

    assert parse(head + b"\nText.\n", filename="x").title == "“Pump” € 5"


@pytest.mark.parametrize("name", ["", "nonsense", "a\0b", "ascii", "punycode", "base64", "rot13"])
def test_names_that_say_nothing_decode_nothing(name: str) -> None:
    assert named(b"abc", name) is None


def test_bytes_that_are_mostly_no_utf8_are_none() -> None:
    assert named(b"\xe9\xe8\xea caf\xc3\xa9", "utf-8") is None
