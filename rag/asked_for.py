"""What kind of thing a question asks for, and whether a text holds such a thing."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from rag.weighty_words import Word, folded


class Kind(NamedTuple):
    """A kind of thing: how it is *asked* for, and what shows that it is *there*."""

    asked: re.Pattern[str]
    there: re.Pattern[str]


NUMBER_WANTED: Final = re.compile(
    r"\b(?:when|how (?:many|much|long|old|far|tall|high|large|big|often|fast)"
    r"|(?:what|which) (?:year|date|day|month|decade|century|percent|percentage|number|age))\b",
    re.IGNORECASE,
)
NUMBER: Final = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred"
    r"|thousand|million|billion|first|second|third|half|once|twice|never|always|annually)\b",
    re.IGNORECASE,
)

# English, German, Spanish, French; what is alike in others is found as well. The numbers of other
# languages are short words that mean other things elsewhere, so only those that do not are here.
_COUNT: Final = Kind(
    re.compile(
        r"\bhow (?:many|long|old|far|tall|high|large|big|often|fast|heavy|deep|wide)\b"
        r"|\bwie ?viele?\b|\bwie (?:hoch|lange?|groß|oft|weit|alt|schnell|schwer|tief)\b"
        r"|\bcuánt[oa]s?\b|\bcombien\b|\bquant[oiae]\b|\bhoeveel\b",
        re.IGNORECASE,
    ),
    re.compile(
        NUMBER.pattern
        + r"|\b(?:zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|zwölf|halb\w*|täglich"
        r"|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|doce|deux|trois|quatre|cinq|sept|huit"
        r"|neuf|dix|douze|jamais|several|few|many|all|both|every|each|single|daily|weekly|monthly"
        r"|yearly|hourly|years|decades|centuries|permanent\w*|forever|until|till)\b",
        re.IGNORECASE,
    ),
)
_TIME: Final = Kind(
    re.compile(
        r"\b(?:when|(?:what|which) (?:time|day|date|year|month|century|decade|weekday)|how late"
        r"|how early|by what time|wann|um wie ?viel uhr|an welchem tag|in welchem jahr"
        r"|cuándo|a qué hora|qué día|quand|(?:à )?quelle heure|quel jour"
        r"|quando|wanneer)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b[12]\d{3}\b|\b\d\d?(?:[:.h]\d\d\b|(?:st|nd|rd|th)\b|\.|/\d| ?[-\u2013] ?\d"
        r"| ?(?:am|pm|a\.m|p\.m|uhr|h|o'clock)\b)"
        r"|\b(?:at|by|until|till|from|since|um|bis|ab|seit|las|à) \d\d?\b"
        r"|\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|weekends?|weekdays?|january|february"
        r"|march|april|may|june|july|august|september|october|november|december|noon|midnight"
        r"|morning|evening|night|spring|summer|autumn|winter|easter|christmas|week|month|year|day"
        r"|century|centuries|decades?|weeks|months|years|days|hours?|minutes?|era|period|age"
        r"|tomorrow|today|yesterday|before|after|during|once|always|never|whenever|immediately"
        r"|montags?|dienstags?|mittwochs?|donnerstags?|freitags?|samstags?|sonntags?|januar"
        r"|februar|märz|mai|juni|juli|oktober|dezember|täglich|wochen?|monate?n?|jahre?n?"
        r"|tage?n?|mittag|abends?|morgens?|vor|nach|lunes|martes|miércoles|jueves|viernes"
        r"|sábados?|domingos?|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre"
        r"|octubre|noviembre|diciembre|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|janvier"
        r"|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre)\b",
        re.IGNORECASE,
    ),
)
_MONEY: Final = Kind(
    re.compile(
        r"\b(?:how much (?:does|do|did|is|was|are|will)|what (?:does|do|did|will|is) .{1,60}\bcost"
        r"|cost of|price|fare|fee|rent|salary|wages?|costs|how expensive|deposit"
        r"|was kostete?n?|wie ?viel kostete?n?|preis|miete|wie teuer|gebühr"
        r"|cuánto (?:cuesta|vale)n?|precio|combien coûte\w*|prix|tarif)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"[$€£¥₹%]|\d[.,]\d\d?(?!\d)|\b(?:eur|euros?|usd|dollars?|pounds?|gbp|chf|francs?"
        r"|cents?|pence|pesos?|yen|kronor|kroner|percent|price\w*|cost\w*|fees?|fares?|paid|pays?"
        r"|free|worth|rent|salary|deposit|rate|preis\w*|kost\w*|kostenlos|prozent|precio\w*|gratis"
        r"|prix|gratuite?|million|billion|thousand)\b|(?:_|\b)(?:eur|usd|gbp)\b",
        re.IGNORECASE,
    ),
)
_PERSON: Final = Kind(
    re.compile(
        r"^\W*(?:(?:by|to|from|with|for|bei|von|mit|an|für|a|con|de|par|avec) )?"
        r"(?:who|whom|whose|wer|wem|wen|wessen|quién(?:es)?|qui|chi|wie is|quem)\b",
        re.IGNORECASE,
    ),
    # A name: a capital inside a sentence, after a key of a record, an address, or one who.
    re.compile(
        r"(?<=[^\W_][ :;,(\"'|=])[^\W\d_a-z][^\W\d_]|[:;|=,] ?\"?[^\W\d_a-z]|@|\bby \w"
        r"|\b(?:nobody|no one|everyone|everybody|anyone|each|all|people|children|members?"
        r"|\w+(?:ers|ors|ists|ians))\b"
    ),
)
_TELEPHONE: Final = Kind(
    re.compile(
        r"\b(?:(?:tele)?phone|telefon\w*|teléfono|téléphone|hotline|fax|mobile)\b",
        re.IGNORECASE,
    ),
    re.compile(r"(?:\d[\s/().-]{0,2}){6}|\bextension\b|\btel\b|phone|telefon", re.IGNORECASE),
)
_MAIL: Final = Kind(
    re.compile(r"\b(?:e-?mail|mail address|correo electrónico|courriel)\b", re.IGNORECASE),
    re.compile(r"@|\be-?mail|correo|courriel", re.IGNORECASE),
)
_PAGE: Final = Kind(
    re.compile(r"\b(?:web ?sites?|url|home ?page|webseite|sitio web|site web)\b", re.IGNORECASE),
    re.compile(r"://|www\.|\.[a-z]{2,4}\b|\bweb|\burl\b", re.IGNORECASE),
)
_SECRET: Final = Kind(
    re.compile(
        r"\b(?:password|passcode|passwort|kennwort|contraseña|mot de passe|pin code"
        r"|(?:wi-?fi|wlan|door|access) (?:key|code))\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"passw|passc|kennwort|contrase|mot de passe|\bpin\b|secret|\bkey\b|\bcode\b", re.IGNORECASE
    ),
)
_KINDS: Final = (_COUNT, _TIME, _MONEY, _PERSON, _TELEPHONE, _MAIL, _PAGE, _SECRET)
#: What is looked at: kinds show early, and no text may make this slow.
_MOST: Final = 1_000


def lacks_what_is_asked(question: str, text: str) -> bool:
    """Tell whether *question* asks for a kind of thing that *text* does not hold."""
    asked, read = question[:_MOST], text[:_MOST]
    return any(kind.asked.search(asked) and not kind.there.search(read) for kind in _KINDS)


# Ways to ask for a thing by what it is: "who is the …", "how many …", "is there a …".
_ROLE: Final = re.compile(
    r"\b(?:how many|who (?:is|was|are|were) (?:the|your|our|their)"
    r"|what(?: is|'s| are| was) (?:the|your|our|their)|what does (?:the|an?)|is there an?|are there"
    r"|do you (?:have|sell|offer)"
    r"|how (?:long|high|much|big|old|far|large|tall) (?:is|are|was|were|does|do|did) (?:the|an?)?"
    r"|where (?:is|are|can i) (?:the)?"
    r"|wie ?viele?|wer ist (?:der|die|das)|gibt es(?: eine?n?)?|was kostet(?: der| die| das)?"
    r"|wie (?:hoch|lang|groß|lautet|heißt) (?:ist|sind)?(?: ?der| ?die| ?das)?"
    r"|wo ist (?:der|die|das)|quién es (?:el|la)|cuánt[oa]s|cuál es (?:el|la)"
    r"|cuánto cuesta (?:el|la)|dónde está (?:el|la)|qui est (?:le|la)|combien de"
    r"|quel(?:le)? est (?:le|la|l')|combien coûte (?:le|la|l'|une?)|y a-t-il une?)"
    r"\s*([^\W\d_][\w'-]*)",
    re.IGNORECASE,
)


def role_of(question: str, words: Sequence[Word]) -> int | None:
    """Return which of the *words* of *question* is what it asks for, if it says so: its chef."""
    match = _ROLE.search(question[:_MOST])
    if match is None:
        return None
    rest = folded(question[match.start(1) : _MOST])
    return next((at for at, word in enumerate(words) if rest.startswith(word.text)), None)
