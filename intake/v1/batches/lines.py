"""The lines of a batch's file: taken apart, and each checked for what makes a file no batch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import orjson

from intake.v1.batches.batch import Endpoint, LineError
from rag.errors import QuernError

Json = dict[str, Any]

#: As many requests as OpenAI lets be in a batch.
MOST_LINES: Final = 50_000
#: Errors that are told; the others of a file are not looked for.
MOST_TOLD: Final = 20
#: Bytes of what a request may be called.
_MOST_ID: Final = 512
_REQUIRED: Final = ("custom_id", "method", "url", "body")
#: What a body has to have.
_OF_BODY: Final[dict[Endpoint, tuple[str, ...]]] = {
    "/v1/chat/completions": ("model", "messages"),
    "/v1/responses": (),
    "/v1/embeddings": ("model", "input"),
}
_BOM: Final = b"\xef\xbb\xbf"


class InvalidBatch(QuernError):
    """Raised when a file is no batch: nothing of it is accepted."""

    def __init__(self, errors: list[LineError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Line:
    """A request of a batch: where it stands, what its caller calls it, what it sends."""

    number: int
    custom_id: str
    body: Json


class Lines:
    """
    The requests of a file, in their order; one line is in memory at a time.

    Args:
        endpoint: What all of them are to ask.

        most_bytes: Of one line.
    """

    def __init__(self, file: BinaryIO, endpoint: Endpoint, *, most_bytes: int) -> None:
        self._file = file
        self._endpoint = endpoint
        self._most_bytes = most_bytes
        self._named: dict[str, int] = {}
        self._errors: list[LineError] = []

    def __iter__(self) -> Iterator[Line]:
        """Yield the requests; raises InvalidBatch once all were read, or many were wrong."""
        for number, data in self._lines():
            line = self._read(number, data)
            if len(self._errors) >= MOST_TOLD:
                break
            if len(self._named) > MOST_LINES:
                self.refuse(
                    "too_many_requests", f"A batch has at most {MOST_LINES} requests.", number
                )
                break
            if line is not None:
                yield line
        if not self._named and not self._errors:
            self._errors.append(LineError("empty_file", "The input file has no requests."))
        if self._errors:
            raise InvalidBatch(self._errors[:MOST_TOLD])

    def refuse(self, code: str, message: str, number: int, param: str | None = None) -> None:
        """Note why the file is no batch."""
        self._errors.append(LineError(code, message, number, param))

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield the lines that are not blank with their numbers; all are counted."""
        number = 0
        while data := self._file.readline(self._most_bytes + 2):
            number += 1
            if len(data.rstrip(b"\r\n")) > self._most_bytes:
                self.refuse(
                    "line_too_large", f"A line may have {self._most_bytes} bytes.", number
                )  # fmt: skip
                while not data.endswith(b"\n") and data:
                    data = self._file.readline(1 << 16)
                if len(self._errors) >= MOST_TOLD:
                    return
                continue
            if number == 1:
                data = data.removeprefix(_BOM)
            if data.strip():
                yield number, data

    def _read(self, number: int, data: bytes) -> Line | None:
        """Return the request of a line; what is wrong with it is noted."""
        try:
            told = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            self.refuse("invalid_json_line", f"This line is not valid JSON: {error}.", number)
            return None
        if not isinstance(told, dict):
            self.refuse("invalid_json_line", "This line is not a JSON object.", number)
            return None
        before = len(self._errors)
        for name in _REQUIRED:
            if told.get(name) is None:
                message = f"Missing required parameter: `{name}`."
                self.refuse("missing_required_parameter", message, number, name)
        self._check_name(number, told.get("custom_id"))
        self._check_way(number, told)
        self._check_body(number, told.get("body"))
        if len(self._errors) > before:
            return None
        return Line(number, told["custom_id"], told["body"])

    def _check_name(self, number: int, name: object) -> None:
        """Refuse what cannot be told apart by its name."""
        message = f"It must be a text of 1 to {_MOST_ID} bytes."
        if isinstance(name, str) and 0 < len(name.encode(errors="replace")) <= _MOST_ID:
            first = self._named.setdefault(name, number)
            if first != number:
                message = f"It is the custom_id of line {first} too."
                self.refuse("duplicate_custom_id", message, number, "custom_id")
        elif name is not None:
            self.refuse("invalid_custom_id", message, number, "custom_id")

    def _check_way(self, number: int, told: Json) -> None:
        """Refuse what asks something else than the batch does."""
        if told.get("method") not in ("POST", None):
            self.refuse("invalid_method", "It must be POST.", number, "method")
        if told.get("url") not in (self._endpoint, None):
            message = f"It does not match the batch's endpoint, {self._endpoint}."
            self.refuse("invalid_url", message, number, "url")

    def _check_body(self, number: int, body: object) -> None:
        """Refuse what is no request, or wants more of its answer than a line can give."""
        if isinstance(body, dict):
            for name, what in (("stream", "Streaming"), ("background", "Work in the background")):
                if body.get(name) is True:
                    code = f"{'streaming' if name == 'stream' else name}_unsupported"
                    message = f"{what} is not supported in a batch."
                    self.refuse(code, message, number, f"body.{name}")
            for name in _OF_BODY[self._endpoint]:
                if body.get(name) is None:
                    message = f"Missing required parameter: `{name}`."
                    self.refuse("invalid_request", message, number, f"body.{name}")
        elif body is not None:
            self.refuse("invalid_request", "It must be an object.", number, "body")
