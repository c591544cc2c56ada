"""Making a form of an embedding model and proving it; a process of its own, for torch."""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from adapters.embedding_models.embedding_engines import (
    AUTO,
    ENGINES,
    Engine,
    candidates,
    first_that_works,
)
from adapters.embedding_models.embedding_sample import SAMPLE
from adapters.embedding_models.model_weights import DEFAULT_MODEL, ModelWeights, digest, resolve
from adapters.embedding_models.onnx_form import (
    ENVIRONMENT,
    GRAPH,
    IN_INT8,
    RECORD,
    REFERENCE,
    WEIGHTS,
    OnnxForm,
    Precision,
    find,
    folder_name,
    locked,
    record_of,
    writable,
)
from adapters.embedding_models.onnx_graph import Largest, float_graph, int8_graph, measuring_graph
from adapters.embedding_models.onnx_telemetry import disable_telemetry
from adapters.embedding_models.onnx_weights import apart
from rag.errors import Broken

_LIBRARIES = ("onnx", "onnxruntime", "tokenizers", "numpy", "sentence-transformers", "torch")


def make(model: str, weights: ModelWeights, precision: Precision, place: Path) -> OnnxForm:
    """
    Make a form of *weights* in a folder of *place*, whole or not at all.

    Raises:
        Broken: The model is of another kind than the graph computes, a package is missing, or the
            form does not agree with the model on the sample.
    """
    target = place / folder_name(weights, precision)
    try:
        # Imported here: who only asks whether it is there does not wait for torch.
        from adapters.embedding_models.sentence_embedder import SentenceEmbedder  # noqa: PLC0415 - see above

        # Cheap, and refuses a model of another kind before anything is loaded.
        in_floats = float_graph(weights.path)
    except ImportError as error:
        raise Broken(f"making a form of a model needs a package: {error}") from error
    full = SentenceEmbedder.open(model)
    graph = in_floats if precision is not IN_INT8 else _int8(weights, full.identity.max_tokens)
    graph, beside = apart(graph, WEIGHTS)
    with tempfile.TemporaryDirectory(dir=place, prefix=".new-") as name:
        folder = Path(name) / target.name
        folder.mkdir()
        (folder / GRAPH).write_bytes(graph)
        (folder / WEIGHTS).write_bytes(beside)
        np.save(folder / REFERENCE, full.embed(SAMPLE, truncate=True))
        record = record_of(
            graph,
            beside,
            precision.identity(full.identity),
            precision,
            weights_sha256=digest(weights.path),
            made_with={name: metadata.version(name) for name in _LIBRARIES},
        )
        (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", "utf-8")
        prove(folder, weights, precision)
        if target.exists():  # it was found to be wrong
            shutil.rmtree(target)
        folder.rename(target)
    return OnnxForm.read(target, weights, precision)


def _int8(weights: ModelWeights, max_tokens: int) -> bytes:
    """Return the int8 graph of *weights*, balanced on the sample."""
    largest = measure(measuring_graph(weights.path), weights.path, max_tokens)
    return int8_graph(weights.path, largest)


def measure(graph: bytes, folder: Path, max_tokens: int) -> Largest:
    """Return the largest magnitudes of each output of *graph* over the sample."""
    disable_telemetry()
    import onnxruntime  # noqa: PLC0415 - with the libraries
    from tokenizers import Tokenizer  # noqa: PLC0415 - the same

    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = [
        output.name for output in session.get_outputs() if output.name not in ("vectors", "states")
    ]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens + tokenizer.num_special_tokens_to_add(is_pair=False))
    largest: dict[str, NDArray[np.float32]] = {}
    for encoding in tokenizer.encode_batch(list(SAMPLE)):
        found = session.run(names, {"ids": np.array([encoding.ids], dtype=np.int64)})
        for name, numbers in zip(names, found, strict=True):
            peak = np.abs(numbers[0]).max(axis=0)
            largest[name] = np.maximum(peak, largest.get(name, peak))
    return largest


def prove(folder: Path, weights: ModelWeights, precision: Precision) -> tuple[float, float]:
    """
    Embed the sample with a form; returns the lowest and the mean cosine.

    Raises:
        Broken: They are too low.
    """
    from adapters.embedding_models.onnx_embedder import OnnxEmbedder  # noqa: PLC0415 - with the libraries

    form = OnnxForm.read(folder, weights, precision)
    # Opening checks the sample.
    return form.agreement(OnnxEmbedder.load(form, weights).embed(SAMPLE, truncate=True))


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what this host embeds with, if it is missing; say in one line what it is, and why."""
    parser = argparse.ArgumentParser(
        prog="python -m adapters.embedding_models.optimize_model", description=__doc__
    )
    parser.add_argument("model", nargs="?", default=DEFAULT_MODEL)
    parser.add_argument("places", nargs="*", type=Path, default=[ENVIRONMENT])
    parser.add_argument("--engine", choices=[AUTO, *ENGINES], default=AUTO)
    parser.add_argument("--spare", type=Path, help="where to, if no other place can be written")
    options = parser.parse_args(arguments)
    places = [*options.places, *filter(None, [options.spare])]

    def there(engine: Engine) -> str:
        if engine.precision is None:
            return "nothing to make"
        return _there(options.model, weights, engine.precision, places)

    try:
        weights = resolve(options.model)
        what, engine = first_that_works(
            candidates(options.engine, weights.name), there, refusals=(Broken, OSError)
        )
    except (Broken, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{weights.name} is computed in {engine.told} ({what})\n")
    return 0


def _there(model: str, weights: ModelWeights, precision: Precision, places: Sequence[Path]) -> str:
    """Make a form where it is missing; says what there is. Raises Broken and OSError."""
    found = find(weights, precision, places)
    if found is not None:
        return f"found in {found.folder}"
    begin = time.monotonic()
    place = writable(places)
    with locked(place):
        made = find(weights, precision, places) or make(model, weights, precision, place)
    lowest, mean = prove(made.folder, weights, precision)
    size = sum((made.folder / name).stat().st_size for name in (GRAPH, WEIGHTS)) / 1e6
    return (
        f"made in {time.monotonic() - begin:.0f} s, {size:.0f} MB, cosine to the model "
        f"{lowest:.4f} at least, {mean:.4f} on average, {made.folder}"
    )


if __name__ == "__main__":
    sys.exit(main())
