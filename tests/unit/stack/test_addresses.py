"""Which addresses the embedded stack takes."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runtime.environment import BadSetting
from runtime.settings import Settings
from stack.addresses import Ports, embedded, resolve, web_url


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_free_port_is_taken_as_wanted_and_a_taken_one_is_replaced_and_remembered(
    taken: int,
) -> None:
    ports = Ports()

    moved = ports.take("web", taken)
    again = ports.take("chroma", moved)
    free = moved  # which is remembered, but listened on by nobody
    while free in (moved, again):
        with socket.create_server(("127.0.0.1", 0)) as server:
            free = server.getsockname()[1]

    assert moved != taken
    assert again != moved
    assert ports.take("flower", free) == free
    assert ports.moved == [("web", taken, moved), ("chroma", moved, again)]


def test_a_host_that_is_not_ours_is_refused_in_words() -> None:
    with pytest.raises(BadSetting, match=r"192\.0\.2\.1; is it an address of this machine"):
        Ports().take("web", 0, host="192.0.2.1")


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("redis://127.0.0.1:6399/0", True),
        ("http://localhost:8799", True),
        ("redis://redis.example:6379/0", False),
        ("rediss://127.0.0.1:6399/0", False),
        ("redis://someone:secret@127.0.0.1:6399/0", False),
        ("redis://:secret@127.0.0.1:6399/0", False),
        ("redis://:ours@127.0.0.1:6399/0", True),
        ("unix:///run/redis.sock", False),
    ],
)
def test_only_plain_loopback_addresses_are_served_by_the_stack(url: str, answer: bool) -> None:
    assert embedded(url, password="ours") is answer  # noqa: S106


def test_servers_that_live_elsewhere_and_the_rest_of_an_address_are_left_alone() -> None:
    settings = Settings(
        port=0,
        redis_url="redis://127.0.0.1:0/3",
        cache_url="redis://cache.example:6379/0",
        flower_url="https://flower.example/",
    )

    resolved = resolve(settings, Ports())

    assert resolved.redis_url.endswith("/3")
    assert ":0/" not in resolved.redis_url
    assert resolved.cache_url == settings.cache_url
    assert resolved.flower_url == settings.flower_url
    assert resolved.port != 0


def test_paths_no_longer_depend_on_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    settings = Settings(data_dir=Path("d"), blob_dir="b", embedding_model="model")

    resolved = resolve(settings, Ports(), only=())

    assert resolved.data_dir == tmp_path / "d"
    assert resolved.blob_dir == str(tmp_path / "b")
    assert resolved.index_dir == ""
    assert resolved.embedding_model == str(tmp_path / "model")
    assert resolve(Settings(), Ports(), only=()).embedding_model == Settings().embedding_model


def test_the_web_address_is_one_that_this_machine_can_reach() -> None:
    settings = Settings(port=8000)

    assert web_url(settings) == "http://127.0.0.1:8000"
    assert web_url(replace(settings, host="0.0.0.0")) == "http://127.0.0.1:8000"  # noqa: S104  the case
    assert web_url(replace(settings, host="::")) == "http://[::1]:8000"
