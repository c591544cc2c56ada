"""A folder of short documents, made up and unlike one another: the same for the same numbers."""

import random
from pathlib import Path
from typing import Final

_SYLLABLES: Final = """
    ka lo mi ren tas vor el un dar shi po que ast ber con fil gra hol ind jur kel lum mar nov ost
    pra rin sol tur ver wen xan yor zel
"""
_PLAIN: Final = """
    the of and a in to was is for on with by from at as after before its this that their which
    council river engine harbour method winter report station theory metal border village archive
    signal garden treaty market bridge teacher valley measure record student island moved found
    built opened wrote carried closed changed grew ended began described paid
"""


def write_folder(folder: Path, files: int, *, seed: int = 1) -> list[Path]:
    """Write *files* texts of 50 to 130 tokens, one passage each."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for n in range(files):
        path = folder / f"{n // 100:03}" / f"note-{n:05}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(note(n, seed=seed), "utf-8")
        paths.append(path)
    return paths


def note(n: int, *, seed: int = 1) -> str:
    """Return the text of note *n*: some sentences of common words, names and numbers."""
    chance = random.Random(f"{seed}/{n}")
    names = ["".join(chance.choices(_SYLLABLES.split(), k=chance.randint(2, 3))) for _ in range(6)]
    sentences = []
    for _ in range(chance.randint(4, 8)):
        words = chance.choices(_PLAIN.split(), k=chance.randint(6, 11))
        words.insert(chance.randrange(len(words)), chance.choice(names).capitalize())
        if chance.random() < 0.4:
            words.append(str(chance.randint(2, 2_000)))
        sentences.append(" ".join(words).capitalize() + ".")
    return f"Note {n} on {names[0].capitalize()}. " + " ".join(sentences) + "\n"
