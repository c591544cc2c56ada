"""What kind of thing a question asks for, and whether a text holds such a thing."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from rag.question_analysis.weighty_words import folded


class Kind(NamedTuple):
    """A kind of thing: how it is *asked* for, and what shows that it is *there*."""

    asked: re.Pattern[str]
    there: re.Pattern[str]


_NUMBER: Final = (
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred"
    r"|thousand|million|billion|first|second|third|half|once|twice|never|always|annually)\b"
)
# German, Spanish, French.
_NUMBER_WORDS: Final = (
    "zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|zwölf|täglich"
    "|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez"
    "|deux|trois|quatre|cinq|sept|huit|neuf|dix"
)
# The number of a clause or of an item, which tells no figure.
_LABEL: Final = re.compile(r"\s*(?:§+\s*\d+\w?|\d+(?:\.\d+)+|\d+[.)])\s")

# What speaks for a sentence that has it, and not against one that has it not. Prices are asked for
# too; in English, German, Spanish, French, Italian, Portuguese, Dutch and Scandinavian languages.
_FIGURE: Final = Kind(
    re.compile(
        r"\b(?:when|how (?:many|much|long|old|far|tall|high|large|big|often|fast)"
        r"|(?:what|which) (?:year|date|day|month|decade|century|percent|percentage|number|age)"
        r"|costs?|prices?|kostet|kosten|preis|cuestan?|precio|coûtent?|prix"
        r"|wann|wie\s?viele?\w?"
        r"|wie (?:lange?|hoch|groß|gross|weit|oft|alt|schwer|schnell|teuer|tief|breit)"
        r"|cuándo|cuánt[oa]s?|combien|quand|quant[oaei]|quando|wanneer"
        r"|hoeveel|hoe (?:lang|vaak|groot|hoog|ver)|hur (?:många|mycket|länge|ofta)"
        r"|när|hvor (?:mange|meget|mye|lenge|længe)|hvornår)\b",
        re.IGNORECASE,
    ),
    re.compile(
        rf"{_NUMBER}|\b(?:{_NUMBER_WORDS}|elf|hundert|tausend|jährlich|cien|mil)\b", re.IGNORECASE
    ),
)
_REASON: Final = Kind(
    re.compile(
        r"\b(?:why|warum|weshalb|wieso|por qué|pourquoi|perché|waarom|varför|hvorfor)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:because|due to|owing to|since|so that|in order to|reason\w*|caused?"
        r"|weil|denn|wegen|damit|aufgrund|grund|gründe"
        r"|porque|debido|ya que|para que|parce que|car|afin|perché"
        r"|omdat|vanwege|eftersom|fordi)\b",
        re.IGNORECASE,
    ),
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
        rf"{_NUMBER}|\b(?:{_NUMBER_WORDS}|halb\w*|doce|douze|jamais"
        r"|several|few|many|all|both|every|each|single|daily|weekly|monthly"
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
        r"(?<=[^\W_][ :;,(\"'|=])(?!(?:INFO|WARN|ERROR|DEBUG|FATAL))[^\W\d_a-z][^\W\d_]"
        r"|[:;|=,] ?\"?[^\W\d_a-z]|@|\bby \w"
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
_COLOUR: Final = Kind(
    re.compile(
        r"\b(?:(?:what|which) colou?rs?|welche farben?|qué color(?:es)?|de quelle couleur)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:hell|dunkel)?(?:red|green|blue|yellow|black|white|gr[ea]y|navy|orange|purple|violet"
        r"|brown|pink|silver|gold(?:en)?|steel|beige|turquoise|cream|crimson|rot|grün|blau|gelb"
        r"|schwarz|weiß|grau|braun|rosa|lila|roj[oa]|verde|azul|amarill[oa]|negr[oa]|blanc[oa]?"
        r"|gris|marrón|rouge|vert|bleu|jaune|noir)(?:e[nrsm]?|s|ish)?\b|colou?r|farb|couleur",
        re.IGNORECASE,
    ),
)
_KINDS: Final = (_COUNT, _TIME, _MONEY, _PERSON, _TELEPHONE, _MAIL, _PAGE, _SECRET, _COLOUR)
#: What is looked at: kinds show early, and no text may make this slow.
_MOST: Final = 1_000


def lacks_what_is_asked(question: str, text: str) -> bool:
    """Return True if *question* asks for a kind of thing that *text* does not hold."""
    asked, read = question[:_MOST], text[:_MOST]
    return any(kind.asked.search(asked) and not kind.there.search(read) for kind in _KINDS)


def asks_for_a_number(question: str) -> bool:
    """Return True if a question asks when, how many or how much."""
    return _FIGURE.asked.search(question) is not None


@lru_cache(maxsize=8_192)
def tells_a_number(text: str) -> bool:
    """Return True if a text has a number, beside the one that it may begin with as a clause."""
    label = _LABEL.match(text)
    return _FIGURE.there.search(text[label.end() :] if label else text) is not None


def asks_for_a_reason(question: str) -> bool:
    """Return True if a question asks why."""
    return _REASON.asked.search(question) is not None


def tells_a_reason(text: str) -> bool:
    """Return True if a text has a word with which reasons are given."""
    return _REASON.there.search(text) is not None


# Words for a kind of thing: what is of the kind is told without them.
_OF_A_KIND: Final = (
    (_COUNT, "number numbers anzahl zahl n\u00famero nombre"),
    (
        _TIME,
        "time date day year month hour hours uhrzeit datum tag jahr monat hora fecha heure jour",
    ),
    (
        _MONEY,
        "price prices fare fee fees charge charges rate preis gebuhr precio prix tarif amount",
    ),
    (_TELEPHONE, "phone telephone hotline telefon telefonnummer telefono"),
    (_MAIL, "email e-mail mail correo courriel"),
    (_PAGE, "website url homepage web webseite"),
    (_COLOUR, "colour color colours colors farbe couleur"),
)
_TOLD_BY: Final = {folded(word): kind for kind, words in _OF_A_KIND for word in words.split()}


def told_by_kind(word: str, text: str) -> bool:
    """Return True if a *word*, folded, names a kind of thing of which *text* holds one: a price."""
    kind = _TOLD_BY.get(word)
    return kind is not None and kind.there.search(text[:_MOST]) is not None
