"""Health checks from the workers' heartbeats: models, cards, sparse indexes, caches."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from jobs.heartbeats import WorkerState
from runtime.settings import Settings
from web.health.check import STARTING, Check, Status

#: A card with less of its memory free has none left for what an engine asks for beside the cache.
CARD_MEMORY_WARN: Final = 0.03
#: What a model is for → the queue whose workers own it.
OWNERS: Final = {"embedding": "retrieve", "reranker": "retrieve", "llm": "generate"}
#: What keeps the network from the processes that read files, by the pool's word for it.
ISOLATION: Final = {
    "namespace": "files are read without network, in a namespace of its own",
    "seccomp": "files are read without network, behind a filter on system calls",
}
OPEN_NETWORK: Final = (
    "files are read within limits, but nothing keeps the network from their readers"
)


def reports(
    workers: Sequence[WorkerState],
    *,
    failures: Mapping[str, str],
    settings: Settings,
    starting: Collection[str] = (),
) -> list[Check]:
    """Return the checks from the live *workers*' heartbeats; see `consumers` for *starting*."""
    return [
        *_models(workers, failures, settings, starting),
        *_embedding_engine(workers),
        *_isolation(workers),
        *_cards(workers, settings),
        *_sparse(workers, settings),
        *_embedding_cache(workers),
    ]


def _models(
    workers: Sequence[WorkerState],
    failures: Mapping[str, str],
    settings: Settings,
    starting: Collection[str],
) -> Iterator[Check]:
    """Yield the checks of models; one that no worker has is still loading, unless it failed."""
    wanted = {"embedding": settings.embedding_model}
    if settings.reranker_model:
        wanted["reranker"] = settings.reranker_model
    if settings.answerer != "extractive":
        wanted["llm"] = settings.model or "the server's"
    for use, name in wanted.items():
        loaded = sorted(
            {models[use] for w in workers if use in (models := w.details.get("models") or {})}
        )
        status: Status = "pass"
        output = None
        if not loaded:
            failed = failures.get(OWNERS[use])
            status = "fail" if failed else "warn"
            output = f"not loaded: {failed}" if failed else "not loaded; no worker has it yet"
            if not failed and OWNERS[use] in starting:
                output = STARTING
        # Of a model in a folder its name is told, and not where it lies.
        shown = ", ".join(text.rstrip("/").rsplit("/", 1)[-1] for text in loaded or [name])
        yield Check(f"models:{use}", status, "component", value=shown, output=output)


def _embedding_engine(workers: Sequence[WorkerState]) -> Iterator[Check]:
    """Yield the check of the embedding engine and its reason; a line for each kind of host."""
    told = sorted({engine for w in workers if (engine := w.details.get("embedding_engine"))})
    if told:
        yield Check("embedding:engine", "pass", "component", value="; ".join(told))


def _isolation(workers: Sequence[WorkerState]) -> Iterator[Check]:
    """Yield the check of the parsers' isolation from the network; it names hosts without any."""
    told = [(w.host, way) for w in workers if (way := w.details.get("isolation"))]
    if not told:
        return
    lines = sorted({ISOLATION[way] for _, way in told if way in ISOLATION})
    hosts = sorted({host for host, way in told if way not in ISOLATION})
    yield Check(
        "parsing:isolation", "warn" if hosts else "pass", "component",
        value="; ".join(lines) or None,
        output=f"{OPEN_NETWORK} on {', '.join(hosts)}" if hosts else None,
    )  # fmt: skip


def _cards(workers: Sequence[WorkerState], settings: Settings) -> Iterator[Check]:
    """Yield the check of the graphics cards; none where no worker runs a model on one."""
    told = [worker.details["gpu"] for worker in workers if worker.details.get("gpu")]
    cards: list[Mapping[str, Any]] = [card for part in told for card in part["cards"]]
    lost = sum(int(part["lost"]) for part in told)
    if not cards and not lost:
        return
    free = min((float(card["memory_free"]) for card in cards), default=0.0)
    # The engine takes its share of the memory at its start, by order: that is not running out.
    least = min(CARD_MEMORY_WARN, (1 - settings.gpu_memory_utilization) / 2)
    status: Status = "fail" if lost else "warn" if free < least else "pass"
    output = f"{lost} of {lost + len(cards)} cards do not answer" if lost else None
    if status == "warn":
        output = "the card's memory is full"
    details = {"cards": len(cards)}
    yield Check(
        "gpu:memory", status, "system", round(free, 3), "ratio_free", output, details=details
    )
    heats = [float(card["celsius"]) for card in cards if "celsius" in card]
    if heats:
        hot = max(heats) >= settings.health_gpu_celsius
        yield Check(
            "gpu:temperature", "warn" if hot else "pass", "system", value=max(heats),
            unit="celsius", output="a card is hot" if hot else None,
        )  # fmt: skip


def _sparse(workers: Sequence[WorkerState], settings: Settings) -> Iterator[Check]:
    """Judge how far the word indexes are behind what was published."""
    told = {w.name: w.details["sparse"] for w in workers if w.details.get("sparse")}
    if not told:
        return
    seconds, outputs = 0.0, []
    for worker, part in told.items():
        name = "/".join(worker.split("/")[:3])
        outputs += [f"{name}: {c} is being rebuilt" for c in part["rebuilding"]]
        for late in part["behind"]:
            seconds = max(seconds, late["seconds"])
            if late["seconds"] >= settings.health_lag_warn_s:
                outputs.append(
                    f"{name}: {late['collection']} is {late['entries']} entries behind, "
                    f"{late['seconds']:.0f} s"
                )
    yield Check(
        "index:sparse", "warn" if outputs else "pass", "component", value=seconds,
        unit="s_behind", output="; ".join(outputs) or None,
        details={
            "collections": max(part["collections"] for part in told.values()),
            "replicas": len(told),
        },
    )  # fmt: skip


def _embedding_cache(workers: Sequence[WorkerState]) -> Iterator[Check]:
    """Judge the embedding cache by what the workers that use it say; nothing where none does."""
    parts = [part for worker in workers if (part := worker.details.get("embedding_cache"))]
    if not parts:
        return
    counts = {
        name: sum(part[name] for part in parts)
        for name in ("hits_l1", "hits_l2", "misses", "joined", "corrupt")
    }
    asked = sum(counts.values()) - counts["corrupt"]  # each of those is a miss as well
    troubles = sorted({part["trouble"] for part in parts if part["trouble"]})
    yield Check(
        "cache:embeddings", "warn" if troubles else "pass", "component",
        value=round(1 - counts["misses"] / asked, 3) if asked else None, unit="ratio_hits",
        output="; ".join(troubles) or None, details=counts,
    )  # fmt: skip
