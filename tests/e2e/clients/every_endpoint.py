"""
Every endpoint of `/v1` by OpenAI's client, which checks each answer against its types.

    python every_endpoint.py URL [--async]

A program of its own: it runs under the newest client, and under one of a year before, which has
another Python environment. It writes the client's version and each step that went well; the first
that did not ends it.
"""

import array
import asyncio
import base64
import inspect
import io
import json
import sys
from collections.abc import Callable
from typing import Any

import openai

TEXT = b"The calibration log hangs beside the northern door. Doors are repainted every spring."
QUESTION = "Where does the calibration log hang?"


class Walk:
    """
    Calls every endpoint once or more.

    Args:
        client: Of either kind; what it returns is awaited where it can be.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    async def all(self) -> None:
        """Walk."""
        await self._step("models", self._models)
        await self._step("files", self._files)
        await self._step("vector stores", self._stores)
        await self._step("file batches", self._file_batches)
        await self._step("responses", self._responses)
        await self._step("streams", self._streams)
        await self._step("chat", self._chat)
        await self._step("embeddings", self._embeddings)
        await self._step("batches", self._batches)
        await self._step("errors", self._errors)

    async def _step(self, name: str, step: Callable[[], Any]) -> None:
        await step()
        sys.stdout.write(f"{name}\n")

    async def _models(self) -> None:
        names = [one.id for one in await _all(self._client.models.list())]
        assert "quern" in names, names
        assert (await _of(self._client.models.retrieve("quern"))).id == "quern"

    async def _files(self) -> None:
        file = await self._file("log.txt")
        assert (await _of(self._client.files.retrieve(file.id))).filename == "log.txt"
        assert file.id in [one.id for one in await _all(self._client.files.list())]
        content = await _of(self._client.files.content(file.id))
        assert content.content == TEXT
        assert (await _of(self._client.files.delete(file.id))).deleted

    async def _stores(self) -> None:
        stores, files = self._client.vector_stores, self._client.vector_stores.files
        store = await _of(stores.create(name="Doors", metadata={"by": "walk"}))
        attached = await _of(
            files.upload_and_poll(
                vector_store_id=store.id, file=("log.txt", TEXT), attributes={"year": 2026}
            )
        )
        assert attached.status == "completed", attached
        of_file = {"file_id": attached.id, "vector_store_id": store.id}
        changed = await _of(files.update(attributes={"year": 2027}, **of_file))
        assert changed.attributes == {"year": 2027}, changed
        assert (await _of(files.retrieve(attached.id, vector_store_id=store.id))).id == attached.id
        assert [one.id for one in await _all(files.list(store.id))] == [attached.id]
        texts = [part.text for part in await _all(files.content(**of_file))]
        assert "".join(map(str, texts)).strip() == TEXT.decode()
        found = await _all(
            stores.search(
                store.id, query=QUESTION, filters={"type": "gte", "key": "year", "value": 2027}
            )
        )
        assert "northern door" in found[0].content[0].text
        assert store.id in [one.id for one in await _all(stores.list())]
        assert (await _of(stores.retrieve(store.id))).file_counts.completed == 1
        renamed = await _of(stores.update(store.id, name="Gates"))
        assert renamed.name == "Gates"
        assert (await _of(files.delete(attached.id, vector_store_id=store.id))).deleted
        assert (await _of(stores.delete(store.id))).deleted

    async def _file_batches(self) -> None:
        store = await _of(self._client.vector_stores.create(name="Batch"))
        batches = self._client.vector_stores.file_batches
        ids = [(await self._file(f"{n}.txt", TEXT + b" %d" % n)).id for n in range(3)]
        ended = await _of(batches.create_and_poll(store.id, file_ids=[*ids, "file-nothere"]))
        assert (ended.file_counts.completed, ended.file_counts.failed) == (3, 1), ended
        failed = await _all(batches.list_files(ended.id, vector_store_id=store.id, filter="failed"))
        assert [one.id for one in failed] == ["file-nothere"]
        assert failed[0].last_error.code == "invalid_file"
        assert (await _of(batches.retrieve(ended.id, vector_store_id=store.id))).id == ended.id
        await _of(batches.cancel(ended.id, vector_store_id=store.id))
        self.store = store.id

    async def _responses(self) -> None:
        responses = self._client.responses
        asked = {"model": "quern", "input": QUESTION, "tools": [self._search()]}
        told = await _of(responses.create(include=["file_search_call.results"], **asked))
        assert "northern door" in told.output_text, told
        assert told.output[0].results[0].file_id == told.output[1].content[0].annotations[0].file_id
        again = await _of(
            responses.create(previous_response_id=told.id, **asked | {"input": "And the doors?"})
        )
        assert again.previous_response_id == told.id
        assert (await _of(responses.retrieve(told.id))).output_text == told.output_text
        items = await _all(responses.input_items.list(again.id))
        assert [one.content[0].text for one in items] == ["And the doors?"]
        queued = await _of(responses.create(background=True, **asked))
        late = await _refused(lambda: responses.cancel(queued.id))
        assert late is None or "Cannot cancel a completed" in late.message, late
        await _ended(lambda: responses.retrieve(queued.id))
        await _of(responses.delete(told.id))

    async def _streams(self) -> None:
        asked = {"model": "quern", "input": QUESTION, "tools": [self._search()]}
        stream = await _of(self._client.responses.create(stream=True, background=True, **asked))
        events = await _all(stream)
        assert events[-1].type == "response.completed", events[-1]
        name = events[0].response.id
        half = len(events) // 2
        rest = await _of(
            self._client.responses.retrieve(
                name, stream=True, starting_after=events[half - 1].sequence_number
            )
        )
        assert [one.model_dump() for one in await _all(rest)] == [
            one.model_dump() for one in events[half:]
        ]

    async def _chat(self) -> None:
        asked = {
            "model": "quern", "messages": [{"role": "user", "content": QUESTION}],
            "extra_body": {"collection": self.store},
        }  # fmt: skip
        completions = self._client.chat.completions
        told = await _of(completions.create(**asked))
        assert "northern door" in told.choices[0].message.content
        stream = await _of(
            completions.create(stream=True, stream_options={"include_usage": True}, **asked)
        )
        chunks = await _all(stream)
        text = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
        assert text == told.choices[0].message.content
        assert chunks[-1].usage is not None

    async def _embeddings(self) -> None:
        asked = {"model": "quern", "input": ["a door", "a log"]}
        told = await _of(self._client.embeddings.create(encoding_format="float", **asked))
        assert [one.index for one in told.data] == [0, 1]
        assert told.usage.prompt_tokens > 0
        # openai 2.8.1 and 3.57.0 check before they decode, and so refuse any base64.
        raw = await _of(self._client.embeddings.with_raw_response.create(**asked))
        packed = json.loads(raw.text if isinstance(raw.text, str) else raw.text())["data"]
        for one, other in zip(told.data, packed, strict=True):
            numbers = array.array("f", base64.b64decode(other["embedding"]))
            assert max(abs(a - b) for a, b in zip(one.embedding, numbers, strict=True)) < 1e-6

    async def _batches(self) -> None:
        lines = [
            {"custom_id": f"q{n}", "method": "POST", "url": "/v1/embeddings",
             "body": {"model": "quern", "input": f"text {n}"}}
            for n in range(3)
        ]  # fmt: skip
        data = "\n".join(map(json.dumps, lines)).encode()
        file = await self._file("lines.jsonl", data, purpose="batch")
        batch = await _of(
            self._client.batches.create(
                input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h",
                metadata={"by": "walk"},
            )
        )  # fmt: skip
        batch = await _ended(lambda: self._client.batches.retrieve(batch.id))
        assert (batch.status, batch.request_counts.completed) == ("completed", 3), batch
        output = await _of(self._client.files.content(batch.output_file_id))
        assert len(output.text.splitlines()) == len(lines)
        assert batch.id in [one.id for one in await _all(self._client.batches.list())]
        refused = await _refused(lambda: self._client.batches.cancel(batch.id))
        assert isinstance(refused, openai.ConflictError), refused

    async def _errors(self) -> None:
        for call in (
            lambda: self._client.responses.retrieve("resp_nothere"),
            lambda: self._client.vector_stores.retrieve("vs_nothere"),
            lambda: self._client.files.retrieve("file-nothere"),
        ):
            refused = await _refused(call)
            assert isinstance(refused, openai.NotFoundError), refused
            assert refused.body["message"]
        assert (await _of(self._client.vector_stores.delete(self.store))).deleted

    async def _file(self, name: str, data: bytes = TEXT, *, purpose: str = "assistants") -> Any:
        file = io.BytesIO(data)
        file.name = name
        return await _of(self._client.files.create(file=file, purpose=purpose))

    def _search(self) -> dict[str, Any]:
        return {"type": "file_search", "vector_store_ids": [self.store]}


async def _of(told: Any) -> Any:
    """Return what a client of either kind answers."""
    return await told if inspect.isawaitable(told) else told


async def _ended(read: Callable[[], Any]) -> Any:
    """Return a response or a batch, as it is read, once it has ended."""
    while True:
        told = await _of(read())
        if told.status in ("completed", "failed", "incomplete", "expired", "cancelled"):
            return told
        await asyncio.sleep(0.1)


async def _refused(call: Callable[[], Any]) -> openai.APIError | None:
    """Return the error that a call raises, None where it raises none."""
    try:
        await _of(call())
    except openai.APIError as error:
        return error
    return None


async def _all(told: Any) -> list[Any]:
    """Return all of a list, over its pages, or of a stream."""
    if hasattr(told, "__aiter__"):
        return [one async for one in told]
    return list(await _of(told))


def main() -> None:
    """Walk."""
    kind = openai.AsyncOpenAI if "--async" in sys.argv else openai.OpenAI
    sys.stdout.write(f"openai {openai.__version__}\n")
    client = kind(
        base_url=f"{sys.argv[1]}/v1", api_key="none", max_retries=0,
        _strict_response_validation=True,
    )  # fmt: skip
    asyncio.run(Walk(client).all())


if __name__ == "__main__":
    main()
