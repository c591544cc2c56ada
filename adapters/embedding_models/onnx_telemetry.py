"""ONNX Runtime tells nobody how it is used."""

import os


def disable_telemetry() -> None:
    """
    Keep ONNX Runtime from collecting and sending what it runs; to be called before its import.

    Its builds for Linux (1.32) else keep events in the user's cache folder and send them to their
    maker's servers, unasked. They look at the variable once, when they are loaded.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
