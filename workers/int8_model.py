"""The int8 form of an embedding model: where it lies, what it was made from, and making it."""

import fcntl
import hashlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from rag.errors import Broken
from rag.ports import EmbedderIdentity, Vectors
from workers.embedding_sample import SAMPLE
from workers.model_weights import ModelWeights, sha256
from workers.onnx_graph import RECIPE

#: What an int8 form must reach on each text of the sample, and on average, to be used at all.
LOWEST_COSINE: Final = 0.985
MEAN_COSINE: Final = 0.99

#: Beside the packages that hold the weights: found by every worker of an environment or image, and
#: gone with it.
ENVIRONMENT: Final = Path(sys.prefix) / "share" / "quern" / "models"

GRAPH: Final = "model.onnx"
RECORD: Final = "record.json"
REFERENCE: Final = "reference.npy"

log = logging.getLogger(__name__)


def recipe_id() -> str:
    """Return a short digest of everything but the weights that decides the vectors."""
    text = json.dumps([dict(RECIPE), SAMPLE], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


@dataclass(frozen=True, slots=True)
class Int8Model:
    """
    An int8 form on disk, checked against its record.

    Args:
        folder: Where graph, record and reference vectors lie.

        identity: What its vectors are recorded as.

        reference: What the full model made of the sample; float32, (len(SAMPLE), dimension).
    """

    folder: Path
    identity: EmbedderIdentity
    reference: Vectors

    @classmethod
    def read(cls, folder: Path, weights: ModelWeights) -> Self:
        """
        Read an int8 form of *weights*.

        Raises:
            Broken: It is not there, not whole, or was made from something else.
        """
        try:
            record = json.loads((folder / RECORD).read_text("utf-8"))
            reference = np.load(folder / REFERENCE, allow_pickle=False)
            identity = EmbedderIdentity(**record["identity"])
            found = sha256(folder / GRAPH)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Broken(f"{folder} holds no int8 form of a model: {error}") from error
        if found != record["sha256"]:
            raise Broken(f"{folder / GRAPH} is not what {RECORD} beside it tells of")
        made_from = (identity.model, identity.revision, record.get("recipe_id"))
        if made_from != (weights.name, weights.revision, recipe_id()):
            raise Broken(f"{folder} holds the int8 form of another model or another recipe")
        return cls(folder, identity, reference.astype(np.float32))

    def agreement(self, vectors: Vectors) -> tuple[float, float]:
        """Return the lowest and the mean cosine of the sample's *vectors* with the reference."""
        cosines = np.sum(vectors * self.reference, axis=1)
        return float(cosines.min()), float(cosines.mean())

    def check(self, vectors: Vectors) -> None:
        """
        Refuse *vectors* of the sample that are not close enough to the full model's.

        Raises:
            Broken: The int8 form does not compute here what it should.
        """
        lowest, mean = self.agreement(vectors)
        # Not-a-number fails this comparison too.
        if not (lowest >= LOWEST_COSINE and mean >= MEAN_COSINE):
            raise Broken(
                f"the int8 form of {self.identity.model} does not agree with the model on this "
                f"processor (cosine {lowest:.4f} at least, {mean:.4f} on average; wanted are "
                f"{LOWEST_COSINE} and {MEAN_COSINE}): set "
                "QUERN_EMBEDDING_ENGINE=sentence-transformers"
            )


def folder_name(weights: ModelWeights) -> str:
    """Return the name of the folder of the int8 form of *weights*."""
    slug = "".join(c if c.isalnum() or c in "-._" else "-" for c in weights.name)
    return f"{slug}-{weights.revision[:12]}-int8-{recipe_id()}"


def find(weights: ModelWeights, places: Sequence[Path]) -> Int8Model | None:
    """Return the int8 form of *weights* from the first place that has a right one."""
    for place in places:
        folder = place / folder_name(weights)
        if folder.is_dir():
            try:
                return Int8Model.read(folder, weights)
            except Broken as error:
                log.warning("int8 form left aside", extra={"reason": str(error)})
    return None


def obtain(model: str, weights: ModelWeights, places: Sequence[Path]) -> Int8Model:
    """
    Return the int8 form of *weights*, made in another process where it is not there yet.

    Making needs torch, which this process shall not load.

    Raises:
        Broken: It is not there and cannot be made.
    """
    found = find(weights, places)
    if found is None:
        log.info("making the int8 form of the embedding model", extra={"model": weights.name})
        command = [sys.executable, "-P", "-m", "workers.optimize_model", model]
        made = subprocess.run(  # noqa: S603 - our own module
            [*command, *map(str, places)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=False,
        )
        found = find(weights, places)
        if found is None:
            said = made.stderr.strip().splitlines() or [f"it ended with {made.returncode}"]
            raise Broken(f"the int8 form of {weights.name} cannot be made: {said[-1]}")
    return found


def writable(places: Sequence[Path]) -> Path:
    """
    Return the first of *places* that can be written, made if need be.

    Raises:
        Broken: None can.
    """
    for place in places:
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(place, os.W_OK):
            return place
    raise Broken(f"none of these folders can be written: {', '.join(map(str, places))}")


@contextmanager
def locked(place: Path) -> Iterator[None]:
    """Keep others from making anything in *place* meanwhile."""
    with (place / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def record_of(
    graph: bytes, identity: EmbedderIdentity, *, weights_sha256: str, made_with: Mapping[str, str]
) -> dict[str, Any]:
    """Return what is recorded beside a graph."""
    return {
        "identity": {name: getattr(identity, name) for name in EmbedderIdentity.__slots__},
        "sha256": hashlib.sha256(graph).hexdigest(),
        "weights_sha256": weights_sha256,
        "recipe": dict(RECIPE),
        "recipe_id": recipe_id(),
        "made_with": dict(made_with),
    }
