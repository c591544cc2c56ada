#!/usr/bin/env bash
# chromadb 1.5.9 (its server): upserts into one collection that run at the same time cost the server
# several times the processor time of the same upserts one after the other.
#
# The rows are the same, each is written once, and no upsert holds a row of another. Expected: about
# the same processor time; what is done at the same time may be done sooner, or wait, at no higher price.
# Seen: 2 to 10 times as much, here for 2,048 rows of 384 numbers in upserts of 32, by eight threads and
# by one. Who feeds a server from several threads or workers does better to feed it from one.
# Fails where a later version does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
server=
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -qq --disable-pip-version-check chromadb==1.5.9 psutil==7.2.2
port=$("$folder/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
ANONYMIZED_TELEMETRY=False "$folder/venv/bin/chroma" run --path "$folder/data" --host 127.0.0.1 --port "$port" >"$folder/log" 2>&1 &
server=$!
ANONYMIZED_TELEMETRY=False "$folder/venv/bin/python" - "$port" "$server" <<'PYTHON'
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import chromadb
import psutil

PORT, SERVER = int(sys.argv[1]), psutil.Process(int(sys.argv[2]))
ROWS, TOGETHER, NUMBERS = 2048, 32, 384
rng = random.Random(1)
vectors = [[rng.gauss(0, 1) for _ in range(NUMBERS)] for _ in range(ROWS)]
ids = [f"row-{n}" for n in range(ROWS)]
for _ in range(300):
    try:
        client = chromadb.HttpClient(host="127.0.0.1", port=PORT)
        break
    except ValueError:
        time.sleep(0.1)


def spent():
    """Return the processor time of the server, in seconds."""
    processes = [SERVER, *SERVER.children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def fed(name, threads):
    """Return the server's processor time for all rows, in milliseconds a row."""
    collection = client.create_collection(name, embedding_function=None)

    def upsert(first):
        rows = slice(first, first + TOGETHER)
        collection.upsert(ids=ids[rows], embeddings=vectors[rows])

    began = spent()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(upsert, range(0, ROWS, TOGETHER)))
    assert collection.count() == ROWS
    return (spent() - began) * 1000 / ROWS


fed("warm", 1)
alone, together = [], []
for round_ in range(3):
    alone.append(fed(f"alone-{round_}", 1))
    together.append(fed(f"together-{round_}", 8))
one, eight = sorted(alone)[1], sorted(together)[1]
print(f"one thread {one:.2f} ms a row, eight threads {eight:.2f}: {eight / one:.1f} times as much")
assert eight > 1.5 * one
PYTHON
echo "as described, with chromadb 1.5.9"
