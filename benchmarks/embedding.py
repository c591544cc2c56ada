"""
What embedding costs, and what its cache saves.

    python -m benchmarks.embedding [--data DIR] [--json FILE]

The embedder that the workers open is measured against bare sentence-transformers on the same texts
in the same process, in turns, by processor time. DIR is an evaluation set in the shape of BEIR;
without one the project's own documentation is the text.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from adapters.embedding_models.model_weights import resolve
from adapters.embedding_models.models import open_model
from adapters.embedding_models.processor import integer_unit
from benchmarks.data.datasets import Dataset
from benchmarks.data.traffic import TEXTS, entries_for, steepness_for
from benchmarks.figures.reporting import Limit, report
from benchmarks.parts import embedding_cache
from benchmarks.running.processes import run
from benchmarks.running.progress import ProgressBars
from rag.ports import Embedder, Vectors
from rag.text.sentences import sentence_spans
from runtime.cores import usable_cores
from runtime.settings import Settings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

BATCH = 32
PASSAGE_TOKENS = 150
SENTENCE_WORDS = range(5, 21)  # of a sentence that may stand for a question

#: With instructions that multiply int8 numbers; then where AVX2 is all there is, which slows
#: sentence-transformers down more.
LIMITS = {
    "question_speedup": Limit(at_least=3.0),
    "passage_speedup": Limit(at_least=1.6),
} | embedding_cache.LIMITS
LIMITS_OF_AVX2 = LIMITS | {
    "question_speedup": Limit(at_least=3.5),
    "passage_speedup": Limit(at_least=2.0),
}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embedding", description=__doc__)
    parser.add_argument("--data", type=Path, help="a set whose questions and passages are embedded")
    parser.add_argument("--threads", type=int, default=0, help="of each side; 0 means all cores")
    parser.add_argument("--rounds", type=int, default=5, help="of either side in turns")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="a minute at most, on the same path")
    options = parser.parse_args()
    threads = options.threads or usable_cores()
    settings = Settings(model_threads=threads)
    with ProgressBars() as progress:
        bare = bare_model(settings, threads=threads)
        ours, engine = open_model(settings)
        counts = (64, 16) if options.quick else (256, 64)
        questions, passages = _texts(options.data, _counter(bare), *counts)
        rounds = 3 if options.quick else options.rounds
        figures: dict[str, Any] = {
            "engine": engine.told,
            "threads": threads,
            "questions": len(questions),
            "passages": len(passages),
        }
        for name, texts in (("question", questions), ("passage", passages)):
            bar = progress.add_task(f"embed {name}s", total=rounds)
            figures |= speed(
                name, bare, ours, texts, rounds=rounds, told=partial(progress.advance, bar)
            )
        figures |= embedding_cache.measure(ours, questions, progress, quick=options.quick)
    figures["zipf_s_for_98_percent"] = steepness_for(0.98, embedding_cache.CAPACITY, texts=TEXTS)
    figures["zipf_s_for_95_percent"] = steepness_for(0.95, embedding_cache.CAPACITY, texts=TEXTS)
    figures["entries_for_98_percent_zipf_1.0"] = entries_for(0.98, texts=TEXTS, s=1.0)
    limits = LIMITS_OF_AVX2 if integer_unit() == "AVX2" else LIMITS
    report("embedding", figures, limits=limits, json_path=options.json)


def bare_model(settings: Settings, *, threads: int) -> "SentenceTransformer":
    """Load what the default model is without us, with as many threads."""
    # As the workers do: threads that spin while they wait would count as work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch  # noqa: PLC0415 - reads the variable above when it is loaded
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - imports torch

    torch.set_num_threads(threads)
    path = resolve(settings.embedding_model).path
    return SentenceTransformer(str(path), device="cpu", local_files_only=True)


def speed(
    name: str,
    bare: "SentenceTransformer",
    ours: Embedder,
    texts: list[str],
    *,
    rounds: int,
    told: Callable[[], object],
) -> dict[str, float]:
    """Embed *texts* with both in turns; medians of texts per second of processor and of clock."""

    def by_bare() -> Vectors:
        return np.asarray(
            bare.encode(texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
        )

    def by_ours() -> Vectors:
        return ours.embed(texts, truncate=True)

    cosines = np.sum(by_bare() * by_ours(), axis=1)  # and both are warm
    times = []
    for turn in range(rounds):
        first, second = (by_bare, by_ours) if turn % 2 == 0 else (by_ours, by_bare)
        one, other = _timed(first), _timed(second)
        times.append((one, other) if first is by_bare else (other, one))
        told()
    return {
        f"{name}_speedup": median(bare[0] / ours[0] for bare, ours in times),
        f"{name}_speedup_wall": median(bare[1] / ours[1] for bare, ours in times),
        f"{name}s_per_cpu_s_bare": len(texts) / median(bare[0] for bare, _ in times),
        f"{name}s_per_cpu_s_ours": len(texts) / median(ours[0] for _, ours in times),
        f"{name}s_per_s_bare": len(texts) / median(bare[1] for bare, _ in times),
        f"{name}s_per_s_ours": len(texts) / median(ours[1] for _, ours in times),
        f"{name}_cosine_min": float(cosines.min()),
    }


def _timed(act: Callable[[], object]) -> tuple[float, float]:
    """Return the processor time of all threads and the time by the clock, seconds."""
    cpu, clock = time.process_time(), time.perf_counter()
    act()
    return time.process_time() - cpu, time.perf_counter() - clock


def _texts(
    folder: Path | None, counter: "Tokenizer", questions: int, passages: int
) -> tuple[list[str], list[str]]:
    """Return questions, and passages of 150 tokens each, from a set or from our documentation."""
    if folder is not None:
        data = Dataset.read(folder)
        asked = [question.text for question in data.sample(questions)]
        text = "\n".join(row["text"] for row in data.corpus)
    else:
        blocks = _documentation()
        text = "\n".join(blocks)
        spans = sentence_spans(text, 0, len(text))
        sentences = (" ".join(text[start:end].split()) for start, end in spans)
        asked = [each for each in sentences if len(each.split()) in SENTENCE_WORDS][:questions]
    return asked, _cut(text, counter, passages)


def _cut(text: str, counter: "Tokenizer", count: int) -> list[str]:
    """Cut the beginning of a text into passages of 150 tokens each."""
    ends: Sequence[tuple[int, int]] = counter.encode(
        text[: count * PASSAGE_TOKENS * 12], add_special_tokens=False
    ).offsets
    edges = [ends[at][0] for at in range(0, len(ends), PASSAGE_TOKENS)]
    return [text[start:end].strip() for start, end in pairwise(edges)][:count]


def _documentation() -> list[str]:
    """Return the paragraphs of this project's documentation, tables and code left out."""
    root = Path(__file__).parents[1]
    files = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    blocks = [block.strip() for file in files for block in file.read_text("utf-8").split("\n\n")]
    return [block for block in blocks if block and block[0] not in "|#`-*!" and "```" not in block]


def _counter(bare: "SentenceTransformer") -> "Tokenizer":
    """Copy the model's tokenizer, to count without its cuts."""
    backend: Any = bare.tokenizer.backend_tokenizer
    counter: Tokenizer = type(backend).from_str(backend.to_str())
    counter.no_truncation()
    counter.no_padding()
    return counter


if __name__ == "__main__":
    run(main)
