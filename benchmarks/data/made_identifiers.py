"""Identifiers made by rule among near twins, in a sentence each: what a search is tried on."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

LETTERS: Final = "ABCDEFGHKLMNPRSTUVWXYZ"
FIGURES: Final = "0123456789"
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip

_ADJECTIVES: Final = (
    "narrow", "wide", "early", "late", "heavy", "light", "northern", "southern",
    "outer", "inner", "upper", "lower", "old", "new", "spare", "main",
)  # fmt: skip
_NOUNS: Final = (
    "valve", "ladder", "printer", "archive", "garage", "canteen", "tunnel", "gate", "pump", "shelf",
    "boiler", "scanner", "elevator", "lamp", "cabinet", "fence", "antenna", "parcel", "ticket",
    "menu", "calendar", "folder", "mailbox", "keyboard",
)  # fmt: skip
_CHANGES: Final = (
    "repairs", "removes", "renames", "hides", "checks", "copies", "moves", "paints"
)  # fmt: skip
_VERBS: Final = ("load", "send", "parse", "merge", "lock", "clean", "count", "sort")
_THINGS: Final = (
    "Order", "Ticket", "Report", "Invoice", "Token", "Folder", "Buffer", "Header"
)  # fmt: skip
_WAYS: Final = ("ByName", "ByDate", "WithRetry", "InParallel", "FromCache", "ToArchive")


@dataclass(frozen=True, slots=True)
class Made:
    """
    An identifier in a sentence.

    *others* are other spellings of it. *absent* is like it, and stands nowhere.
    """

    kind: str
    written: str
    others: tuple[str, ...]
    absent: str
    title: str
    sentence: str
    question: str  # with {} for an identifier

    @property
    def asked(self) -> str:
        """The question for it."""
        return self.question.format(self.written)

    @property
    def asked_absent(self) -> str:
        """The question for what stands nowhere."""
        return self.question.format(self.absent)


@dataclass(frozen=True, slots=True)
class Kind:
    """
    A kind of identifiers.

    Args:
        name: Of its figures.

        make: Makes one.

        twin: Makes one that is like another.

        spell: Tells in which ways one may be written; the first is how it stands in a document.

        title: Of the documents.

        sentence: With {id} and {what}.

        question: With {} for an identifier.
    """

    name: str
    make: Callable[[random.Random], str]
    twin: Callable[[random.Random, str], str]
    spell: Callable[[str], Sequence[str]]
    title: str
    sentence: str
    question: str


def made(count: int, *, seed: int = 5) -> list[Made]:
    """Make *count* identifiers of each kind, every second one a twin of the one before it."""
    chance = random.Random(seed)
    found = []
    for kind in KINDS:
        names = list(_names(kind, chance, count))
        taken = set(names)
        for name in names:
            absent = kind.twin(chance, name)
            while absent in taken:
                absent = kind.twin(chance, absent)
            written, *others = kind.spell(name)
            what = f"{chance.choice(_ADJECTIVES)} {chance.choice(_NOUNS)}"
            change = chance.choice(_CHANGES)
            sentence = kind.sentence.format(id=written, what=what, change=change)
            found.append(
                Made(
                    kind.name, written, tuple(others), kind.spell(absent)[0],
                    kind.title, sentence, kind.question,
                )
            )  # fmt: skip
    return found


def _names(kind: Kind, chance: random.Random, count: int) -> Iterator[str]:
    """Yield different identifiers."""
    taken: set[str] = set()
    last = ""
    while len(taken) < count:
        name = kind.twin(chance, last) if len(taken) % 2 else kind.make(chance)
        if name not in taken:
            taken.add(name)
            yield name
        last = name


def _some(chance: random.Random, signs: str, count: int) -> str:
    """Return *count* of *signs*."""
    return "".join(chance.choice(signs) for _ in range(count))


def _other_figure(chance: random.Random, name: str) -> str:
    """Change one figure, or let two neighbours change places; the first of a number is no 0."""
    places = [at for at, sign in enumerate(name) if sign.isdigit()]
    at = chance.choice(places[1:])
    if chance.random() < 0.5:
        before = places[places.index(at) - 1]
        if name[before] != name[at] and name[at] != "0":
            signs = list(name)
            signs[before], signs[at] = signs[at], signs[before]
            return "".join(signs)
    figure = chance.choice([one for one in FIGURES[1:] if one != name[at]])
    return f"{name[:at]}{figure}{name[at + 1 :]}"


def _version(chance: random.Random) -> str:
    """Make a version of three numbers."""
    return ".".join(str(chance.randint(1, 24)) for _ in range(3))


def _other_version(chance: random.Random, name: str) -> str:
    """Let the numbers of a version change places, or make one of them larger."""
    numbers = name.split(".")
    chance.shuffle(numbers)
    if ".".join(numbers) == name:
        at = chance.randrange(3)
        numbers[at] = str(int(numbers[at]) + chance.randint(1, 9))
    return ".".join(numbers)


def _part(chance: random.Random) -> str:
    """Make a part number."""
    return f"{_some(chance, LETTERS, 2)}-{chance.randint(1000, 9999)}/{_some(chance, LETTERS, 1)}"


def _other_part(chance: random.Random, name: str) -> str:
    """Change a figure or the last letter of a part number."""
    if chance.random() < 0.5:
        return name[:-1] + chance.choice(LETTERS.replace(name[-1], ""))
    return _other_figure(chance, name)


def _flaw(chance: random.Random) -> str:
    """Make the number of a flaw."""
    return f"CVE-{chance.randint(2015, 2025)}-{chance.randint(1000, 49999)}"


def _other_flaw(chance: random.Random, name: str) -> str:
    """Change a figure behind the year."""
    return name[:9] + _other_figure(chance, name[9:])


def _other_hex(chance: random.Random, name: str) -> str:
    """Change one sign of a code behind its first."""
    at = chance.randrange(3, len(name))
    return f"{name[:at]}{chance.choice('0123456789ABCDEF'.replace(name[at], ''))}{name[at + 1 :]}"


def _day(chance: random.Random) -> str:
    """Make a date, as ISO 8601 writes it."""
    return str(date(2015, 1, 1) + timedelta(days=chance.randrange(4000)))


def _other_day(chance: random.Random, name: str) -> str:
    """Take a day, a month or a year that is near."""
    days = chance.choice((1, -1, 10, 31, -30, 365, -366))
    return str(date.fromisoformat(name) + timedelta(days=days))


def _dates(name: str) -> list[str]:
    """Return how a date is written."""
    day = date.fromisoformat(name)
    month = MONTHS[day.month - 1]
    return [
        f"{day.day} {month} {day.year}",
        name,
        f"{day.day:02}.{day.month:02}.{day.year}",
        f"{month} {day.day}, {day.year}",
    ]


def _symbol(chance: random.Random) -> str:
    """Make the name of a function."""
    return chance.choice(_VERBS) + chance.choice(_THINGS) + chance.choice(_WAYS)


def _other_symbol(chance: random.Random, name: str) -> str:
    """Change one part of a function's name."""
    verb = next(one for one in _VERBS if name.startswith(one))
    way = next(one for one in _WAYS if name.endswith(one))
    thing = name[len(verb) : -len(way)]
    parts = [
        (chance.choice(_VERBS), thing, way),
        (verb, chance.choice(_THINGS), way),
        (verb, thing, chance.choice(_WAYS)),
    ]
    return "".join(chance.choice(parts))


def _symbols(name: str) -> list[str]:
    """Return how the name of a function is written."""
    words = "".join(f" {one.lower()}" if one.isupper() else one for one in name)
    return [name, words.replace(" ", "_"), words, words.replace(" ", "-")]


KINDS: Final = (
    Kind(
        "versions", _version, _other_version, lambda name: [f"v{name}", name, f"version {name}"],
        "Release notes", "Release {id} {change} the {what}.", "What changed in {}?",
    ),
    Kind(
        "parts", _part, _other_part,
        lambda name: [
            name, name.replace("-", "").replace("/", ""), name.replace("-", " ").replace("/", " "),
            name.lower(), name.replace("/", "-"),
        ],
        "List of parts", "Part {id} is the {what}.", "What is part {}?",
    ),
    Kind(
        "serials", lambda chance: f"{chance.randint(1000000, 9999999)}-{chance.randint(1, 9)}-1",
        _other_figure, lambda name: [name, name.replace("-", "/"), name.replace("-", " ")],
        "Stock", "Number {id} is the {what}.", "What is number {}?",
    ),
    Kind(
        "codes", lambda chance: "0x8" + _some(chance, "0123456789ABCDEF", 7), _other_hex,
        lambda name: [name, name.lower()],
        "Error codes", "Error {id} means that the {what} is blocked.", "What does error {} mean?",
    ),
    Kind(
        "faults", lambda chance: f"{_some(chance, LETTERS, 3)}-{chance.randint(10000, 99999)}",
        _other_figure, lambda name: [name, name.replace("-", ""), name.replace("-", " ").lower()],
        "Faults", "Fault {id} says that the {what} is open.", "What does fault {} say?",
    ),
    Kind(
        "flaws", _flaw, _other_flaw,
        lambda name: [name, name.lower(), name.replace("-", " "), name.replace("-", "_")],
        "Advisory", "The flaw {id} lets a guest switch off the {what}.", "What is {} about?",
    ),
    Kind(
        "amounts", lambda chance: f"{chance.randint(10_000, 9_999_999):,}", _other_figure,
        lambda name: [name, name.replace(",", "."), name.replace(",", " "), name.replace(",", "")],
        "Payments", "EUR {id} was paid for the {what}.", "What was EUR {} paid for?",
    ),
    Kind(
        "dates", _day, _other_day, _dates,
        "Diary", "On {id} the {what} was delivered.", "What was delivered on {}?",
    ),
    Kind(
        "symbols", _symbol, _other_symbol, _symbols,
        "Functions", "The function {id} belongs to the {what}.",
        "What does the function {} belong to?",
    ),
)  # fmt: skip
