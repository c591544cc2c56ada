"""The settings of the vector index: their names, their bounds, and what a new collection gets."""

import pytest

from corpus.storage import hnsw_of
from rag.ports import HnswSettings
from runtime.environment import BadSetting, read_settings


def test_the_defaults_are_those_of_the_port() -> None:
    assert hnsw_of(read_settings({})) == HnswSettings()


def test_each_setting_reaches_a_new_collection() -> None:
    environment = {
        "QUERN_HNSW_SPACE": "ip", "QUERN_HNSW_EF_CONSTRUCTION": "350",
        "QUERN_HNSW_EF_SEARCH": "250", "QUERN_HNSW_MAX_NEIGHBORS": "48",
    }  # fmt: skip

    assert hnsw_of(read_settings(environment)) == HnswSettings("ip", 350, 250, 48)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HNSW_SPACE", "euclidean"), ("HNSW_EF_CONSTRUCTION", "0"), ("HNSW_EF_SEARCH", "0"),
        ("HNSW_MAX_NEIGHBORS", "1"), ("HNSW_M", "16"), ("HNSW_EF", "200"),
    ],
)  # fmt: skip
def test_what_cannot_work_and_what_does_not_exist_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=f"QUERN_{name}"):
        read_settings({f"QUERN_{name}": value})
