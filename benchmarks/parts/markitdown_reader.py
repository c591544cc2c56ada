"""
Reads files with markitdown, for `benchmarks.parts.peer`: a program for another interpreter.

Each line of its input is a path in JSON; each line of its output, after a first one with the
version, is an object with the `text` or the `error`. It imports nothing of this project.
"""

import importlib
import json
import os
import sys
from importlib.metadata import version


def main() -> None:
    """Serve until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    reader = importlib.import_module("markitdown").MarkItDown(enable_plugins=False)
    print(json.dumps({"version": version("markitdown")}), file=answers, flush=True)
    for line in sys.stdin:
        try:
            answer = {"text": reader.convert_local(json.loads(line)).text_content}
        except Exception as error:  # noqa: BLE001 - whatever a library raises is a refusal here
            answer = {"error": f"{type(error).__name__}: {str(error)[:200]}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
