#!/usr/bin/env bash
# chromadb 1.5.9: a filter for a fraction also compares whole numbers, after cutting the fraction off.
#
# Expected: {"a": 1.5} finds rows whose value is 1.5, and {"a": {"$ne": 1.5}} all others.
# Seen: {"a": {"$eq": 1.5}} and {"a": {"$in": [1.5]}} find the row whose value is the whole number 1,
# as well as the row with 1.5; {"a": {"$ne": 1.5}} and {"a": {"$nin": [1.5]}} leave the row with 1 out. A fraction
# beyond 64 bits stands for the largest whole number: {"a": 9.3e18} finds 9223372036854775807.
# Bounds are cut, too: {"a": {"$lt": 1.5}} does not find 1, {"a": {"$gte": 1.5}} does.
# Who filters by prices, versions or ratios gets rows that do not match, and loses some that do.
# Fails where a later version does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -qq --disable-pip-version-check chromadb==1.5.9
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import chromadb

rows = chromadb.EphemeralClient().create_collection("numbers", embedding_function=None)
values = {"one": 1, "one and a half": 1.5, "two": 2, "most": 2**63 - 1}
rows.add(
    ids=list(values),
    embeddings=[[1.0, 0.0]] * len(values),
    metadatas=[{"a": value} for value in values.values()],
)


def found(where):
    return sorted(rows.get(where=where)["ids"])


seen = {
    "a = 1.5": found({"a": {"$eq": 1.5}}),
    "a in [1.5]": found({"a": {"$in": [1.5]}}),
    "a != 1.5": found({"a": {"$ne": 1.5}}),
    "a not in [1.5]": found({"a": {"$nin": [1.5]}}),
    "a = 9.3e18": found({"a": {"$eq": 9.3e18}}),
    "a < 1.5": found({"a": {"$lt": 1.5}}),
    "a >= 1.5": found({"a": {"$gte": 1.5}}),
}
for asked, ids in seen.items():
    print(f"{asked:16} {ids}")
assert seen["a = 1.5"] == seen["a in [1.5]"] == ["one", "one and a half"]
assert seen["a != 1.5"] == seen["a not in [1.5]"] == ["most", "two"]
assert seen["a = 9.3e18"] == ["most"]
assert seen["a < 1.5"] == []
assert seen["a >= 1.5"] == ["most", "one", "one and a half", "two"]
PYTHON
echo "as described, with chromadb 1.5.9"
