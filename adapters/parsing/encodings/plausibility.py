"""How much a text looks like one that somebody wrote: the letters of languages, and no mixtures."""

import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Final

_USUAL: Final = 1.0
_KNOWN: Final = 0.55
_RARE: Final = 0.1
_SIGN: Final = 0.3  # a sign that texts have: quotes, dashes, degrees
_ODD: Final = -0.6  # box drawing, other signs and half-width letters
_IMPOSSIBLE: Final = -2.0  # a control character, a place that no character has
_MIXED: Final = 0.8  # taken off where two scripts meet in a word, or a capital follows a letter

# The usual letters of a script, then the others that its languages have; each from counts of
# running text (Russian, Greek, Hebrew, Arabic, Thai).
_ALPHABETS: Final[tuple[tuple[str, str], ...]] = (
    ("оеаинтсрвлкмдпуяьы", "гзбчйхжшюцщэфъёіїєґўђјљњћџѓќѕ"),
    ("αοιετσνηυρπκμλςωάέίόήύ", "γδχθφβξζψώϊϋΐΰ"),
    ("יוהלארתשמבנדםעח", "כקפטגסןזצךץף"),
    ("اليمونرتبةعدسفهكق", "حجأشصضخذثطظغئىزءإآؤپچژگکیًٌٍَُِّْـ"),
    ("นรากเงอทมยลวดสตะปบคหกั่ี้ไิ์จแ", "ขใพุูโชซธศษณถผภฟญฉำืึ็"),
)
_LEADING: Final = frozenset("เแโใไ")  # Thai vowels that stand before their consonant
_SIGNS: Final = frozenset(
    "«»“”„‘’–—…№°§·•€£¥©®™±²³½µ×¿¡、。「」『』（），！？：；・ー〜～％　《》【】"  # noqa: RUF001
)
_WITHIN: Final = frozenset("’‘–—·•・ー")  # noqa: RUF001 - signs that stand within words
_FINAL_LETTERS: Final = frozenset("ךםןףץς")
# The characters that come most often in running text, of about half of which it consists.
_OFTEN: Final[dict[str, frozenset[str]]] = {
    "ja": frozenset(
        "日一国人年大十二本中長出三時行見月分後前生五間上東四今金入学高円子外来気小山話女北午書先名"
        "川水半男西電校語土木聞食車何南万毎白天母火右読友休父雨会社場所部京都市事者方同手自新田業"
        "定用法要理通発合力目全理情報内確認必"
    ),
    "zh": frozenset(
        "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里"
        "用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从"
        "想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应"
        "請這個們來為國說時會對後裡種經麼沒動還進樣開從實軍無與長機關點業將兩間問應發過現當給電話請區"
        "市本新請年月号號请电话区价格产品服务信息文件系统数据"
    ),
    "ko": frozenset(
        "이다는을의에가고하지로기사를은도나리시어한자아대인일들해그과수정서스부장있제전주보으구조안원여라"
        "상동소게성니요만면중공위화유비신관국경세문오연무내계등마모개합습방회분실우간용년월교생미선학"
    ),
}
#: Codec in which the lead byte tells the common characters of a language, and the last of those.
_LEVELS: Final[dict[str, tuple[tuple[str, int, int], ...]]] = {
    "ja": (("euc_jp", 0xB0, 0xCF),),
    "zh": (("gb2312", 0xB0, 0xD7), ("big5", 0xA4, 0xC6)),
    "ko": (("euc_kr", 0xB0, 0xC8),),
}


def plausibility(text: str, language: str = "") -> float:
    """
    Return how likely somebody wrote *text*, by its characters beyond ASCII: 1 is sure, 0 is noise.

    *language* is `ja`, `zh` or `ko` where the encoding that gave the text is one of that language's
    alone. A text of ASCII is sure.
    """
    total, count = 0.0, 0
    first, before = " ", " "
    for c in text:
        if c > "\x7f":
            total += _weight(c, language) - _clash(before, c)
            count += 1
        elif before > "\x7f" and c.isalpha():
            total -= _clash(before, c)
        if before > "\x7f" and c > "\x7f" and _script(first) and _script(c):
            total -= 0.0 if _script(before) or before in _WITHIN else _MIXED
        first, before = before, c
    return total / count if count else 1.0


@cache
def _weight(c: str, language: str) -> float:
    """Return how usual a character beyond ASCII is in texts."""
    script = _script(c)
    if script == "cjk":
        return _ideograph(c, language)
    if script == "kana":
        return _USUAL if language == "ja" else _ODD
    category = unicodedata.category(c)
    if category[0] in "LM":
        return _letter(c.lower(), script)
    if category in ("Cc", "Cn", "Co", "Cs"):
        return _IMPOSSIBLE
    if c in _SIGNS:
        return _ODD if c >= "\u3000" and not language else _SIGN
    return _RARE if category[0] == "P" else _ODD


def _letter(lower: str, script: str) -> float:
    """Return how usual a letter or mark of an alphabet is."""
    for usual, others in _ALPHABETS:
        if lower in usual:
            return _USUAL
        if lower in others:
            return _KNOWN
    return {"latin": _KNOWN, "thai": _RARE}.get(script, _ODD)


def _ideograph(c: str, language: str) -> float:
    """Return how usual a Chinese character or a Korean syllable is in its language."""
    if c in _OFTEN.get(language, ()):
        return _USUAL
    if language == "ko" and not "\uac00" <= c <= "\ud7a3":
        return _ODD  # Chinese characters: hardly written in Korean any more
    for codec, first, last in _LEVELS.get(language, ()):
        try:
            if first <= c.encode(codec)[0] <= last:
                return _KNOWN
        except UnicodeEncodeError:
            continue
    return _RARE


@cache
def _script(c: str) -> str:
    """Return the script of a letter in one word, empty for all other characters."""
    if c < "\x80":
        return "latin" if c.isalpha() else ""
    if "\u3040" <= c <= "\u30ff":
        return "kana" if c not in "・ー" else ""
    if "\u3400" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7a3" or "\uf900" <= c <= "\ufaff":
        return "cjk"
    if "\u0e00" <= c <= "\u0e7f":
        return "thai" if c not in "฿๏๚๛" else ""
    if not c.isalpha():
        return ""
    return unicodedata.name(c, "x").split()[0].lower()


@cache
def _clash(before: str, c: str) -> float:
    """Return what is taken off where two characters do not follow each other in a word."""
    one, two = _script(before), _script(c)
    if "thai" in (one, two) and _out_of_order(before, c, one == two):
        return _MIXED
    if not one or not two:
        return 0.0
    if one != two:
        return 0.0 if {one, two} <= {"cjk", "kana", "latin"} else _MIXED
    if before in _FINAL_LETTERS or (before.islower() and c.isupper()):
        return _MIXED
    # Seldom do two marked letters of the Latin script follow each other.
    return _MIXED / 2 if one == "latin" and min(before, c) > "\x7f" else 0.0


def _out_of_order(before: str, c: str, within: bool) -> bool:
    """Return True for Thai signs without their consonant; *within*: both are Thai."""
    above = unicodedata.category(c) == "Mn"
    if before in _LEADING:
        return not within or above or c in _LEADING
    return above and not within


def best(candidates: Iterable[tuple[str, str, str]]) -> tuple[str, float]:
    """Return the name of the most plausible of (name, text, language), and how plausible it is."""
    scored = [(plausibility(text, language), name) for name, text, language in candidates]
    score, name = max(scored, key=lambda pair: pair[0], default=(-1.0, ""))
    return name, score
