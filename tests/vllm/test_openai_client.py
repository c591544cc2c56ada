"""The `openai` generator against vLLM's own OpenAI server."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import httpx
import pytest

from adapters.generators.openai_generator import OpenAIGenerator
from rag.answers.conversation import Turn
from rag.answers.generation import GenerationRequest
from rag.documents import Passage
from rag.errors import Cancelled, DeadlineExceeded, InvalidRequest, Retryable
from rag.in_memory_ports.stop import Stop
from runtime.settings import Settings

STARTS_S = 240
LONG = 3_000  # tokens; eight such answers take an engine without a card many seconds
FREE_S = 2.0
TOKENS = "generation_tokens_total"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def url(engine_python: str, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("openai")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        engine_python, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model),
        "--served-model-name", "tiny", "--host", "127.0.0.1", "--port", str(port),
        "--max-model-len", "4096", "--max-num-seqs", "16", "--enforce-eager",
    ]  # fmt: skip
    environment = os.environ | {
        "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1",
        "PATH": f"{Path(engine_python).parent}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=environment, process_group=0
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        # Its engine is a process of its own.
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=30)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)


@pytest.fixture
def generator(url: str) -> Iterator[OpenAIGenerator]:
    settings = Settings(generator="openai", openai_url=f"{url}/v1")
    with OpenAIGenerator.open(settings) as generator:
        yield generator


def wait_for(health: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + STARTS_S
    while time.monotonic() < end and process.poll() is None:
        with suppress(httpx.TransportError):
            if httpx.get(health, timeout=2).status_code == httpx.codes.OK:
                return
        time.sleep(0.5)
    pytest.fail(log.read_text("utf-8", "replace")[-4_000:])


def asked(passages: Sequence[str] = ("One fact.", "Two facts."), **more: Any) -> GenerationRequest:
    found = [
        Passage("d:1:0", "d", 1, n, "T", text, 0, len(text), 1.0) for n, text in enumerate(passages)
    ]
    known: dict[str, Any] = {"give_up_at": time.monotonic() + 120, "max_tokens": 20}
    return GenerationRequest(question="Why?", passages=found, **(known | more))


def counted(url: str, name: str) -> int:
    text = httpx.get(f"{url}/metrics", timeout=30).text
    return int(sum(map(float, re.findall(rf"^vllm:{name}\{{\S* (\S+)", text, re.MULTILINE))))


def freed(url: str, *, before: int) -> bool:
    """
    Return True if the engine dropped eight long answers once their readers had hung up.

    A busy machine shows it by one sign or the other: a server that starves tells of its first
    token so late that much has been written by then, or of its state so late that time is lost.
    """
    began = time.monotonic()
    while counted(url, "num_requests_running"):
        assert time.monotonic() < began + 60
        time.sleep(0.1)
    took = time.monotonic() - began
    return took < FREE_S or counted(url, TOKENS) - before < 8 * LONG / 2


def test_an_answer_is_streamed_and_counted(generator: OpenAIGenerator) -> None:
    deltas: list[str] = []

    answer = generator.generate(asked(), on_delta=deltas.append, stop=Stop())

    assert generator.name == answer.generator == "openai:tiny"
    assert answer.finish_reason == "length"
    assert answer.usage["completion_tokens"] == 20
    assert answer.usage["prompt_tokens"] > 100
    assert "".join(deltas)
    assert len(deltas) >= 1


def test_the_same_question_is_answered_the_same(generator: OpenAIGenerator) -> None:
    first = generator.generate(asked(), on_delta=lambda _: None, stop=Stop())
    again = generator.generate(asked(), on_delta=lambda _: None, stop=Stop())

    assert first.text == again.text


def test_forty_answers_are_written_at_once(generator: OpenAIGenerator) -> None:
    with ThreadPoolExecutor(40) as pool:
        answers = list(
            pool.map(
                lambda _: generator.generate(asked(), on_delta=lambda _: None, stop=Stop()),
                range(40),
            )
        )

    assert [answer.usage["completion_tokens"] for answer in answers] == [20] * 40


def test_cancelled_answers_free_the_engine(url: str, generator: OpenAIGenerator) -> None:
    before = counted(url, TOKENS)
    stops = [Stop() for _ in range(8)]
    first: SimpleQueue[str] = SimpleQueue()
    long = asked(max_tokens=LONG)
    with ThreadPoolExecutor(8) as pool:
        jobs = [
            pool.submit(generator.generate, long, on_delta=first.put, stop=stop) for stop in stops
        ]
        assert first.get(timeout=60)
        for stop in stops:
            stop.pull()

        assert [type(job.exception(timeout=5)) for job in jobs] == [Cancelled] * 8
        assert freed(url, before=before)


def test_answers_past_their_deadline_free_the_engine(url: str, generator: OpenAIGenerator) -> None:
    before = counted(url, TOKENS)
    late = asked(max_tokens=LONG, give_up_at=time.monotonic() + 1)
    with ThreadPoolExecutor(8) as pool:
        jobs = [
            pool.submit(generator.generate, late, on_delta=lambda _: None, stop=Stop())
            for _ in range(8)
        ]

        assert [type(job.exception(timeout=20)) for job in jobs] == [DeadlineExceeded] * 8
    assert freed(url, before=before)


def test_the_server_has_the_last_word_on_length(url: str) -> None:
    # The settings promise more than the model has: its refusal is read, and passages go.
    settings = Settings(generator="openai", openai_url=f"{url}/v1", max_model_len=100_000)
    long = ["\u6771\u4eac \u03b1\u03b2\u03b3 " * 400] * 4

    with OpenAIGenerator.open(settings) as generator:
        answer = generator.generate(asked(long), on_delta=lambda _: None, stop=Stop())

        assert answer.usage["passages_dropped"] > 0
        assert answer.usage["passages"] + answer.usage["passages_dropped"] == 4
        with pytest.raises(InvalidRequest, match="max_tokens=5000"):
            generator.generate(asked(max_tokens=5_000), on_delta=lambda _: None, stop=Stop())


def test_a_follow_up_always_has_something_to_search_for(generator: OpenAIGenerator) -> None:
    history = [Turn("user", "What is the Eiffel Tower?"), Turn("assistant", "A tower.")]

    text = generator.condense("And when was it built?", history, priority="batch", stop=Stop())

    # A model with random weights rewrites nothing; whatever it said, a search has words.
    assert re.search(r"\w", text)


def test_closing_ends_what_runs(url: str) -> None:
    before = counted(url, TOKENS)
    settings = Settings(generator="openai", openai_url=f"{url}/v1")
    first: SimpleQueue[str] = SimpleQueue()
    long = asked(max_tokens=LONG)
    with ThreadPoolExecutor(8) as pool:
        with OpenAIGenerator.open(settings) as generator:
            jobs = [
                pool.submit(generator.generate, long, on_delta=first.put, stop=Stop())
                for _ in range(8)
            ]
            assert first.get(timeout=60)

        assert [type(job.exception(timeout=5)) for job in jobs] == [Retryable] * 8
    assert freed(url, before=before)
