"""Passwords of a stack's servers: made once, for their owner alone."""

from pathlib import Path

from runtime.settings import Settings
from stack.addresses import Ports, resolve
from stack.passwords import kept_password, known_password
from stack.redis_server import redis_command


def test_a_password_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "redis-queue"

    assert known_password(folder) == ""
    first = kept_password(folder)

    assert len(first) >= 20
    assert kept_password(folder) == known_password(folder) == first
    assert (folder / "password").stat().st_mode & 0o777 == 0o600
    assert kept_password(tmp_path / "other") != first


def test_no_command_line_holds_the_password(tmp_path: Path) -> None:
    command = redis_command(
        "redis-server",
        folder=tmp_path,
        port=1,
        memory_mb=1,
        evicts=False,
        password="geheim",  # noqa: S106
    )

    assert "geheim" not in " ".join(command)
    assert command[1] == str(tmp_path / "auth.conf")
    assert (tmp_path / "auth.conf").read_text() == "requirepass geheim\n"
    assert (tmp_path / "auth.conf").stat().st_mode & 0o777 == 0o600


def test_an_embedded_redis_is_reached_with_its_password_alone(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path, port=0, redis_url="redis://127.0.0.1:0/3", cache_url="redis://:my@[::1]:1/0"
    )  # fmt: skip

    resolved = resolve(settings, Ports())

    password = known_password(tmp_path / "redis-queue")
    assert password
    assert resolved.redis_url.startswith(f"redis://:{password}@127.0.0.1:")
    assert resolved.redis_url.endswith("/3")
    assert resolved.cache_url == settings.cache_url
    assert not (tmp_path / "redis-cache").exists()
    assert password in resolved.secrets  # what no log line holds
    assert ":@" not in resolved.chroma_url
