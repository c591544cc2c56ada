from typing import Any

import pytest

from rag.answers.conversation import Turn
from rag.errors import InvalidRequest
from web.v1.errors import V1Error
from web.v1.response_requests import read_response

SEARCH = {"type": "file_search", "vector_store_ids": ["vs_1"]}


def test_a_text_is_what_the_user_asks() -> None:
    asked = read_response({"input": "Why?", "model": "quern", "unknown": 1})

    assert (asked.question, asked.history, asked.told) == ("Why?", (), "")
    assert (asked.stores, asked.background, asked.store) == ((), False, True)
    assert (asked.echoed["temperature"], asked.echoed["tools"]) == (1.0, [])


def test_items_are_turns_and_roles_of_the_system_are_instructions() -> None:
    asked = read_response(
        {
            "instructions": "Be brief.",
            "input": [
                {"type": "message", "role": "developer", "content": "Say it in words."},
                {"role": "user", "content": [{"type": "input_text", "text": "Which is first?"}]},
                {"type": "file_search_call", "id": "fs_1", "queries": []},
                {
                    "type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
                    "content": [{"type": "output_text", "text": "A.", "annotations": []}],
                },
                {"type": "reasoning", "summary": []},
                {"role": "user", "content": "And then?"},
            ],
        }
    )  # fmt: skip

    assert asked.question == "And then?"
    assert asked.history == (Turn("user", "Which is first?"), Turn("assistant", "A."))
    assert asked.told == "Be brief.\n\nSay it in words."
    assert asked.system == (("developer", "Say it in words."),)
    assert asked.echoed["instructions"] == "Be brief."


def test_a_search_of_files_is_echoed_with_what_is_usual() -> None:
    asked = read_response({"input": "Why?", "tools": [SEARCH]})

    assert asked.stores == ("vs_1",)
    (tool,) = asked.echoed["tools"]
    assert tool == SEARCH | {
        "filters": None, "max_num_results": 20,
        "ranking_options": {"ranker": "auto", "score_threshold": 0.0},
    }  # fmt: skip


def test_a_search_has_filters_bounds_and_a_choice() -> None:
    filters = {"type": "eq", "key": "year", "value": 1968}
    tool = SEARCH | {
        "filters": filters, "max_num_results": 3, "ranking_options": {"score_threshold": 0.5},
    }  # fmt: skip
    asked = read_response(
        {"input": "Why?", "tools": [tool], "tool_choice": {"type": "file_search"}}
    )

    assert asked.filters == {"metadata.year": {"eq": 1968}}
    assert (asked.max_results, asked.score_threshold) == (3, 0.5)
    none = read_response({"input": "x", "tools": [tool], "tool_choice": "none"})
    assert (none.stores, none.filters) == ((), None)
    assert none.echoed["tools"][0]["type"] == "file_search"


def test_a_response_that_may_wait_says_so_as_openai_calls_it() -> None:
    asked = read_response({"input": "x", "service_tier": "flex"})

    assert (asked.may_wait, asked.echoed["service_tier"]) == (True, "flex")
    for tier, told in (("auto", "default"), ("scale", "default"), ("priority", "priority")):
        asked = read_response({"input": "x", "service_tier": tier})
        assert (asked.may_wait, asked.echoed["service_tier"]) == (False, told)


def test_what_agents_send_by_default_is_taken() -> None:
    asked = read_response(
        {
            "input": "x", "reasoning": {"effort": "none"}, "text": {"verbosity": "low"},
            "truncation": "auto", "service_tier": "flex", "parallel_tool_calls": True,
            "include": ["file_search_call.results", "reasoning.encrypted_content"],
            "stream_options": {"include_obfuscation": False}, "metadata": {"a": "b"},
            "max_tool_calls": None, "prompt_cache_retention": None,
        }
    )  # fmt: skip

    assert "file_search_call.results" in asked.include
    assert asked.echoed["metadata"] == {"a": "b"}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"conversation": "c"}, "conversation"), ({"prompt": {"id": "p"}}, "prompt"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [SEARCH, SEARCH]}, "tools[1]"),
        ({"tools": [SEARCH | {"vector_store_ids": ["a"] * 11}]}, "tools[0].vector_store_ids"),
        ({"tools": [SEARCH], "tool_choice": {"type": "function"}}, "tool_choice"),
        ({"tools": [SEARCH | {"ranking_options": {"ranker": "x"}}]},
         "tools[0].ranking_options.ranker"),
        ({"background": True, "store": False}, "background"), ({"top_logprobs": 1}, "top_logprobs"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format"),
        ({"input": [{"type": "computer_call"}]}, "input[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
         "input[0].content[0].type"),
    ],
)  # fmt: skip
def test_what_is_not_done_here_is_refused_by_name(body: dict[str, Any], param: str) -> None:
    with pytest.raises(V1Error) as refused:
        read_response({"input": "x"} | body)

    assert (refused.value.status, refused.value.param) == (400, param)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"input": ""}, "input"), ({"input": []}, "input"), ({"input": 3}, "input"), ({}, "input"),
        ({"input": [{"role": "assistant", "content": "x"}]}, "input"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role"),
        ({"input": [3]}, "input[0]"),
        ({"input": [{"role": "user", "content": 3}]}, "input[0].content"),
        ({"input": "x", "temperature": 3}, "temperature"), ({"input": "x", "top_p": -1}, "top_p"),
        ({"input": "x", "max_output_tokens": 15}, "max_output_tokens"),
        ({"input": "x", "max_tool_calls": 0}, "max_tool_calls"),
        ({"input": "x", "background": "yes"}, "background"),
        ({"input": "x", "tools": {}}, "tools"), ({"input": "x", "include": "a"}, "include"),
        ({"input": "x", "tools": [{"type": "file_search"}]}, "tools[0].vector_store_ids"),
        ({"input": "x", "tools": [SEARCH | {"max_num_results": 51}]}, "tools[0].max_num_results"),
        ({"input": "x", "tools": [SEARCH | {"filters": {"type": "is"}}]}, "tools[0].filters.type"),
        ({"input": "x", "metadata": {"a": 1}}, "metadata.a"),
        ({"input": "x", "metadata": {"a" * 65: "x"}}, "metadata"),
        ({"input": "x", "metadata": {"a": "x" * 513}}, "metadata.a"),
        ({"input": "x", "metadata": dict.fromkeys(map(str, range(17)), "x")}, "metadata"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(body: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_response(body)

    assert refused.value.field == field


def nested(depth: int) -> Any:
    found: Any = "x"
    for _ in range(depth):
        found = [found]
    return found


def test_only_what_is_known_of_a_choice_of_a_tool_is_echoed() -> None:
    choice = {"type": "file_search", "x": nested(300)}
    asked = read_response({"input": "x", "tools": [SEARCH], "tool_choice": choice})

    assert asked.echoed["tool_choice"] == {"type": "file_search"}
    for word in ("auto", "required", "none"):
        assert read_response({"input": "x", "tool_choice": word}).echoed["tool_choice"] == word


@pytest.mark.parametrize("choice", ["auto", "none"])
def test_only_what_is_known_of_a_filter_is_echoed(choice: str) -> None:
    year = {"type": "gte", "key": "year", "value": 1968}
    names = {"type": "in", "key": "name", "value": ["a", "b"]}
    deep = {"x": nested(300)}
    given = {"type": "and", "filters": [year | deep, {"type": "or", "filters": [names]}]} | deep
    tool = SEARCH | {"filters": given}
    asked = read_response({"input": "x", "tools": [tool], "tool_choice": choice})

    assert asked.echoed["tools"][0]["filters"] == {
        "type": "and", "filters": [year, {"type": "or", "filters": [names]}],
    }  # fmt: skip


@pytest.mark.parametrize("choice", ["auto", "none"])
@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"filters": {"type": "is"}}, "tools[0].filters.type"),
        (
            {"filters": {"type": "in", "key": "a", "value": ["x" * 999] * 70}},
            "tools[0].filters",
        ),
        ({"vector_store_ids": ["vs_1", "x" * 201]}, "tools[0].vector_store_ids[1]"),
    ],
)
def test_a_search_that_is_not_done_is_bounded_too(
    choice: str, more: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_response({"input": "x", "tools": [SEARCH | more], "tool_choice": choice})

    assert refused.value.field == field


def test_of_what_is_to_be_included_only_what_is_known_is_kept() -> None:
    known = "file_search_call.results"
    asked = read_response({"input": "x", "include": [nested(300), "y" * 9_999, known, known, 3]})

    assert asked.include == (known,)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"tools": [{"type": "y" * 9_999}]}, "`" + "y" * 100 + "`"),
        ({"tools": [{"type": nested(300)}]}, "`no text`"), ({"tools": [{}]}, "`null`"),
        ({"text": {"format": {"type": nested(300)}}}, "`no text`"),
        ({"input": [{"type": nested(300)}]}, "`no text`"),
        ({"input": [{"role": "user", "content": [{"type": nested(300)}]}]}, "`no text`"),
    ],
)  # fmt: skip
def test_a_type_is_said_back_in_short(body: dict[str, Any], told: str) -> None:
    with pytest.raises(V1Error, match=told):
        read_response({"input": "x"} | body)
