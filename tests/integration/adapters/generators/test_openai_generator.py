"""The `openai` generator against real HTTP servers that behave and misbehave as they are told."""

import gc
import json
import logging
import math
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from adapters.generators.openai_generator import OpenAIGenerator
from rag.answers.conversation import Turn
from rag.answers.generation import GenerationRequest
from rag.answers.prompts import UNANSWERED
from rag.documents import Passage
from rag.errors import Broken, Cancelled, DeadlineExceeded, InvalidRequest, Retryable
from rag.in_memory_ports.stop import Stop
from runtime.settings import Settings
from runtime.tracing import traces
from tests.support.waiting import PATIENCE_S, below

KEY = "sk-very-secret"
Answering = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers `/v1/models` and does as the test says with everything else."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        self.server.keys.append(self.headers.get("Authorization"))
        self.reply(*self.server.models)

    def do_POST(self) -> None:
        self.body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(self.body)
        self.server.keys.append(self.headers.get("Authorization"))
        self.server.traces.append(self.headers.get("traceparent"))
        self.server.answering(self)

    def reply(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def begin(self) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()

    def send(self, *pieces: str, finish: str | None = None) -> None:
        for piece in pieces:
            self.event({"choices": [{"index": 0, "delta": {"content": piece}}]})
        if finish:
            self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})

    def event(self, data: Any) -> None:
        # As vLLM writes it: what JSON may leave unescaped stays so, U+2028 too.
        self.wfile.write(f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode())
        self.wfile.flush()

    def end(self) -> None:
        usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
        self.event({"choices": [], "usage": usage})
        self.wfile.write(b"data: [DONE]\n\n")

    def until_hung_up(self) -> None:
        """Send on until the other end is gone."""
        try:
            self.send("x")
            self.server.writing.put(None)
            while True:
                self.send("x")
                time.sleep(0.01)
        except OSError:
            self.server.hung_up.put(time.monotonic())

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """A server that remembers what it was asked."""

    daemon_threads = True
    # The default of 5 drops some of 16 callers at once, who then try again seconds later.
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.models: tuple[int, Any] = (200, {"data": [{"id": "m", "max_model_len": 8_192}]})
        self.answering: Answering = whole
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.traces: list[str | None] = []
        self.hung_up: queue.SimpleQueue[float] = queue.SimpleQueue()
        self.writing: queue.SimpleQueue[None] = queue.SimpleQueue()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


def whole(handler: Handler) -> None:
    handler.begin()
    handler.send("The ", "answer\u2028is ", "A [2].", finish="stop")
    handler.end()


def endless(handler: Handler) -> None:
    handler.begin()
    handler.until_hung_up()


def refuses(status: int, message: str) -> Answering:
    return lambda handler: handler.reply(status, {"error": {"message": message, "code": status}})


def asked(
    question: str = "Why?", *, passages: int = 2, within_s: float = 20, **more: Any
) -> GenerationRequest:
    found = [
        Passage("d:1:0", "d", 1, n, "T", f"Fact {n}.", 0, 7, 1 - n / 100) for n in range(passages)
    ]
    return GenerationRequest(
        question=question, passages=found, give_up_at=time.monotonic() + within_s, **more
    )


def run(
    generator: OpenAIGenerator, request: GenerationRequest | None = None, stop: Stop | None = None
) -> tuple[Any, list[str]]:
    deltas: list[str] = []
    answer = generator.generate(request or asked(), on_delta=deltas.append, stop=stop or Stop())
    return answer, deltas


@contextmanager
def serving() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def opening(server: Server) -> Iterator[Callable[..., OpenAIGenerator]]:
    with ExitStack() as stack:

        def open_with(**more: Any) -> OpenAIGenerator:
            known = {"openai_url": server.url, "openai_key": KEY, "generator": "openai"}
            return stack.enter_context(OpenAIGenerator.open(Settings(**(known | more))))

        yield open_with


@pytest.fixture
def generator(opening: Callable[..., OpenAIGenerator]) -> OpenAIGenerator:
    return opening()


def test_an_answer_is_streamed_cited_and_counted(
    server: Server, generator: OpenAIGenerator
) -> None:
    answer, deltas = run(generator, asked(max_tokens=50, temperature=0.5))

    assert answer.text == "The answer\u2028is A [2]."
    assert "".join(deltas) == answer.text
    assert [(c.marker, c.quote) for c in answer.citations] == [(2, "Fact 1.")]
    assert (answer.answered, answer.generator, answer.finish_reason) == (True, "openai:m", "stop")
    assert answer.usage == {
        "prompt_tokens": 7, "completion_tokens": 3, "passages": 2, "passages_dropped": 0,
        "citations_removed": 0,
    }  # fmt: skip
    body = server.asked[0]
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("m", 50, 0.5)
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert set(server.keys) == {f"Bearer {KEY}"}


def test_the_server_is_told_the_trace_of_the_question_and_of_no_other(
    server: Server, generator: OpenAIGenerator
) -> None:
    told = [f"00-{n:032x}-{'cd' * 8}-01" for n in (1, 2)]
    for traceparent in told:
        traces.take_up("unit", {"traceparent": traceparent})
        run(generator)
    traces.take_up("unit", {})
    run(generator)

    assert server.traces == [*told, None]


def test_text_is_passed_on_as_it_comes(server: Server, generator: OpenAIGenerator) -> None:
    go_on = threading.Event()

    def slowly(handler: Handler) -> None:
        handler.begin()
        handler.send("first ")
        go_on.wait(PATIENCE_S)
        handler.send(*("x" * 100), finish="length")
        handler.end()

    server.answering = slowly
    deltas: list[str] = []

    def on_delta(text: str) -> None:
        deltas.append(text)
        go_on.set()

    answer = generator.generate(asked(), on_delta=on_delta, stop=Stop())

    assert deltas[0] == "first "
    assert "".join(deltas) == "first " + "x" * 100
    assert answer.finish_reason == "length"


def test_a_cancelled_answer_is_hung_up_on_at_once(
    server: Server, generator: OpenAIGenerator
) -> None:
    server.answering = endless

    def hung_up_after() -> float:
        stop, pulled = Stop(), []

        def pull() -> None:
            server.writing.get(timeout=PATIENCE_S)
            pulled.append(time.monotonic())
            stop.pull()

        puller = threading.Thread(target=pull)
        puller.start()
        with pytest.raises(Cancelled):
            run(generator, stop=stop)
        puller.join()
        return server.hung_up.get(timeout=PATIENCE_S) - pulled[0]

    below(hung_up_after, 0.5)


def test_an_answer_past_its_deadline_is_hung_up_on(
    opening: Callable[..., OpenAIGenerator],
) -> None:
    def hung_up_after() -> float:
        with serving() as server:  # of this round alone: a late handler speaks of its own
            server.answering = endless
            generator = opening(openai_url=server.url)
            began = time.monotonic()
            with pytest.raises(DeadlineExceeded):
                run(generator, asked(within_s=0.3))
            if server.writing.empty():
                return math.inf  # it came before the answer had begun
            return server.hung_up.get(timeout=PATIENCE_S) - began

    assert below(hung_up_after, 1.5) > 0.2


def test_a_reader_that_fails_ends_the_request(server: Server, generator: OpenAIGenerator) -> None:
    server.answering = endless

    def on_delta(_text: str) -> None:
        raise Cancelled("unit")

    with pytest.raises(Cancelled):
        generator.generate(asked(), on_delta=on_delta, stop=Stop())

    assert server.hung_up.get(timeout=PATIENCE_S)


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 502, 503])
def test_a_question_waits_for_a_server_that_refuses_for_its_own_reasons(
    server: Server, generator: OpenAIGenerator, status: int
) -> None:
    server.answering = refuses(status, f"not now, {KEY}")

    with pytest.raises(Retryable, match=rf"{status}: not now, \*\*\*"):
        run(generator)


def test_a_question_that_the_server_refuses_fails_with_its_words(
    server: Server, generator: OpenAIGenerator
) -> None:
    server.answering = refuses(400, "temperature must be nice")

    with pytest.raises(InvalidRequest, match="refuses it: temperature must be nice"):
        run(generator)


def test_an_error_inside_the_stream_is_told_apart_too(
    server: Server, generator: OpenAIGenerator
) -> None:
    def breaking(code: int) -> Answering:
        def answer(handler: Handler) -> None:
            handler.begin()
            handler.send("The ")
            handler.event({"error": {"message": "sorry", "code": code}})

        return answer

    server.answering = breaking(500)
    with pytest.raises(Retryable, match="sorry"):
        run(generator)

    server.answering = breaking(400)
    with pytest.raises(InvalidRequest, match="sorry"):
        run(generator)


@pytest.mark.parametrize("last", ["", "data: {not json}\n\n", "data: 1\n\n"])
def test_an_answer_that_is_cut_off_is_no_answer(
    server: Server, generator: OpenAIGenerator, last: str
) -> None:
    def cut(handler: Handler) -> None:
        handler.begin()
        handler.send("The ")
        handler.wfile.write(last.encode())

    server.answering = cut

    with pytest.raises(Retryable):
        run(generator)


def test_a_silent_server_counts_as_gone(
    server: Server, opening: Callable[..., OpenAIGenerator]
) -> None:
    done = threading.Event()

    def wait(handler: Handler) -> None:
        handler.begin()
        done.wait(PATIENCE_S)

    server.answering = wait

    with pytest.raises(Retryable, match="silent"):
        run(opening(openai_silence_s=0.2))
    done.set()


def test_a_server_that_is_down_at_start_is_asked_again_later(
    opening: Callable[..., OpenAIGenerator],
) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/v1"

        with pytest.raises(Retryable, match="away"):
            run(opening(openai_url=url, model="m"))


@pytest.mark.parametrize(
    ("models", "named", "words"),
    [
        ((401, {"error": {"message": f"wrong key {KEY}"}}), "m", r"QUERN_OPENAI_KEY: wrong key \*"),
        ((200, {"data": [{"id": "a"}, {"id": "b"}]}), "", "QUERN_MODEL to one of .* a, b"),
        ((200, {"data": []}), "", "QUERN_MODEL to one of .* none"),
        ((404, {}), "", "QUERN_MODEL"),
    ],
)
def test_what_cannot_work_stops_the_worker_at_its_start(
    server: Server,
    opening: Callable[..., OpenAIGenerator],
    models: tuple[int, Any],
    named: str,
    words: str,
) -> None:
    server.models = models

    with pytest.raises(Broken, match=words):
        opening(model=named)


def test_a_base_url_is_an_address(opening: Callable[..., OpenAIGenerator]) -> None:
    with pytest.raises(Broken, match="QUERN_OPENAI_URL='localhost'"):
        opening(openai_url="localhost")


def test_a_server_without_a_list_of_models_is_believed(
    server: Server, opening: Callable[..., OpenAIGenerator]
) -> None:
    server.models = (404, {"detail": "no"})

    answer, _ = run(opening(model="mine"))

    assert answer.generator == "openai:mine"


def test_the_worst_passages_are_dropped_where_the_server_counts_more_tokens(
    server: Server, generator: OpenAIGenerator
) -> None:
    def strict(handler: Handler) -> None:
        shown = handler.body["messages"][-1]["content"].count("</passage>")
        if shown > 3:
            refuses(400, "This model's maximum context length is 99 tokens.")(handler)
        else:
            whole(handler)

    server.answering = strict

    answer, _ = run(generator, asked(passages=10))

    assert (answer.usage["passages"], answer.usage["passages_dropped"]) == (3, 7)


def test_a_question_that_is_too_long_by_itself_is_refused(
    server: Server, generator: OpenAIGenerator, opening: Callable[..., OpenAIGenerator]
) -> None:
    server.answering = refuses(400, "This model's maximum context length is 99 tokens.")

    with pytest.raises(InvalidRequest, match="99 tokens"):
        run(generator, asked(passages=4))
    with pytest.raises(InvalidRequest, match=r"question: is too long .* 1500 tokens"):
        run(opening(max_model_len=2_012), asked("x" * 8_000))
    with pytest.raises(InvalidRequest, match="max_tokens"):
        run(generator, asked(max_tokens=8_192))


def test_without_passages_no_model_is_asked_unless_the_question_wants_none(
    server: Server, generator: OpenAIGenerator
) -> None:
    answer, deltas = run(generator, asked(passages=0))

    assert (answer.text, answer.answered, deltas) == (UNANSWERED, False, [UNANSWERED])
    assert server.asked == []

    run(generator, asked(passages=0, grounded=False))

    assert server.asked[0]["messages"] == [{"role": "user", "content": "Why?"}]


def test_a_follow_up_is_rewritten_by_one_short_call(
    server: Server, generator: OpenAIGenerator
) -> None:
    def rewrite(handler: Handler) -> None:
        handler.begin()
        handler.send("When was the tower built?", finish="stop")
        handler.end()

    server.answering = rewrite
    history = [Turn("user", "What is the tower?")]

    assert (
        generator.condense("When?", history, priority="interactive", stop=Stop())
        == "When was the tower built?"
    )
    assert server.asked[0]["max_tokens"] < 100

    server.answering = refuses(400, "no")

    assert (
        generator.condense("When?", history, priority="interactive", stop=Stop()) == "When? tower"
    )
    assert generator.condense("When?", [], priority="interactive", stop=Stop()) == "When?"
    assert len(server.asked) == 2


def test_many_threads_are_answered_at_once_and_closing_frees_all(
    server: Server, opening: Callable[..., OpenAIGenerator]
) -> None:
    together = threading.Barrier(16)

    def crowd(handler: Handler) -> None:
        together.wait(PATIENCE_S)
        whole(handler)

    server.answering = crowd
    generator = opening()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: run(generator)[0].text, range(16)))
        assert answers == ["The answer\u2028is A [2]."] * 16

        server.answering = endless
        opened = [generator]

        def hung_up_after() -> float:
            closing = opened.pop() if opened else opening()
            running = [pool.submit(run, closing) for _ in range(4)]
            for _ in running:
                server.writing.get(timeout=PATIENCE_S)
            closed = time.monotonic()
            closing.close()

            assert [type(one.exception(timeout=PATIENCE_S)) for one in running] == [Retryable] * 4
            return max(server.hung_up.get(timeout=PATIENCE_S) - closed for _ in running)

        below(hung_up_after, 0.5)


def test_closing_while_connections_are_made_leaves_nothing_behind(
    opening: Callable[..., OpenAIGenerator],
) -> None:
    # What is left behind is a warning, and so a failure.
    for n in range(20):
        generator = opening()
        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(run, generator) for _ in range(4)]
            time.sleep(n * 0.001)
            generator.close()
            ends = {type(one.exception(timeout=PATIENCE_S)) for one in running}

        assert ends <= {Retryable, type(None)}
        with pytest.raises(Retryable):
            run(generator)
        gc.collect()


def test_the_key_is_told_to_nobody_else(
    server: Server,
    opening: Callable[..., OpenAIGenerator],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    server.models = (500, f"oops {KEY}")
    server.answering = refuses(401, KEY)

    with pytest.raises(Retryable) as error:
        run(opening(model="m"))

    assert KEY not in str(error.value)
    assert KEY not in caplog.text
    assert KEY not in repr(Settings(openai_key=KEY))
