"""
Models as callers name them: what answers here, a collection that it answers from, and aliases.

One generator answers for an installation. `quern` means it whatever it is, `quern:COLLECTION` the
same with passages of a collection, and an operator's aliases let programs run that name another
model.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from intake.v1.errors import Missing
from runtime.settings import Settings

#: Whatever answers.
USUAL: Final = "quern"
#: What answers where there is no language model, so that nobody takes it for one.
EXTRACTIVE: Final = "quern-extractive"
_BETWEEN: Final = ":"
_ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Model:
    """
    What a caller's name of a model means.

    Attributes:
        name: What answers.

        collection: What it answers from, by the caller's own name; None where it does not say.
    """

    name: str
    collection: str | None = None


def served_model(settings: Settings) -> str:
    """Return what answers is called: a folder's own name, not the way to it."""
    if settings.answerer == "extractive":
        return EXTRACTIVE
    folder = Path(settings.model)
    return (folder.name if folder.is_absolute() else settings.model) or USUAL


def model_names(settings: Settings) -> list[str]:
    """Return every name that is known without a collection: what answers first."""
    aliases = (name for name in settings.aliases if name != _ANY)
    return list(dict.fromkeys([served_model(settings), USUAL, *aliases]))


def of_collection(name: str) -> str:
    """Return the model that answers from a collection."""
    return USUAL + _BETWEEN + name


def model_named(given: str | None, settings: Settings) -> Model:
    """
    Return what a name means; None means what answers.

    Raises:
        Missing: Nothing here has that name.
    """
    served = served_model(settings)
    if given is None:
        return Model(served)
    aliases = settings.aliases
    name = given
    if name not in (USUAL, served) and not name.startswith(USUAL + _BETWEEN):
        name = aliases.get(name) or aliases.get(_ANY) or name
    if name in (USUAL, served):
        return Model(served)
    kind, _, collection = name.partition(_BETWEEN)
    if kind == USUAL and collection:
        return Model(served, collection)
    raise Missing(
        f"The model `{given}` does not exist; `{served}` answers here, and "
        "QUERN_MODEL_ALIASES may give it other names.",
        param="model",
        code="model_not_found",
    )
