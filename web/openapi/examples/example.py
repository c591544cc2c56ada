"""What an example is, and how it comes into the description of its call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from intake.fields import Json

FORM: Final = "multipart/form-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """
    A call as somebody may make it.

    Args:
        sent: The JSON body, None where there is none.

        form: The fields of the form that may be sent instead; of `file` and `files` names.

        texts: What may be sent instead, by its other media type.

        answers: What is answered, by status: JSON, or text of any other media type.
    """

    sent: Any = None
    form: Mapping[str, Any] | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[int, Any] = field(default_factory=dict)


def with_examples(paths: Json, examples: Mapping[str, Example]) -> Json:
    """Return the paths with the example of each call, which *examples* has by operation id."""
    return {
        path: {method: _told(operation, examples) for method, operation in methods.items()}
        for path, methods in paths.items()
    }


def _told(operation: Json, examples: Mapping[str, Example]) -> Json:
    """Return one call with its example."""
    example = examples.get(operation["operationId"], Example())
    told = operation | {"responses": dict(operation["responses"])}
    if "requestBody" in operation:
        contents = {
            media: content | {"example": _sent(example, media)}
            for media, content in operation["requestBody"]["content"].items()
        }
        told["requestBody"] = operation["requestBody"] | {"content": contents}
    for status, answer in example.answers.items():
        response = operation["responses"][str(status)]
        contents = {
            media: content | {"example": answer} for media, content in response["content"].items()
        }
        told["responses"][str(status)] = response | {"content": contents}
    return told


def _sent(example: Example, media: str) -> Any:
    """Return what is sent of a media type."""
    return example.form if media == FORM else example.texts.get(media, example.sent)
