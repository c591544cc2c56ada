"""Backups of a data folder with real servers: held files, an empty target, damage that is seen."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from corpus.blobs import BlobStore
from protocol.keys import key
from rag.errors import Broken
from runtime.settings import Settings
from stack.backups import primary
from stack.backups.backup import make_backup
from stack.backups.hold import files_held
from stack.backups.manifest import NotWhole, read_manifest
from stack.backups.primary import load_snapshot
from stack.backups.restore import restore_backup
from stack.backups.snapshot import fetch_snapshot
from stack.run_folder import RESTORING, HalfRestored, RunFolder
from stack.up import Stack


def nothing(*_: object) -> None:
    """Hear how far it is."""


@contextmanager
def queue(data_dir: Path) -> Iterator[Redis]:
    """Run the queue Redis of a data folder."""
    with (
        Stack.start(data_dir=data_dir, only=["redis-queue"]) as stack,
        Redis.from_url(stack.redis_url, decode_responses=True) as redis,
    ):
        yield redis


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a data folder with two keys, two files and one segment; its Redis runs."""
    folder = tmp_path_factory.mktemp("source") / "data"
    for text in (b"one", b"two"):
        BlobStore(folder / "blobs").put(text)
    (folder / "archive" / "abcd").mkdir(parents=True)
    (folder / "archive" / "abcd" / "segmnt").write_bytes(b"rows")
    with queue(folder) as redis:
        redis.hset("quern:unit:a", mapping={"state": "succeeded"})
        redis.set("quern:idempotency:b", "c", ex=10_000)
        yield folder


@pytest.fixture(scope="module")
def backup(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backup") / "b"
    made = make_backup(Settings(data_dir=data_dir), folder, told=nothing)
    assert (made.blobs, made.copied, made.unreadable) == (2, 2, ())
    return folder


def test_what_runs_and_what_was_stopped_is_backed_up_and_starts_from_the_copy(
    backup: Path, tmp_path: Path
) -> None:
    restored = Settings(data_dir=tmp_path / "data")

    restore_backup(restored, backup, told=nothing)

    with queue(tmp_path / "data") as redis:
        assert redis.hgetall("quern:unit:a") == {"state": "succeeded"}
        assert 9_000 < redis.ttl("quern:idempotency:b") <= 10_000
        redis.set("quern:written", "since")
        redis.delete(key("lock", "backup"))  # else the next one waits until it has lapsed
    make_backup(restored, tmp_path / "again", told=nothing)  # nothing runs now
    restore_backup(Settings(data_dir=tmp_path / "other"), tmp_path / "again", told=nothing)
    with queue(tmp_path / "other") as redis:
        assert redis.get("quern:written") == "since"
        assert redis.hgetall("quern:unit:a") == {"state": "succeeded"}
    assert BlobStore(restored.blobs).has(BlobStore(tmp_path / "third").put(b"two"))
    assert (tmp_path / "data" / "archive" / "abcd" / "segmnt").read_bytes() == b"rows"


def test_a_second_backup_copies_what_is_new_and_forgets_what_is_gone(
    data_dir: Path, tmp_path: Path
) -> None:
    settings, folder = Settings(data_dir=data_dir), tmp_path / "b"
    first = make_backup(settings, folder, told=nothing)
    (gone,) = [path for path in folder.glob("blobs/*/*") if path.read_bytes() == b"one"]
    (data_dir / "blobs" / gone.parent.name / gone.name).unlink()
    BlobStore(settings.blobs).put(b"three")

    second = make_backup(settings, folder, told=nothing)

    BlobStore(settings.blobs).put(b"one")
    assert (second.blobs, second.copied) == (2, 1)
    assert not gone.exists()
    assert {path.name for path in folder.iterdir()} == {
        "archive", "blobs", "manifest.json", *second.manifest.parts,
    }  # fmt: skip
    assert not first.manifest.parts.keys() & second.manifest.parts.keys()
    restore_backup(Settings(data_dir=tmp_path / "data"), folder, told=nothing)


def test_a_backup_that_was_killed_leaves_the_one_before_whole(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, folder = Settings(data_dir=data_dir), tmp_path / "b"
    first = make_backup(settings, folder, told=nothing)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("stack.backups.backup.write_manifest", killed)
    with pytest.raises(KeyboardInterrupt):
        make_backup(settings, folder, told=nothing)

    assert read_manifest(folder) == first.manifest
    restore_backup(Settings(data_dir=tmp_path / "data"), folder, told=nothing)


def damaged(backup: Path, tmp_path: Path, pattern: str) -> Path:
    """Copy a backup and spoil one of its files."""
    copy = tmp_path / "copy"
    for path in backup.rglob("*"):
        if path.is_file():
            place = copy / path.relative_to(backup)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    next(iter(sorted(copy.glob(pattern)))).write_bytes(b"spoilt")
    return copy


@pytest.mark.parametrize("pattern", ["*.rdb", "blobs-*", "blobs/*/*", "archive/*/*", "segments-*"])
def test_a_damaged_backup_is_refused_and_nothing_starts_on_half_a_restore(
    backup: Path, tmp_path: Path, pattern: str
) -> None:
    settings = Settings(data_dir=tmp_path / "data")

    with pytest.raises(NotWhole, match="damaged"):
        restore_backup(settings, damaged(backup, tmp_path, pattern), told=nothing)

    if (settings.data_dir / RESTORING).exists():
        with pytest.raises(HalfRestored), RunFolder(settings.data_dir).locked():
            pass
        restore_backup(settings, backup, told=nothing)  # the same one, whole again
        with RunFolder(settings.data_dir).locked():
            pass


def test_a_backup_without_a_manifest_and_a_folder_that_is_not_empty_are_refused(
    backup: Path, tmp_path: Path, clean_redis: str
) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(NotWhole, match="manifest is missing"):
        restore_backup(Settings(data_dir=tmp_path / "data"), tmp_path / "none", told=nothing)
    (tmp_path / "held" / "chroma").mkdir(parents=True)
    with pytest.raises(Broken, match=r"is not empty \(chroma\)"):
        restore_backup(Settings(data_dir=tmp_path / "held"), backup, told=nothing)
    outside = clean_redis.replace("127.0.0.1", "[::ffff:127.0.0.1]")
    with Redis.from_url(clean_redis) as redis:
        redis.set("somebody", "else's")
    with pytest.raises(Broken, match="QUERN_REDIS_URL"):
        restore_backup(
            Settings(data_dir=tmp_path / "data", redis_url=outside), backup, told=nothing
        )
    with pytest.raises(Broken, match="holds other files"):
        make_backup(Settings(data_dir=backup), tmp_path / "held", told=nothing)
    with pytest.raises(Broken, match="there is nothing in "):
        make_backup(Settings(data_dir=tmp_path / "new"), tmp_path / "fresh", told=nothing)


def test_a_server_elsewhere_takes_a_snapshot_over_the_wire_and_writes_it_down(
    clean_redis: str, tmp_path: Path
) -> None:
    with Redis.from_url(clean_redis) as redis:
        for n in range(2_000):
            redis.set(f"quern:unit:{n}", "x" * n)
        fetch_snapshot(clean_redis, tmp_path / "s", told=nothing)
        redis.flushall()
    with Stack.start(data_dir=tmp_path / "data", only=["redis-queue"]) as stack:
        url = stack.redis_url.replace("127.0.0.1", "[::ffff:127.0.0.1]")

        load_snapshot(url, tmp_path / "s", told=nothing)

        with Redis.from_url(url) as redis:
            assert redis.dbsize() == 2_000
            assert redis.info("replication")["role"] == "master"
            redis.set("written", "since")
    with queue(tmp_path / "data") as redis:
        assert (redis.dbsize(), redis.strlen("quern:unit:1999")) == (2_001, 1_999)


def test_a_server_that_cannot_read_a_snapshot_is_left_alone_and_it_is_told(
    clean_redis: str, tmp_path: Path
) -> None:
    (tmp_path / "s").write_bytes(b"REDIS9999 of the year 3000")
    with Redis.from_url(clean_redis) as redis:
        with pytest.raises(Broken, match="did not take the snapshot"):
            load_snapshot(clean_redis, tmp_path / "s", told=nothing)

        assert redis.info("replication")["role"] == "master"


def test_a_redis_that_does_not_answer_is_told_in_words(backup: Path, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", redis_url="redis://[::1]:1/0")

    with pytest.raises(Broken, match="queue Redis does not answer"):
        make_backup(settings, tmp_path / "b", told=nothing)
    with pytest.raises(Broken, match="queue Redis does not answer"):
        restore_backup(settings, backup, told=nothing)


def test_a_restore_that_was_interrupted_while_it_filled_a_redis_elsewhere_is_run_again(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*given: Any, **more: Any) -> None:
        load_snapshot(*given, **more)
        raise KeyboardInterrupt

    with Stack.start(data_dir=tmp_path / "elsewhere", only=["redis-queue"]) as stack:
        url = stack.redis_url.replace("127.0.0.1", "[::ffff:127.0.0.1]")
        settings = Settings(data_dir=tmp_path / "data", redis_url=url)
        with monkeypatch.context() as patched:
            patched.setattr("stack.backups.restore.load_snapshot", killed)
            with pytest.raises(KeyboardInterrupt):
                restore_backup(settings, backup, told=nothing)

        restore_backup(settings, backup, told=nothing)

        with Redis.from_url(url, decode_responses=True) as redis:
            assert redis.hgetall("quern:unit:a") == {"state": "succeeded"}
        with RunFolder(settings.data_dir).locked():
            pass


def test_half_a_restore_fills_no_other_redis_that_holds_something(
    backup: Path, tmp_path: Path, clean_redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with Stack.start(data_dir=tmp_path / "elsewhere", only=["redis-queue"]) as stack:
        url = stack.redis_url.replace("127.0.0.1", "[::ffff:127.0.0.1]")
        monkeypatch.setattr("stack.backups.restore.load_snapshot", killed)
        with pytest.raises(KeyboardInterrupt):
            restore_backup(
                Settings(data_dir=tmp_path / "data", redis_url=url), backup, told=nothing
            )
    other = clean_redis.replace("127.0.0.1", "[::ffff:127.0.0.1]")
    with Redis.from_url(clean_redis) as redis:
        redis.set("somebody", "else's")

    with pytest.raises(Broken, match="QUERN_REDIS_URL"):
        restore_backup(Settings(data_dir=tmp_path / "data", redis_url=other), backup, told=nothing)


def test_a_server_that_empties_itself_before_it_loads_is_waited_for(
    clean_redis: str, tmp_path: Path
) -> None:
    with Redis.from_url(clean_redis) as redis:
        redis.set("one", "1")
        fetch_snapshot(clean_redis, tmp_path / "s", told=nothing)
        redis.set("two", "2")

        load_snapshot(clean_redis, tmp_path / "s", told=nothing)

        assert redis.keys() == [b"one"]


def test_a_long_way_to_a_server_elsewhere_is_not_taken_for_one_that_does_not_load(
    clean_redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Redis.from_url(clean_redis) as redis:
        for n in range(300):
            redis.set(f"quern:unit:{n}", os.urandom(1_000))
        fetch_snapshot(clean_redis, tmp_path / "s", told=nothing)
        redis.flushall()
        monkeypatch.setattr(primary, "BLOCK", 50_000)
        monkeypatch.setattr(primary, "LOAD_S", 2.0)

        load_snapshot(clean_redis, tmp_path / "s", told=lambda *_: time.sleep(0.5))

        assert redis.dbsize() == 300


def test_one_backup_holds_the_files_and_one_that_lost_its_hold_is_no_backup(
    clean_redis: str,
) -> None:
    with Redis.from_url(clean_redis, decode_responses=True) as redis:
        with files_held(redis):
            with pytest.raises(Broken, match="another backup"), files_held(redis):
                pass
            assert 0 < redis.pttl(key("lock", "backup")) <= 60_000
        assert not redis.exists(key("lock", "backup"))

        with pytest.raises(Broken, match="run it again"), files_held(redis):
            redis.delete(key("lock", "backup"))  # as when this process stood still


def test_the_settings_that_decide_what_data_are_go_along(data_dir: Path, tmp_path: Path) -> None:
    settings = replace(
        Settings(data_dir=data_dir), chunk_tokens=100, openai_key="secret", port=4_444
    )

    made = make_backup(settings, tmp_path / "b", told=nothing)

    assert made.manifest.settings == {"chunk_tokens": "100"}
    assert "secret" not in (tmp_path / "b" / "manifest.json").read_text()
