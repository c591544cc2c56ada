"""Which engines may embed on this host, in order, and why."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from adapters.embedding_models import processor
from adapters.embedding_models.model_weights import DEFAULT_MODEL
from adapters.embedding_models.onnx_form import IN_FLOAT32, IN_INT8, Precision
from rag.errors import Broken

T = TypeVar("T")

AUTO: Final = "auto"
SENTENCE_TRANSFORMERS: Final = "sentence-transformers"
#: Engine → the form of the model that it computes; None computes the model itself.
ENGINES: Final[Mapping[str, Precision | None]] = {
    "onnx-int8": IN_INT8,
    "onnx-float32": IN_FLOAT32,
    SENTENCE_TRANSFORMERS: None,
}


class Engine(NamedTuple):
    """
    What may compute embeddings here, and why.

    Args:
        name: As `QUERN_EMBEDDING_ENGINE` names it.

        why: The reason, as it follows a colon.
    """

    name: str
    why: str

    @property
    def precision(self) -> Precision | None:
        """The form that it computes; None computes the model itself."""
        return ENGINES[self.name]

    @property
    def told(self) -> str:
        """One plain line: what embeds here, and why."""
        if self.precision is None:
            return f"sentence-transformers: {self.why}"
        unit = f" with {processor.integer_unit()}" if self.precision is IN_INT8 else ""
        return f"{self.precision.name} on ONNX Runtime{unit}: {self.why}"

    def after(self, reason: str) -> "Engine":
        """Return this engine as the one that is left after another failed for *reason*."""
        return self._replace(why=reason)


def candidates(setting: str, model: str) -> list[Engine]:
    """
    Return the engines to try, the best first.

    Args:
        setting: `QUERN_EMBEDDING_ENGINE`.

        model: The name that a collection records; other models than the default one are computed
            by themselves unless somebody chose otherwise: nobody has measured what their forms
            lose.
    """
    if setting != AUTO:
        return [Engine(setting, "chosen by QUERN_EMBEDDING_ENGINE")]
    if model != DEFAULT_MODEL:
        return [Engine(SENTENCE_TRANSFORMERS, f"{model} is not the default model")]
    why = "the default where nothing else is set"
    return [Engine(name, why) for name in ENGINES]


def first_that_works(
    engines: Sequence[Engine],
    attempt: Callable[[Engine], T],
    *,
    refusals: tuple[type[Exception], ...] = (Broken,),
) -> tuple[T, Engine]:
    """
    Return what *attempt* makes of the first engine that it does not refuse, and that engine.

    An engine that comes after a refused one has the refusal for its reason.

    Args:
        engines: The best first.

        attempt: Raises one of *refusals* where an engine does not work; the last one's is raised
            here.

        refusals: What *attempt* may raise so.
    """
    engine, *others = engines
    while True:
        try:
            return attempt(engine), engine
        except refusals as error:
            if not others:
                raise
            engine = others.pop(0).after(str(error))
