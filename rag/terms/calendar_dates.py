"""Dates as people write them: names of months, and the ways in which a date is asked for."""

from typing import Final, NamedTuple

_NAMES: Final = (
    "january januar janvier januari enero gennaio janeiro jan ene genn",
    (
        "february februar fevrier f\u00e9vrier februari febrero febbraio fevereiro "
        "feb fev f\u00e9v febr"
    ),
    "march m\u00e4rz maerz mars maart marzo mar\u00e7o marts mar mrz",
    "april avril abril aprile apr avr abr",
    "may mai mei mayo maggio maio maj",
    "june juni juin junio giugno junho jun",
    "july juli juillet julio luglio julho jul juil",
    "august ao\u00fbt aout augustus agosto augusti aug ago",
    "september septembre septiembre settembre setembro sept sep",
    "october oktober octobre octubre ottobre outubro oct okt",
    "november novembre noviembre novembro nov",
    (
        "december dezember d\u00e9cembre decembre diciembre dicembre dezembro desember "
        "dec dez dic d\u00e9c"
    ),
)
_NUMBERS: Final = {name: number for number, names in enumerate(_NAMES, 1) for name in names.split()}
#: A month's name in small letters, of English, German, French, Italian, Spanish, Portuguese, Dutch
#: and the Scandinavian languages; a pattern without groups.
MONTH: Final = "|".join(sorted(_NUMBERS, key=len, reverse=True))
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_LAST_YEAR = 2999
_CENTURY = 70  # two figures below this are a year of this century


class Date(NamedTuple):
    """A day; *year* is 0 where none is told."""

    year: int
    month: int
    day: int

    @property
    def normal(self) -> str:
        """Write it as ISO 8601 does; without a year as `--03-05`."""
        year = f"{self.year:04}" if self.year else "-"
        return f"{year}-{self.month:02}-{self.day:02}"

    @property
    def ways(self) -> frozenset[str]:
        """Return what a text may ask for that means this day, or its year."""
        year, month, day = self
        told = {self.normal, f"--{month:02}-{day:02}", str(day)}
        if year:
            told |= {
                f"{year:04}",
                ambiguous(day, month, year),
                ambiguous(month, day, year),
                f"{day:02}.{month:02}.{year % 100:02}",
                f"{year:04}{month:02}{day:02}",
            }
        return frozenset(told)


def month_number(name: str) -> int:
    """Return 1 to 12 for a name that `MONTH` matches."""
    return _NUMBERS[name]


def date(year: int, month: int, day: int) -> Date | None:
    """Return the day, None where there is none such."""
    if not (1 <= month <= len(_DAYS) and 1 <= day <= _DAYS[month - 1] and year <= _LAST_YEAR):
        return None
    return Date(year, month, day)


def full_year(two_figures: int) -> int:
    """Return the year that two figures stand for."""
    return two_figures + (2000 if two_figures < _CENTURY else 1900)


def ambiguous(first: int, second: int, year: int) -> str:
    """Write a date whose day and month may be in either order."""
    return f"{first}/{second}/{year}"
