"""The ONNX forms of an embedding model: where they lie, what made them, and obtaining them."""

import fcntl
import hashlib
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from adapters.embedding_models.embedding_sample import SAMPLE
from adapters.embedding_models.model_weights import ModelWeights, sha256
from adapters.embedding_models.onnx_graph import FLOAT32, INT8
from rag.errors import Broken
from rag.ports import EmbedderIdentity, Vectors


@dataclass(frozen=True, slots=True)
class Precision:
    """
    One of the two forms of a model.

    Args:
        name: How people and folders call it.

        recipe: What decides its numbers besides the weights.

        lowest, mean: The cosine to the model that each text of the sample, and their average, must
            reach for the form to be used at all.
    """

    name: str
    recipe: Mapping[str, Any]
    lowest: float
    mean: float

    @property
    def recipe_id(self) -> str:
        """A short digest of everything but the weights that decides the vectors."""
        text = json.dumps([dict(self.recipe), SAMPLE], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()

    def identity(self, full: EmbedderIdentity) -> EmbedderIdentity:
        """
        Return what the form's vectors are recorded as; *full* is the model's own.

        In float32 they are the model's to rounding, and share its collections.
        """
        if self is IN_FLOAT32:
            return full
        return replace(full, engine=f"onnxruntime-int8-{self.recipe_id}:mean+normalize")


IN_INT8: Final = Precision("int8", INT8, lowest=0.985, mean=0.99)
# Two unit vectors of 384 numbers that differ by 1e-5 in each have a cosine of 1 - 2e-8.
IN_FLOAT32: Final = Precision("float32", FLOAT32, lowest=0.999_999, mean=0.999_999)

#: Beside the packages that hold the weights: found by every worker of an environment or image, and
#: gone with it.
ENVIRONMENT: Final = Path(sys.prefix) / "share" / "quern" / "models"

GRAPH: Final = "model.onnx"
WEIGHTS: Final = "model.weights"
RECORD: Final = "record.json"
REFERENCE: Final = "reference.npy"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OnnxForm:
    """
    A form on disk, checked against its record.

    Args:
        precision: Which form it is.

        folder: Where graph, weights, record and reference vectors lie.

        identity: What its vectors are recorded as.

        reference: What the full model made of the sample; float32, (len(SAMPLE), dimension).
    """

    precision: Precision
    folder: Path
    identity: EmbedderIdentity
    reference: Vectors

    @classmethod
    def read(cls, folder: Path, weights: ModelWeights, precision: Precision) -> Self:
        """
        Read a form of *weights*.

        Raises:
            Broken: It is not there, not whole, or was made from something else.
        """
        try:
            record = json.loads((folder / RECORD).read_text("utf-8"))
            reference = np.load(folder / REFERENCE, allow_pickle=False)
            identity = EmbedderIdentity(**record["identity"])
            parts = {GRAPH: record["sha256"], WEIGHTS: record["beside_sha256"]}
            wrong = [name for name, wanted in parts.items() if sha256(folder / name) != wanted]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Broken(f"{folder} holds no ONNX form of a model: {error}") from error
        if wrong:
            raise Broken(f"{folder / wrong[0]} is not what {RECORD} beside it tells of")
        made_from = (identity.model, identity.revision, record.get("recipe_id"))
        if made_from != (weights.name, weights.revision, precision.recipe_id):
            raise Broken(f"{folder} holds the form of another model or another recipe")
        return cls(precision, folder, identity, reference.astype(np.float32))

    def agreement(self, vectors: Vectors) -> tuple[float, float]:
        """Return the lowest and the mean cosine of the sample's *vectors* with the reference."""
        cosines = np.sum(vectors * self.reference, axis=1)
        return float(cosines.min()), float(cosines.mean())

    def check(self, vectors: Vectors) -> None:
        """
        Refuse *vectors* of the sample that are not close enough to the full model's.

        Raises:
            Broken: The form does not compute here what it should.
        """
        lowest, mean = self.agreement(vectors)
        wanted = self.precision
        # Not-a-number fails this comparison too.
        if not (lowest >= wanted.lowest and mean >= wanted.mean):
            raise Broken(
                f"the {wanted.name} form of {self.identity.model} does not agree with the model on "
                f"this processor (cosine {lowest:.6f} at least, {mean:.6f} on average; wanted are "
                f"{wanted.lowest} and {wanted.mean}): set "
                "QUERN_EMBEDDING_ENGINE=sentence-transformers"
            )


def folder_name(weights: ModelWeights, precision: Precision) -> str:
    """Return the name of the folder of a form of *weights*."""
    slug = "".join(c if c.isalnum() or c in "-._" else "-" for c in weights.name)
    return f"{slug}-{weights.revision[:12]}-{precision.name}-{precision.recipe_id}"


def find(weights: ModelWeights, precision: Precision, places: Sequence[Path]) -> OnnxForm | None:
    """Return a form of *weights* from the first place that has a right one."""
    for place in places:
        folder = place / folder_name(weights, precision)
        if folder.is_dir():
            try:
                return OnnxForm.read(folder, weights, precision)
            except Broken as error:
                log.warning("form of a model left aside", extra={"reason": str(error)})
    return None


def obtain(
    model: str, weights: ModelWeights, precision: Precision, places: Sequence[Path]
) -> OnnxForm:
    """
    Return a form of *weights*, made in another process where it is not there yet.

    Making needs torch, which this process shall not load.

    Raises:
        Broken: It is not there and cannot be made.
    """
    found = find(weights, precision, places)
    if found is None:
        what = {"model": weights.name, "precision": precision.name}
        log.info("making a form of the embedding model", extra=what)
        command = [sys.executable, "-P", "-m", "adapters.embedding_models.optimize_model"]
        made = subprocess.run(  # noqa: S603 - our own module
            [*command, f"--engine=onnx-{precision.name}", model, *map(str, places)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=False,
        )
        found = find(weights, precision, places)
        if found is None:
            said = made.stderr.strip().splitlines() or [f"it ended with {made.returncode}"]
            raise Broken(f"the {precision.name} form of {weights.name} cannot be made: {said[-1]}")
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
    graph: bytes,
    beside: bytes,
    identity: EmbedderIdentity,
    precision: Precision,
    *,
    weights_sha256: str,
    made_with: Mapping[str, str],
) -> dict[str, Any]:
    """Return what is recorded of a graph and of the weights *beside* it."""
    return {
        "identity": {name: getattr(identity, name) for name in EmbedderIdentity.__slots__},
        "sha256": hashlib.sha256(graph).hexdigest(),
        "beside_sha256": hashlib.sha256(beside).hexdigest(),
        "weights_sha256": weights_sha256,
        "recipe": dict(precision.recipe),
        "recipe_id": precision.recipe_id,
        "made_with": dict(made_with),
    }
