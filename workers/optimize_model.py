"""Making the int8 form of an embedding model and proving it; a process of its own, for torch."""

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

from rag.errors import Broken
from rag.ports import EmbedderIdentity
from workers.embedding_sample import SAMPLE
from workers.int8_model import (
    ENVIRONMENT,
    GRAPH,
    RECORD,
    REFERENCE,
    Int8Model,
    find,
    folder_name,
    locked,
    recipe_id,
    record_of,
    writable,
)
from workers.model_weights import DEFAULT_MODEL, ModelWeights, digest, resolve
from workers.onnx_graph import Largest, float_graph, int8_graph

_LIBRARIES = ("onnx", "onnxruntime", "tokenizers", "numpy", "sentence-transformers", "torch")


def make(model: str, weights: ModelWeights, place: Path) -> Int8Model:
    """
    Make the int8 form of *weights* in a folder of *place*, whole or not at all.

    Raises:
        Broken: The model is of another kind than the graph computes, a package is missing, or the
            int8 form does not agree with the model on the sample.
    """
    target = place / folder_name(weights)
    try:
        # Imported here: who only asks whether it is there does not wait for torch.
        from workers.sentence_embedder import SentenceEmbedder  # noqa: PLC0415 - see above

        # Cheap, and refuses a model of another kind before anything is loaded.
        in_floats = float_graph(weights.path)
    except ImportError as error:
        raise Broken(f"making an int8 form needs a package: {error}") from error
    full = SentenceEmbedder.open(model)
    graph = int8_graph(weights.path, measure(in_floats, weights.path, full.identity.max_tokens))
    with tempfile.TemporaryDirectory(dir=place, prefix=".new-") as name:
        folder = Path(name) / target.name
        folder.mkdir()
        (folder / GRAPH).write_bytes(graph)
        np.save(folder / REFERENCE, full.embed(SAMPLE, truncate=True))
        record = record_of(
            graph,
            _identity(full.identity),
            weights_sha256=digest(weights.path),
            made_with={name: metadata.version(name) for name in _LIBRARIES},
        )
        (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", "utf-8")
        prove(folder, weights)
        if target.exists():  # it was found to be wrong
            shutil.rmtree(target)
        folder.rename(target)
    return Int8Model.read(target, weights)


def measure(graph: bytes, folder: Path, max_tokens: int) -> Largest:
    """Return the largest magnitudes of each output of *graph* over the sample."""
    import onnxruntime  # noqa: PLC0415 - with the libraries
    from tokenizers import Tokenizer  # noqa: PLC0415 - the same

    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs() if output.name != "vectors"]
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


def prove(folder: Path, weights: ModelWeights) -> tuple[float, float]:
    """
    Embed the sample with the int8 form; returns the lowest and the mean cosine.

    Raises:
        Broken: They are too low.
    """
    from workers.onnx_embedder import OnnxEmbedder  # noqa: PLC0415 - with the libraries

    model = Int8Model.read(folder, weights)
    # Opening checks the sample.
    return model.agreement(OnnxEmbedder.load(model, weights).embed(SAMPLE, truncate=True))


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what is missing, and say in one line what there is; 1: it cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m workers.optimize_model", description=__doc__)
    parser.add_argument("model", nargs="?", default=DEFAULT_MODEL)
    parser.add_argument("places", nargs="*", type=Path, default=[ENVIRONMENT])
    parser.add_argument("--spare", type=Path, help="where to, if no other place can be written")
    options = parser.parse_args(arguments)
    places = [*options.places, *filter(None, [options.spare])]
    begin = time.monotonic()
    try:
        weights = resolve(options.model)
        found = find(weights, places)
        if found is not None:
            sys.stdout.write(f"{weights.name}: the int8 form is there, {found.folder}\n")
            return 0
        place = writable(places)
        with locked(place):
            made = find(weights, places) or make(options.model, weights, place)
        lowest, mean = prove(made.folder, weights)
    except (Broken, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    size = (made.folder / GRAPH).stat().st_size / 1e6
    seconds = time.monotonic() - begin
    sys.stdout.write(
        f"{weights.name}: int8 form made in {seconds:.0f} s, {size:.0f} MB, cosine to the model "
        f"{lowest:.4f} at least, {mean:.4f} on average, {made.folder}\n"
    )
    return 0


def _identity(full: EmbedderIdentity) -> EmbedderIdentity:
    """Return the identity of the int8 form of a model: the same but for what computes it."""
    return EmbedderIdentity(
        model=full.model,
        revision=full.revision,
        engine=f"onnxruntime-int8-{recipe_id()}:mean+normalize",
        dimension=full.dimension,
        max_tokens=full.max_tokens,
    )


if __name__ == "__main__":
    sys.exit(main())
