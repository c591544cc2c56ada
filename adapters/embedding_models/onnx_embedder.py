"""The embedder for processors: a form of a model on ONNX Runtime, without torch."""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from adapters.embedding_models.embedding_sample import SAMPLE
from adapters.embedding_models.model_weights import ModelWeights, resolve
from adapters.embedding_models.onnx_form import (
    ENVIRONMENT,
    GRAPH,
    IN_INT8,
    OnnxForm,
    Precision,
    obtain,
)
from adapters.embedding_models.onnx_telemetry import disable_telemetry
from rag import sentence_codes
from rag.errors import Broken, InvalidRequest, NoVector
from rag.ports import EmbeddedPassages, EmbedderIdentity, PassageText, Vectors
from runtime.cores import usable_cores
from runtime.fair_threads import FairThreads

if TYPE_CHECKING:
    from pathlib import Path

    from onnxruntime import InferenceSession
    from tokenizers import Encoding, Tokenizer

NORM_TOLERANCE = 1e-3
WINDOW = 1_000  # texts tokenised at once
REMEMBERED = 1_000  # texts whose tokens are kept: what is counted is embedded soon after
LONGEST_REMEMBERED = 2_000  # characters of such a text: some megabytes in all

log = logging.getLogger(__name__)

#: A text's tokens: their ids, and where in the text each begins and ends; shape (3, tokens).
_Tokens = NDArray[np.int32]


class OnnxEmbedder:
    """
    An `Embedder` on ONNX Runtime, safe to call from several threads, some at a time.

    Each text is a pass of its own on one thread, and several passes run side by side. On a
    processor that is faster than a batch: int8 products of one text already fill a core, nothing
    is padded, and no thread waits for another. A pass takes milliseconds and calls take turns, so
    a question waits for a few passes, never for the rest of a long call.
    A text's vector depends on that text alone.
    """

    def __init__(
        self,
        session: "InferenceSession",
        tokenizer: "Tokenizer",
        identity: EmbedderIdentity,
        *,
        threads: int,
    ) -> None:
        """Use a loaded model; see `open`."""
        self._session = session
        self._tokenizer = tokenizer
        self._identity = identity
        self._special = tokenizer.num_special_tokens_to_add(is_pair=False)
        self._after = _special_tokens_after(tokenizer)
        self._recent = _RecentTokens()
        self._passes = FairThreads(threads, name="embed")

    @classmethod
    def open(
        cls,
        model: str,
        *,
        precision: Precision = IN_INT8,
        threads: int = 0,
        places: "Sequence[Path]" = (ENVIRONMENT,),
    ) -> Self:
        """
        Load a form of *model*, made where it is missing, and check it on the sample.

        Args:
            model: As `SentenceEmbedder.open` takes it.

            precision: Which form.

            threads: Passes side by side; 0 means one for each core this process may use.

            places: Folders where the form may lie; it is made in the first that can be written.

        Raises:
            Broken: The model is not there, has no such form, or does not embed as it should.
        """
        weights = resolve(model)
        return cls.load(obtain(model, weights, precision, places), weights, threads=threads)

    @classmethod
    def load(cls, form: OnnxForm, weights: ModelWeights, *, threads: int = 0) -> Self:
        """Load a form that is there, and check it on the sample; see `open`."""
        try:
            disable_telemetry()
            # Imported here: a worker on another engine does without them.
            import onnxruntime  # noqa: PLC0415 - see above
            from tokenizers import Tokenizer  # noqa: PLC0415 - the same
        except ImportError as error:
            raise Broken(f"the ONNX form of a model needs a package: {error}") from error

        options = onnxruntime.SessionOptions()
        # One thread a pass: it has no pool whose threads could spin while they wait.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # The graph is what it should be; a rewrite would bring back nodes that are slower here.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            session = onnxruntime.InferenceSession(
                str(form.folder / GRAPH), options, providers=["CPUExecutionProvider"]
            )
            tokenizer = Tokenizer.from_file(str(weights.path / "tokenizer.json"))
        except Exception as error:  # both libraries raise their own, and plain Exception
            raise Broken(f"{form.folder} does not load as an embedding model: {error}") from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        cores = usable_cores()
        embedder = cls(session, tokenizer, form.identity, threads=threads or cores)
        form.check(embedder.embed(SAMPLE, truncate=True))
        log.info("embedding model loaded", extra={"model": weights.name, "path": str(form.folder)})
        return embedder

    @property
    def identity(self) -> EmbedderIdentity:
        """What made these vectors."""
        return self._identity

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, uncut, special tokens not included."""
        return [tokens.shape[1] - self._special for tokens in self._encode(texts)]

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> Vectors:
        """
        Return float32 vectors of shape (len(texts), dimension), each of norm 1, in order.

        Args:
            texts: Each at most `identity.max_tokens` long.

            truncate: Embed the beginning of a longer text, as for a question, instead of refusing.

        Raises:
            InvalidRequest: A text is too long and must not be cut.

            Broken: The model answered something that is not such vectors.
        """
        rows = self._read(texts, truncate=truncate)
        vectors = np.empty((len(rows), self._identity.dimension), dtype=np.float32)

        def one(row: int) -> None:
            vectors[row] = self._forward(rows[row], "vectors")[0]

        self._passes.each(one, _longest_first(rows))
        return _checked(vectors)

    def embed_passages(self, passages: Sequence[PassageText]) -> EmbeddedPassages:
        """
        Embed passages, and their sentences out of the same pass.

        Raises:
            InvalidRequest: A passage is too long.

            Broken: The model answered something that is not such vectors.
        """
        rows = self._read([passage.whole for passage in passages], truncate=False)
        vectors = np.empty((len(rows), self._identity.dimension), dtype=np.float32)
        sentences = [b""] * len(rows)

        def one(row: int) -> None:
            vectors[row], states = self._forward(rows[row], "vectors", "states")
            sentences[row] = _sentences(passages[row], vectors[row], states, rows[row])

        self._passes.each(one, _longest_first(rows))
        return EmbeddedPassages(_checked(vectors), sentences)

    def _forward(self, tokens: _Tokens, *wanted: str) -> list[Vectors]:
        """Compute outputs for one text: `vectors` (dimension,), `states` (tokens, dimension)."""
        given = {"ids": tokens[:1].astype(np.int64)}
        outputs: list[Vectors] = self._session.run(list(wanted), given)
        expected = {"vectors": (1,), "states": (1, tokens.shape[1])}
        for name, found in zip(wanted, outputs, strict=True):
            if found.shape != (*expected[name], self._identity.dimension):
                raise Broken(f"the model answered {name} of shape {found.shape}")
        return [found[0] for found in outputs]

    def _read(self, texts: Sequence[str], *, truncate: bool) -> list[_Tokens]:
        """Return the tokens of each text, special ones included, cut where that is allowed."""
        rows, longest = [], self._identity.max_tokens
        for which, tokens in enumerate(self._encode(texts)):
            count = tokens.shape[1] - self._special
            if count <= longest:
                rows.append(tokens)
            elif truncate:
                rows.append(self._cut(tokens))
            else:
                raise InvalidRequest(
                    "texts",
                    f"text {which} has {count} tokens, the model {self._identity.model} reads "
                    f"{longest}: cut it into chunks, or allow it to be truncated",
                )
        return rows

    def _cut(self, tokens: _Tokens) -> _Tokens:
        """Return the beginning of a text between the special tokens of the whole."""
        first = self._identity.max_tokens + self._special - self._after
        after = tokens.shape[1] - self._after
        return np.concatenate([tokens[:, :first], tokens[:, after:]], axis=1)

    def _encode(self, texts: Sequence[str]) -> Iterator[_Tokens]:
        """Yield each text's tokens, uncut, special tokens included."""
        for at in range(0, len(texts), WINDOW):
            window = texts[at : at + WINDOW]
            known = self._recent.find(window)
            fresh = [text for text in dict.fromkeys(window) if text not in known]
            if fresh:
                encodings = self._tokenizer.encode_batch(fresh)
                found = dict(zip(fresh, map(_tokens, encodings), strict=True))
                self._recent.keep(found)
                known |= found
            yield from (known[text] for text in window)


def _longest_first(rows: Sequence[_Tokens]) -> list[int]:
    """Order rows so that no thread is left with a long one at the end."""
    return sorted(range(len(rows)), key=lambda row: -rows[row].shape[1])


def _checked(vectors: Vectors) -> Vectors:
    """Return vectors that are of norm 1; raises Broken."""
    # Not-a-number fails this comparison too.
    if not np.all(np.abs(np.linalg.norm(vectors, axis=1) - 1) < NORM_TOLERANCE):
        raise NoVector("the model answered vectors that are not of norm 1")
    return vectors


def _sentences(passage: PassageText, vector: Vectors, states: Vectors, tokens: _Tokens) -> bytes:
    """
    Average the states of each sentence's tokens and of the title's, and pack what comes out.

    Args:
        passage: What was embedded.

        vector: Its vector, of shape (dimension,).

        states: Of its tokens, special ones included; shape (tokens, dimension).

        tokens: Those; special ones are empty.
    """
    if not passage.sentences:
        return b""
    shift = len(passage.before)
    _, starts, ends = tokens
    real = ends > starts
    spans = np.array(passage.sentences)
    inside = (starts < spans[:, 1:] + shift) & (ends > spans[:, :1] + shift) & real
    title = inside.any(axis=1)[:, np.newaxis] & real & (ends <= shift)
    sums = (inside | title).astype(np.float32) @ states
    # Of a sentence without a token, all of it is known that is known of the passage.
    sums[~inside.any(axis=1)] = vector
    sums /= np.linalg.norm(sums, axis=1, keepdims=True)
    return sentence_codes.encode(vector, sums, spans[:, 1])


def _special_tokens_after(tokenizer: "Tokenizer") -> int:
    """Return how many special tokens stand after a text."""
    special = tokenizer.encode("a").special_tokens_mask
    return len(list(takewhile(bool, reversed(special))))


def _tokens(encoding: "Encoding") -> _Tokens:
    """Return a text's tokens."""
    tokens = np.empty((3, len(encoding.ids)), dtype=np.int32)
    tokens[0] = encoding.ids
    tokens[1:] = np.array(encoding.offsets, dtype=np.int32).T
    return tokens


class _RecentTokens:
    """The tokens of the last texts, for any thread: a chunk is counted and then embedded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, _Tokens] = {}

    def find(self, texts: Sequence[str]) -> dict[str, _Tokens]:
        """Return the tokens of those texts that are remembered."""
        with self._lock:
            return {text: self._kept[text] for text in texts if text in self._kept}

    def keep(self, found: Mapping[str, _Tokens]) -> None:
        """Remember texts that are not long, and forget the oldest for them."""
        with self._lock:
            for text, tokens in found.items():
                if len(text) <= LONGEST_REMEMBERED:
                    self._kept[text] = tokens
            while len(self._kept) > REMEMBERED:
                del self._kept[next(iter(self._kept))]
