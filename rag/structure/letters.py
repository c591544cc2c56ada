"""What stands around the text of a letter or a message: sender, addressee, date, signature."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from rag.structure.headings import is_closing, is_greeting
from rag.terms.analysis import terms
from rag.text.plain import without_markup

SENDER, SIGNER, ADDRESSEE = "sender", "signer", "addressee"
DATE, SUBJECT, GREETING = "date", "subject", "greeting"

#: Code points of a line of a letterhead or a signature; lines of one; lines before a greeting.
_LONGEST, _MOST, _HEAD = 70, 6, 24

_MONTH = r"[A-Za-z\u00e4\u00e9\u00fb\u00e7]{3,10}"
_DAY = re.compile(
    r"(?:(?:date|datum|fecha|dated)\s*:\s*|[^\d\n,:]{2,40},\s*(?:den |le |a "
    r")?)?(?:[A-Za-z]{3,9},? )?"
    rf"(?:\d{{1,2}}(?:st|nd|rd|th|er)?\.? (?:of |de )?{_MONTH}\.?,? (?:del? )?\d{{4}}"
    rf"|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}"
    r"|\d{4}-\d\d-\d\d|\d{1,2}[./-] ?\d{1,2}[./-] ?(?:\d{2}|\d{4}))",
    re.IGNORECASE,
)
_FIELDS = {
    SENDER: "from sender von absender de remitente exp\u00e9diteur da mittente van afzender",
    ADDRESSEE: "to recipient an empf\u00e4nger para destinatario \u00e0 a destinataire aan",
    DATE: "date sent datum gesendet fecha enviado envoy\u00e9 data verzonden",
    SUBJECT: "subject re betreff betr asunto objet oggetto onderwerp assunto",
}
_ROLES = {name: role for role, names in _FIELDS.items() for name in names.split()}
_FIELD = re.compile(r"[*_>\s]{0,8}([^\W\d_]{1,12})\.?[*_]{0,2}\s?:[*_]{0,2}\s+\S")
_TITLE = re.compile(r"^(Herrn?|Frau|Mr\.?|Ms\.?|Mrs\.?|Dr\.?|M\.|Mme|Sra?\.?), ")
_ENDS_SENTENCE = re.compile(r"[a-z\u00df-\u00ff]{4,}[.!?]$|[:;]$")
#: Behind the comma of a closing that has the name on its line.
_NAME = re.compile(r",\s*(?=[^\W\d_a-z])(?=\S{2})")

_WRITING = (
    "sign signs signed signatory signature write writes wrote written send sends sent sender author"
    " mailed from dated date recipient addressed addressee receive received subject"
    " unterschrieben unterschrieb unterzeichnet unterzeichnete geschrieben schrieb verfasst"
    " gesendet geschickt schickte absender empf\u00e4nger adressiert gerichtet datum betreff "
    "datiert"
    " firma firm\u00f3 firmado firmada escribi\u00f3 escrito escrita envi\u00f3 enviado enviada "
    "remitente"
    " destinatario fecha asunto a signe sign\u00e9 sign\u00e9e \u00e9crit \u00e9crite "
    "envoy\u00e9 envoy\u00e9e exp\u00e9diteur"
    " destinataire date objet"
)
_LETTERS = (
    "letter letters brief briefes briefe schreiben schreibens carta cartas lettre lettres courrier"
)
_MESSAGES = (
    "e-mail e-mails email emails mail mails message messages nachricht correo correos mensaje"
    " mensajes courriel courriels"
)
_WHEN = re.compile(
    r"\b(?:when|(?:what|which) (?:date|day)|date|dated|wann|datum|datiert|cu\u00e1ndo|fecha"
    r"|quand)\b",
    re.IGNORECASE,
)
_TO = re.compile(
    r"\b(?:to whom|who(?:m|\b[^?]*\b(?:addressed|written))\b[^?]*\bto|who received|who gets|who got"
    r"|recipient|addressee|an wen|empf\u00e4nger|a qui\u00e9n|destinatari[oa]|\u00e0 qui"
    r"|destinataire)\b",
    re.IGNORECASE,
)
_TO_END = re.compile(r"\bwho(?:m)?\b[^?]*\bto\s*\??\s*$", re.IGNORECASE)
_FROM = re.compile(
    r"\b(?:who(?:m|se)?|wer|wessen|von wem|qui[e\u00e9]n(?:es)?|qui)\b"
    r"|\b(?:sender|author|signatory|signature|absender|remitente|exp\u00e9diteur)\b",
    re.IGNORECASE,
)
_SIGNED = re.compile(
    r"\b(?:sign(?:s|ed|ator(?:y|ies)|atures?)?|unterschr\w+|unterzeichn\w+|firm(?:a|\u00f3|ado|ada)"
    r"|sign\u00e9e?)\b",
    re.IGNORECASE,
)
_ABOUT = re.compile(r"\b(?:subject|betreff|asunto|objet)\b", re.IGNORECASE)


class LetterPart(NamedTuple):
    """
    A part of a letter, `text[start:end]`: what it tells, and how it is told on one line.

    *field* tells that it is one of a message's head.
    """

    start: int
    end: int
    role: str
    told: str
    field: bool = False


class AskedOfLetter(NamedTuple):
    """What of a letter a question asks for, empty for nothing, and the words that ask for it."""

    role: str
    words: frozenset[str]

    def of(self, part: LetterPart) -> frozenset[str]:
        """Return the words that ask for a part: who signs has sent it, too."""
        signed = part.role == SIGNER and self.role == SENDER
        if not (signed or part.role == self.role):
            return frozenset()
        return self.words - (_of_letters() if part.field else _of_messages())


def asked_of_letter(
    question: str, wanted: frozenset[str], languages: Sequence[str]
) -> AskedOfLetter:
    """
    Return which part of a letter *question* asks for, if it is about one.

    Args:
        question: As it was asked.

        wanted: Its terms.

        languages: Of the passages.
    """
    words = wanted & _stems(tuple(languages))
    role = _role(question) if words else ""
    return AskedOfLetter(role, words if role else frozenset())


@lru_cache(maxsize=1_024)
def letter_parts(text: str) -> tuple[LetterPart, ...]:
    """
    Return the parts of a letter or a message that stand around its text, in order.

    They are the fields of a message's head (`From: …`, two of them or more), and, where there is a
    greeting, the letterhead, the address and the date before it; behind the closing formula, the
    lines of the signature as one. Linear in the length of *text*.
    """
    if "\n" not in text:
        return ()
    lines = _lines(text)
    found = _fields(text, lines)
    for at, (start, end) in enumerate(lines):
        if start == end or end - start > 2 * _LONGEST:
            continue
        line = text[start:end]
        if not found and at <= _HEAD and is_greeting(line):
            found = [*_head(text, lines[:at]), LetterPart(start, end, GREETING, line)]
        elif line[-1] not in ".?:" and is_closing(line):
            found.extend(_signature(text, lines, at))
    return tuple(sorted(found))


def _role(question: str) -> str:
    """Return what of a letter is asked for."""
    if _ABOUT.search(question):
        return SUBJECT
    if _TO.search(question) or _TO_END.search(question):
        return ADDRESSEE
    if _FROM.search(question):
        return SIGNER if _SIGNED.search(question) else SENDER
    return DATE if _WHEN.search(question) else ""


@lru_cache(maxsize=64)
def _stems(languages: tuple[str, ...]) -> frozenset[str]:
    """Return the stems of words for writing and for letters, in some languages."""
    words = f"{_WRITING} {_LETTERS} {_MESSAGES}"
    return frozenset(stem for language in languages for stem in terms(words, language))


@lru_cache(maxsize=1)
def _of_letters() -> frozenset[str]:
    """Return the stems of words for letters alone."""
    return frozenset(stem for one in ("en", "de", "es", "fr") for stem in terms(_LETTERS, one))


@lru_cache(maxsize=1)
def _of_messages() -> frozenset[str]:
    """Return the stems of words for messages alone."""
    return frozenset(stem for one in ("en", "de", "es", "fr") for stem in terms(_MESSAGES, one))


def _lines(text: str) -> list[tuple[int, int]]:
    """Return the lines of a text without the blanks around them, empty ones too."""
    found, start = [], 0
    for line in text.split("\n"):
        bare = line.strip()
        first = start + line.find(bare) if bare else start
        found.append((first, first + len(bare)))
        start += len(line) + 1
    return found


def _fields(text: str, lines: Sequence[tuple[int, int]]) -> list[LetterPart]:
    """Return the fields of a message's head: two of them or more, one after the other."""
    run: list[LetterPart] = []
    found: list[LetterPart] = []
    for start, end in (*lines, (0, 0)):
        match = _FIELD.match(text, start, end)
        # Settings have keys such as `from`, too, in small letters.
        named = match is not None and match[1][0].isupper()
        role = _ROLES.get(match[1].lower()) if match and named else None
        if role:
            run.append(LetterPart(start, end, role, without_markup(text[start:end]), field=True))
            continue
        roles = {one.role for one in run}
        if len(roles) > 1 and roles & {SENDER, ADDRESSEE}:
            found += run
        run = []
    return found


def _head(text: str, lines: Sequence[tuple[int, int]]) -> Iterator[LetterPart]:
    """Yield the letterhead, the address and the date that stand in the lines before a greeting."""
    block: list[tuple[int, int]] = []
    roles = iter((SENDER, ADDRESSEE))
    for start, end in (*lines, (0, 0)):
        line = text[start:end]
        dated = 0 < len(line) <= _LONGEST and _DAY.fullmatch(line) is not None
        if line and not dated:
            block.append((start, end))
            continue
        if block and _is_block(text, block):
            role = next(roles, "")
            if role:
                yield _joined(text, block, role)
        block = []
        if dated:
            yield LetterPart(start, end, DATE, without_markup(line))


def _signature(text: str, lines: Sequence[tuple[int, int]], at: int) -> Iterator[LetterPart]:
    """Yield the lines below a closing formula as one part, or the name that stands on its line."""
    block: list[tuple[int, int]] = []
    for start, end in lines[at + 1 : at + 1 + 2 * _MOST]:
        if start == end:
            if block:
                break
            continue
        block.append((start, end))
    start, end = lines[at]
    name = _NAME.search(text, start, end)
    if name and name.end() < end:
        yield LetterPart(name.end(), end, SIGNER, without_markup(text[name.end() : end]))
    elif block and _is_block(text, block):
        yield _joined(text, block, SIGNER)


def _is_block(text: str, block: Sequence[tuple[int, int]]) -> bool:
    """Return True if lines are those of an address or a signature: few, short, no sentences."""
    return len(block) <= _MOST and all(
        end - start <= _LONGEST and not _ENDS_SENTENCE.search(text[start:end])
        for start, end in block
    )


def _joined(text: str, block: Sequence[tuple[int, int]], role: str) -> LetterPart:
    """Make one part of some lines."""
    told = ", ".join(without_markup(text[start:end]).rstrip(",") for start, end in block)
    told = _TITLE.sub(r"\1 ", told)
    return LetterPart(block[0][0], block[-1][1], role, told)
