"""The words of a question in Chinese, Japanese and Korean that say what it is about."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

HAN: Final = r"\u3005\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_HIRAGANA: Final = r"\u3041-\u309f"
_KATAKANA: Final = r"\u30a1-\u30fa\u30fc-\u30ff"
_HANGUL: Final = r"\uac00-\ud7a3"
#: What is written in these scripts.
WRITTEN: Final = re.compile(f"[{HAN}{_HIRAGANA}{_KATAKANA}{_HANGUL}]+")
_JAPANESE: Final = re.compile(f"[{_HIRAGANA}{_KATAKANA}]")
_OF_JAPANESE: Final = re.compile(f"[{HAN}]+|[{_KATAKANA}]+")
_OF_HAN: Final = re.compile(f"[{HAN}]+")
_EOJEOL: Final = re.compile(f"[{_HANGUL}]+")

#: Of a sign in a run without blanks, which is half a word.
OF_A_SIGN: Final = 0.5
#: Code points of a run of katakana from which on a part of it may stand for it.
_LONG: Final = 5
_PART: Final = 3

# What asks, with what is counted behind it: "how many sheets".
_ASKED_IN_JAPANESE: Final = re.compile(
    r"(?:何|幾)(?:曜日|時間|時|分|日|月|年|歳|階|台|冊|枚|本|個|回|度|人|名|件|泊|円|番|点|杯|匹|種類)?|誰"
)
#: A sign before syllables that are no particle begins a verb or an adjective: 食べます, 新しい.
_PARTICLE: Final = re.compile(r"(?:は|が|を|に|の|で|と|も|へ|や|か|から|まで|より|だけ|など|です)")
_SYLLABLES: Final = re.compile(f"[{_HIRAGANA}]{{1,4}}")
_DOES: Final = re.compile("[さしすせ]|でき|いた")
_LIGHT_WORDS: Final = (
    "前 後 時 方 人 事 物 所 中 上 下 内 外 日 年 月 分 際 場合 以上 以下 以内 可能 必要 "
    "私 私達 我々"
)
_LIGHT_IN_JAPANESE: Final = frozenset(_LIGHT_WORDS.split())

# What asks or joins, with what is counted behind it.
_ASKED_IN_CHINESE: Final = re.compile(
    r"(?:什么|甚么|什麼)(?:时候|時候|时间|時間|地方)?|(?:为|為)(?:什么|什麼|何)|怎么样?|怎麼樣?|怎样|怎樣|如何"
    r"|多(?:少|久|长时间|長時間|长|長|大|远|遠|高|快|重|宽|深)"
    r"(?:个|個|天|年|月|次|元|钱|錢|块|人|名|位|岁|歲|层|層|楼|分钟|小时|种|件|本)?"
    r"|(?:几|幾)(?:点|點|个|個|天|年|月|号|號|次|位|层|層|楼|人|名|岁|歲|种|種|件|页|台|本|张|小时|分钟)?"
    r"|哪(?:里|裡|裏|儿|些|个|個|天|年|位|种|一)?|谁|誰|是不是|有没有|有沒有|能不能|可不可以|是否|请问|請問"
    r"|可以|应该|應該|需要|必须|必須|能够|能夠|的时候|的時候|我们|我們|你们|你們|他们|他們|[的是了吗嗎呢吧么麼]"
)
#: What a run may begin or end with beside its words.
_BEGINS: Final = (
    "要能会會可须須把从從被到对對向给給将將就都也还還再又不没沒有在里裡和与與或及用找谁我你他她它"
)
_ENDS: Final = "里裡上中内內在有到过過着著要能会會和与與吗"
_LEAST: Final = 2

_ASKED_IN_KOREAN: Final = re.compile(
    r"(?:언제|어디|누구|누가|무엇|무슨|뭐|뭘|얼마|왜|어떻게|어떤|어느|몇).*"
)
_COUNTS_IN_KOREAN: Final = ("몇", "무슨", "어느", "어떤")
#: Being, doing and being able.
_LIGHT_IN_KOREAN: Final = re.compile(
    r"(?:있|없|하|합|해|할|한|되|됩|돼|될|된|입|이)(?:[습니나까요어으을는지야도다가던데면려])*"
    r"|수|것|것은|때|및|그리고|또는|또|더|가장|경우|경우에|제가|저는|우리|이|그|저"
)
#: A verb as questions end with, and one before "can" and "must".
_VERB: Final = re.compile(
    r".*(?:니까|나요|까요|어요|아요|여요|세요|는지|는가|은가요|려면|어야|아야|려야)"
)
_DOING: Final = re.compile(
    r"(.{2,})(?:합니까|하나요|할까요|해요|됩니까|되나요|하세요|하려면|하면|해야|하는|하고)"
)
_IS: Final = re.compile(r"(?:이?(?:입니까|인가요|에요|예요|입니다|인지|이라는))$")
_PARTICLES: Final = re.compile(
    r"(?:에서는|에서도|으로는|에게서|까지는|부터는|에서|에게|한테|께서|까지|부터|으로|보다|처럼|마다|밖에|이랑|하고"
    r"|[은는이가을를에의로와과도만])$"
)
_PARTICLES_OF_SHORT: Final = re.compile(r"[은는을를에]$")
_GROWN_ON: Final = "은는이가을를에의로와과도만 "
_SHORT: Final = 2  # syllables
_FINAL_RIEUL: Final = 8  # of the 28 finals of a syllable (Unicode, 3.12)


class Piece(NamedTuple):
    """
    A word, or a sign of a run of words without blanks.

    Args:
        spellings: Any of them stands for it in a text.

        weight: 1 for a word.

        text: The word, or the run.

        topic: Whether it is of the first one, which these languages begin a question with: what
            the question is about.
    """

    spellings: tuple[str, ...]
    weight: float
    text: str
    topic: bool = False


def pieces_of(question: str) -> list[Piece]:
    """
    Return the words of *question* that say what it is about, without what it asks with.

    Where words are written without blanks nobody can tell where one ends: of a run each sign
    counts, and a text holds it where it holds the sign with one of its neighbours. So a pair that
    belongs to two words need not be there. Particles and endings of Korean and syllables of
    Japanese say nothing; verbs of both are left out, as a text has them in other forms.
    """
    told = list(_in_korean(_EOJEOL.findall(question)))
    rest = _EOJEOL.sub(" ", question)
    told += _in_japanese(rest) if _JAPANESE.search(rest) else _in_chinese(rest)
    return [one._replace(topic=one.text == told[0].text) for one in told]


def _in_japanese(question: str) -> Iterator[Piece]:
    """Yield the words that are written in kanji and in katakana."""
    text = _ASKED_IN_JAPANESE.sub(" ", question)
    for run in _OF_JAPANESE.finditer(text):
        word = run[0]
        if not _OF_HAN.match(word):
            yield _foreign(word)
            continue
        if _is_inflected(text, run.end(), alone=len(word) == 1):
            word = word[:-1]
        if word and word not in _LIGHT_IN_JAPANESE:
            yield from _signs(word)


def _foreign(word: str) -> Piece:
    """Return a word in katakana, which one of its ends may stand for."""
    ends = (word[:_PART], word[-_PART:]) if len(word) >= _LONG else ()
    return Piece((word, *ends), 1.0, word)


def _is_inflected(text: str, end: int, *, alone: bool) -> bool:
    """Return True if an ending follows; behind several signs not one of `do`."""
    follows = _SYLLABLES.match(text, end)
    if follows is None or _PARTICLE.match(follows[0]):
        return False
    return alone or _DOES.match(follows[0]) is None


def _in_chinese(question: str) -> Iterator[Piece]:
    """Yield the words between what asks and what joins."""
    for run in _OF_HAN.findall(_ASKED_IN_CHINESE.sub(" ", question)):
        word = run
        while len(word) > _LEAST and word[0] in _BEGINS:
            word = word[1:]
        while len(word) > _LEAST and word[-1] in _ENDS:
            word = word[:-1]
        if len(word) > 1 or word not in _BEGINS + _ENDS:
            yield from _signs(word)


def _signs(run: str) -> Iterator[Piece]:
    """Yield each sign of a run, with the pairs that it is in."""
    if len(run) == 1:
        yield Piece((run,), OF_A_SIGN, run)
        return
    for at in range(len(run)):
        pairs = [run[start : start + 2] for start in (at - 1, at) if 0 <= start < len(run) - 1]
        yield Piece(tuple(pairs), OF_A_SIGN, run)


def _in_korean(words: list[str]) -> Iterator[Piece]:
    """Yield the nouns among words that have their particles with them."""
    for at, word in enumerate(words):
        if _ASKED_IN_KOREAN.fullmatch(word) or (at and words[at - 1] in _COUNTS_IN_KOREAN):
            continue
        before_can = at + 1 < len(words) and words[at + 1] in ("수", "것")
        noun = _noun(word, before_can=before_can)
        if len(noun) == 1:  # many a word begins with it
            yield Piece(tuple(noun + one for one in _GROWN_ON), 1.0, noun)
        elif noun:
            yield Piece((noun,), 1.0, noun)


def _noun(word: str, *, before_can: bool) -> str:
    """Return a noun without what is grown on; of a verb that is no noun with `do`, nothing."""
    if _LIGHT_IN_KOREAN.fullmatch(word):
        return ""
    if doing := _DOING.fullmatch(word):
        return doing[1]
    if before_can and _final(word[-1]) == _FINAL_RIEUL:
        return word[:-1] if word[-1] in "할될" and len(word) > _SHORT else ""
    bare = _IS.sub("", word)
    if bare == word and _VERB.fullmatch(word):
        return ""
    if len(bare) > _SHORT:
        return _PARTICLES.sub("", bare) or bare
    return _PARTICLES_OF_SHORT.sub("", bare) or bare


def _final(syllable: str) -> int:
    """Return the number of the final consonant of a syllable of Hangul, 0 for none."""
    return (ord(syllable) - 0xAC00) % 28
