"""The engine's own spans, in the trace of the question that they answer."""

import json
from pathlib import Path

from cli.stack import Stack
from runtime.settings import Settings
from tests.collector import Collector
from tests.vllm.conftest import OPTIONS
from tests.whole_stack import WANTED, Api

THEIRS = "ab" * 16
CANARY = "zanzibarcanary"


def test_what_the_engine_does_for_a_question_is_in_the_questions_trace(
    model: Path, tmp_path: Path
) -> None:
    with Collector() as collector:
        settings = Settings(
            model=str(model), engine_options=json.dumps(OPTIONS), otlp_endpoint=collector.url,
            metrics_port=0,
        )  # fmt: skip
        with (
            Stack.start(
                data_dir=tmp_path, settings=settings, only=[*WANTED, "generation"], timeout_s=280
            ) as stack,
            Api(stack.url) as api,
        ):
            answer = api.http.post(
                "/api/queries",
                json={"question": CANARY, "top_k": 0, "max_tokens": 8},
                headers={"traceparent": f"00-{THEIRS}-{'cd' * 8}-01"},
            )
            assert api.finished(answer.json()["id"])["state"] == "succeeded"
            spans = collector.until(
                lambda spans: (
                    {"generate", "llm_request"}
                    <= {span.name for span in spans if span.trace == THEIRS}
                ),
                within_s=20,
            )

    told = {span.name: span for span in spans if span.trace == THEIRS}
    assert told["llm_request"].service == "quern-engine"
    assert told["llm_request"].parent == told["generate"].span
    assert told["generate"].attributes["gen_ai.usage.output_tokens"] == 8
    assert told["generate"].attributes["gen_ai.provider.name"] == "vllm"
    assert [raw for raw in collector.raw if CANARY.encode() in raw] == []
    assert [raw for raw in collector.raw if str(model).encode() in raw] == []
