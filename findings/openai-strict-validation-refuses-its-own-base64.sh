#!/usr/bin/env bash
# openai 3.57.0 cannot read embeddings that come as it asks for them where its strict checks are on.
#
# Expected: `embeddings.create` without `encoding_format` asks for base64, decodes what comes and
# returns numbers; with `_strict_response_validation=True` the same, because they are numbers.
# Seen: the answer is checked before it is decoded, against a list of numbers:
# APIResponseValidationError for each answer that is what the client asked for. Only
# `encoding_format="float"` passes. Without the strict checks the numbers are right.
# Fails where a later version does otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -qq --disable-pip-version-check openai==3.57.0
"$folder/venv/bin/python" - <<'PYTHON'
import base64
import json
import struct
import sys

import httpx2
import openai

NUMBERS = [0.5, -0.25, 1.0]
asked = []


def answer(request: httpx2.Request) -> httpx2.Response:
    """Answer as OpenAI's service does, in the form that is asked for."""
    form = json.loads(request.content).get("encoding_format")
    asked.append(form)
    packed = base64.b64encode(struct.pack("<3f", *NUMBERS)).decode()
    vector = packed if form == "base64" else NUMBERS
    return httpx2.Response(200, json={
        "object": "list", "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1},
        "data": [{"object": "embedding", "index": 0, "embedding": vector}],
    })


def told(*, strict: bool, **more: str) -> str:
    """Return what a client makes of the answer."""
    with openai.OpenAI(
        base_url="http://service.invalid/v1", api_key="none", max_retries=0,
        _strict_response_validation=strict,
        http_client=httpx2.Client(transport=httpx2.MockTransport(answer)),
    ) as client:
        try:
            made = client.embeddings.create(model="m", input="a text", **more)
        except openai.APIResponseValidationError as error:
            return type(error).__name__
        return "right" if list(made.data[0].embedding) == NUMBERS else "wrong"


seen = (told(strict=False), told(strict=True), told(strict=True, encoding_format="float"), asked)
print("default, loose and strict:", seen[0], seen[1], "- strict, float:", seen[2], "- asked:", asked)
expected = ("right", "APIResponseValidationError", "right", ["base64", "base64", "float"])
sys.exit(0 if seen == expected else "openai does otherwise now")
PYTHON
