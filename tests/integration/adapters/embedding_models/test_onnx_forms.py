"""The ONNX forms of the real model: made, proved, refused, and never in the way."""

import json
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import psutil
import pytest
from numpy.typing import NDArray

from adapters.embedding_models import onnx_form, optimize_model
from adapters.embedding_models.embedding_sample import SAMPLE
from adapters.embedding_models.model_weights import resolve
from adapters.embedding_models.onnx_embedder import (
    LONGEST_REMEMBERED,
    REMEMBERED,
    OnnxEmbedder,
    _RecentTokens,
)
from adapters.embedding_models.onnx_form import (
    GRAPH,
    IN_FLOAT32,
    IN_INT8,
    RECORD,
    WEIGHTS,
    OnnxForm,
    find,
    obtain,
)
from adapters.embedding_models.onnx_graph import float_graph
from adapters.embedding_models.sentence_embedder import SentenceEmbedder
from rag.errors import Broken
from rag.ports import Vectors
from tests.support.waiting import below

MODEL = "all-MiniLM-L6-v2"
# None of them is in the sample by which the int8 form was made.
TEXTS = [
    "When does the warranty of the dishwasher end?",
    "a",
    " ",
    "42",
    "Was kostet ein Ersatzteil, wenn die Garantie abgelaufen ist?",
    "Quel est le délai pour renvoyer un article abîmé ?",
    "¿Qué documentos necesito para abrir una cuenta?",
    "Hvor mange feriedager har jeg igjen i år?",
    "Kolik stojí vstupenka pro studenty?",
    "보증 기간은 언제 끝나나요",
    "Η εγγύηση λήγει σε δύο χρόνια",  # noqa: RUF001 - Greek
    "Guests leave the key at the desk. Breakfast is from seven to ten, at weekends until eleven.",
    "total = sum(row['price'] * row['count'] for row in rows if row['kind'] != 'gift')",
    "Name;Town;Since\nAda;Leeds;1998\nBo;Malmö;2004\nCem;Izmir;2011",
    "yes yes yes yes yes yes yes yes yes yes",
    "The valve opens at 3.5 bar (51 psi); above 80 °C the alarm sounds and the boiler stops. " * 9,
    " ".join(f"Clause {n}. The carrier is not liable for a delay of {n} days." for n in range(40)),
]


@pytest.fixture(scope="module")
def embedder() -> OnnxEmbedder:
    return OnnxEmbedder.open(MODEL, threads=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make it a second time, in the place of a damaged copy of the first."""
    place, weights = tmp_path_factory.mktemp("models"), resolve(MODEL)
    first = obtain(MODEL, weights, IN_INT8, [onnx_form.ENVIRONMENT])
    shutil.copytree(first.folder, place / first.folder.name)
    copy = place / first.folder.name
    for part in (copy / GRAPH, copy / WEIGHTS):
        whole = part.read_bytes()
        part.write_bytes(whole[:-1] + b"x")
        assert find(weights, IN_INT8, [place]) is None
        part.write_bytes(whole)
    assert find(weights, IN_INT8, [place]) is not None
    # As forms were before: the weights in the graph.
    (copy / WEIGHTS).unlink()
    assert find(weights, IN_INT8, [place]) is None
    assert obtain(MODEL, weights, IN_INT8, [place]).folder == copy
    return place


def test_vectors_agree_with_the_full_models_on_texts_it_was_not_made_by(
    embedder: OnnxEmbedder,
) -> None:
    full = SentenceEmbedder.open(MODEL, threads=1)

    cosines = np.sum(
        embedder.embed(TEXTS, truncate=True) * full.embed(TEXTS, truncate=True), axis=1
    )

    assert cosines.min() >= 0.985
    assert cosines.mean() >= 0.992
    assert embedder.count_tokens(TEXTS) == full.count_tokens(TEXTS)


def test_in_float32_they_are_the_full_models_and_share_its_collections(tmp_path: Path) -> None:
    full = SentenceEmbedder.open(MODEL, threads=1)
    embedder = OnnxEmbedder.open(MODEL, precision=IN_FLOAT32, places=[tmp_path], threads=2)

    difference = embedder.embed(TEXTS, truncate=True) - full.embed(TEXTS, truncate=True)

    assert np.abs(difference).max() <= 1e-4
    assert embedder.identity == full.identity
    assert [path.name.split("-")[-2] for path in tmp_path.glob("all-*")] == ["float32"]


def test_no_sum_of_two_int8_products_leaves_sixteen_bits() -> None:
    # VPMADDUBSW, all that AVX2 has for int8, adds two products of a uint8 and an int8 and
    # saturates at the ends of an int16 (Intel SDM, volume 2).
    form = obtain(MODEL, resolve(MODEL), IN_INT8, [onnx_form.ENVIRONMENT])
    constants = onnx.load(form.folder / GRAPH).graph.initializer
    weights = [onnx.numpy_helper.to_array(one) for one in constants]
    whole = [one for one in weights if one.dtype == np.int8]

    assert len(whole) == 24
    assert max(int(np.abs(one.astype(int)).max()) for one in whole) * 2 * 255 <= 2**15 - 1


def test_hosts_of_other_processors_make_the_same_vectors(embedder: OnnxEmbedder) -> None:
    # Recorded where AVX512-VNNI multiplies. An activation at the border of two steps may fall to
    # the other side, so they are not the same to the last bit.
    recorded = np.load(Path(__file__).with_name("int8_vectors.npy")).astype(np.float32)
    cosines = np.sum(embedder.embed(TEXTS[:8]) * recorded, axis=1)

    assert cosines.min() >= 0.9998
    assert cosines.mean() >= 0.9999


def test_vectors_that_were_measured_to_mix_are_told_by_their_recipe(embedder: OnnxEmbedder) -> None:
    full = SentenceEmbedder.open(MODEL, threads=1).identity
    other = replace(full, revision="another")

    assert embedder.identity.mixes_with(full)
    assert full.mixes_with(embedder.identity)
    assert not embedder.identity.mixes_with(other)
    assert other.mixes_with(other)


def test_it_never_passes_for_the_full_model(embedder: OnnxEmbedder) -> None:
    identity = embedder.identity

    assert identity.engine == f"onnxruntime-int8-{IN_INT8.recipe_id}:mean+normalize"
    assert (identity.model, identity.revision) == (MODEL, resolve(MODEL).revision)
    assert (identity.dimension, identity.max_tokens) == (384, 254)


def test_a_damaged_one_is_made_anew_and_makes_the_same_vectors(
    made: Path, embedder: OnnxEmbedder
) -> None:
    again = OnnxEmbedder.open(MODEL, places=[made], threads=1)

    assert np.array_equal(again.embed(TEXTS, truncate=True), embedder.embed(TEXTS, truncate=True))
    assert [path.name for path in made.iterdir() if path.name.startswith(".new")] == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_word_embeddings_are_mapped_and_not_copied(embedder: OnnxEmbedder) -> None:
    embedder.embed(["one"])
    form = obtain(MODEL, resolve(MODEL), IN_INT8, [onnx_form.ENVIRONMENT])
    maps = {each.path: each for each in psutil.Process().memory_maps()}
    weights = maps[str((form.folder / WEIGHTS).resolve())]

    assert weights.size > 23e6
    assert weights.anonymous == 0


def test_the_record_says_what_it_was_made_from(made: Path) -> None:
    (folder,) = (path for path in made.iterdir() if path.is_dir())
    record = json.loads((folder / RECORD).read_text())

    assert record["weights_sha256"].startswith("53aa51172d142c89")
    assert record["sha256"] == onnx_form.sha256(folder / GRAPH)
    assert record["beside_sha256"] == onnx_form.sha256(folder / WEIGHTS)
    assert {"onnx", "onnxruntime", "torch"} <= record["made_with"].keys()
    assert record["identity"]["engine"].startswith("onnxruntime-int8-")


def test_a_second_run_finds_it_and_loads_no_model(made: Path) -> None:
    code = (
        "import sys; from adapters.embedding_models.optimize_model import main; "
        "code = main(sys.argv[1:]); sys.exit(code or 'torch' in sys.modules)"
    )

    told = subprocess.run(
        [sys.executable, "-c", code, MODEL, str(made)], capture_output=True, text=True, check=True
    )

    assert "found in" in told.stdout


def test_the_command_says_in_one_line_what_there_is() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "cli.main", "optimize-model"],
        cwd=Path(__file__).parents[4], capture_output=True, text=True, check=True,
    )  # fmt: skip
    refused = subprocess.run(
        [sys.executable, "-m", "cli.main", "optimize-model", "--model", "/no/such/folder"],
        cwd=Path(__file__).parents[4], capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert told.stdout.startswith(f"{MODEL} is computed in int8 on ONNX Runtime with ")
    assert told.stdout.count("\n") == 1
    assert refused.returncode == 1
    assert "there is no such folder" in refused.stderr


def test_one_of_other_weights_or_another_recipe_is_left_aside(
    made: Path,
) -> None:
    weights = resolve(MODEL)
    folder = made / onnx_form.folder_name(weights, IN_INT8)

    other = replace(IN_INT8, recipe={"version": 0})
    folder.rename(made / onnx_form.folder_name(weights, other))

    with pytest.raises(Broken, match="another recipe"):
        OnnxForm.read(made / onnx_form.folder_name(weights, other), weights, other)
    assert find(weights, other, [made]) is None
    (made / onnx_form.folder_name(weights, other)).rename(folder)


def test_one_that_computes_something_else_here_is_not_used(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = resolve(MODEL)
    form = OnnxForm.read(made / onnx_form.folder_name(weights, IN_INT8), weights, IN_INT8)
    monkeypatch.setattr(OnnxEmbedder, "_forward", lambda *_: np.eye(384, dtype=np.float32)[:1])

    with pytest.raises(Broken, match="does not agree with the model on this processor"):
        OnnxEmbedder.load(form, weights)


def test_nowhere_to_write_and_a_model_of_another_kind_are_said_in_plain_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Broken, match="none of these folders can be written"):
        onnx_form.writable([tmp_path / "file" / "models"])

    other = tmp_path / "other"
    shutil.copytree(resolve(MODEL).path, other, ignore=shutil.ignore_patterns("*.safetensors"))
    (other / "model.safetensors").write_bytes(b"other weights")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"model_type": "mpnet"}))
    with pytest.raises(Broken, match="model_type mpnet"):
        float_graph(other)
    assert optimize_model.main([str(other), str(tmp_path), "--engine=onnx-int8"]) == 1
    assert "an ONNX form is made for bert only" in capsys.readouterr().err
    with pytest.raises(Broken, match=r"cannot be made: .* for bert only"):
        OnnxEmbedder.open(str(other), places=[tmp_path])


def test_a_question_does_not_wait_for_the_end_of_a_long_call() -> None:
    embedder = OnnxEmbedder.open(MODEL, threads=1)

    def share() -> float:
        """Return what part of a long call a question waited."""
        long = threading.Thread(target=embedder.embed, args=([TEXTS[-2]] * 60,))
        long.start()
        time.sleep(0.05)
        begin = time.monotonic()
        embedder.embed(["Who is next?"])
        waited = time.monotonic() - begin
        long.join()
        return waited / (time.monotonic() - begin)

    below(share, 0.25)


def test_no_more_passes_run_at_once_than_threads_were_allowed() -> None:
    embedder = OnnxEmbedder.open(MODEL, threads=2)
    forward, running, most = embedder._forward, [], []

    def counted(ids: NDArray[np.int32], *wanted: str) -> list[Vectors]:
        running.append(1)
        most.append(len(running))
        try:
            return forward(ids, *wanted)
        finally:
            running.pop()

    embedder._forward = counted  # type: ignore[method-assign]  # to look inside
    calls = [threading.Thread(target=embedder.embed, args=(TEXTS[:8],)) for _ in range(4)]
    for call in calls:
        call.start()
    for call in calls:
        call.join()

    assert len(most) == 32
    assert max(most) == 2


def test_an_error_in_one_text_ends_the_call_and_the_next_one_works(
    embedder: OnnxEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(embedder, "_forward", _failing)
        with pytest.raises(Broken, match="it fell over"):
            embedder.embed(list(SAMPLE[:9]))

    assert embedder.embed(["again"]).shape == (1, 384)


class Listening:
    """A tokenizer that tells which texts it was given."""

    def __init__(self, embedder: OnnxEmbedder) -> None:
        self._tokenizer = embedder._tokenizer
        self.given: list[str] = []

    def encode_batch(self, texts: list[str]) -> Any:
        self.given += texts
        return self._tokenizer.encode_batch(texts)


def test_what_was_just_counted_is_not_tokenised_again_to_be_embedded(
    embedder: OnnxEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = embedder.embed(["A first text.", "A second."])
    monkeypatch.setattr(embedder, "_recent", _RecentTokens())
    listening = Listening(embedder)
    monkeypatch.setattr(embedder, "_tokenizer", listening)
    counts = embedder.count_tokens(["A second.", "A first text.", "A second."])
    vectors = embedder.embed(["A first text.", "A second."])

    assert counts == [3, 4, 3]
    assert listening.given == ["A second.", "A first text."]
    assert np.array_equal(vectors, expected)


def test_tokens_of_few_texts_and_of_no_long_one_are_remembered() -> None:
    recent, tokens = _RecentTokens(), np.zeros(3, dtype=np.int32)
    recent.keep({"a" * (LONGEST_REMEMBERED + 1): tokens, "first": tokens})
    recent.keep({str(n): tokens for n in range(REMEMBERED)})

    assert recent.find(["a" * (LONGEST_REMEMBERED + 1), "first"]) == {}
    assert list(recent.find(["0", str(REMEMBERED - 1)])) == ["0", str(REMEMBERED - 1)]


def test_embedding_needs_neither_torch_nor_what_makes_the_int8_form() -> None:
    code = (
        "import sys\n"
        "import workers.retrieval, workers.ingestion\n"
        "from adapters.embedding_models.onnx_embedder import OnnxEmbedder\n"
        f"assert OnnxEmbedder.open({MODEL!r}).embed(['a']).shape == (1, 384)\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'onnx'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )

    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[4])


def _failing(_ids: list[int], *_wanted: str) -> Vectors:
    raise Broken("it fell over")
