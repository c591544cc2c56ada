"""Objects at addresses that fsspec reads, such as `s3://bucket/folder`, as files to upload."""

import hashlib
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final
from urllib.parse import unquote, urlsplit

from cli.sync.object_hashes import ObjectHashes
from rag.errors import InvalidRequest

#: Bytes that are read at once.
_PART: Final = 1 << 20
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s]*@|\?[^\s:]*")
#: What has to be installed beside fsspec, where that is another package than fsspec names.
_PACKAGES: Final = {
    "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "abfss": "adlfs",
    "az": "adlfs", "http": "aiohttp requests", "https": "aiohttp requests", "sftp": "paramiko",
    "ssh": "paramiko", "smb": "smbprotocol", "webdav": "webdav4", "hdfs": "pyarrow",
    "oss": "ossfs", "oci": "ocifs", "hf": "huggingface_hub", "libarchive": "libarchive-c",
    "git": "pygit2", "github": "requests", "dropbox": "dropboxdrivefs requests",
}  # fmt: skip
#: Whether a file is one of the web → how it is opened. As a stream: many servers send no ranges.
_OPENING: Final[Mapping[bool, Mapping[str, Any]]] = {True: {"block_size": 0}, False: {}}
#: What a store may tell of an object that changes with its bytes.
_MARKS: Final = (
    "ETag", "etag", "md5Hash", "content_md5", "Content-MD5", "Digest", "checksum", "crc32c", "CRC",
    "generation", "VersionId", "sha", "LastModified", "Last-Modified", "last_modified", "mtime",
    "modified", "updated", "date_time", "created",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Store:
    """A file system of fsspec, the address it was found by, and what is known of its objects."""

    system: Any
    address: str
    known: ObjectHashes

    @property
    def of_the_web(self) -> bool:
        """Whether its files are read over HTTP."""
        return _of_the_web(self.address)


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """
    An object to upload, under the id its document will have.

    *size* is None, and *mark* empty, where the store does not tell; a mark changes with the bytes.
    """

    document_id: str
    path: str
    size: int | None
    mark: str
    store: _Store

    def known_hash(self) -> str | None:
        """Return the SHA-256 of its bytes, where it is known without reading them."""
        return self.store.known.hash_of(self._name, self.mark) if self.mark else None

    def read_hash(self) -> str | None:
        """Read it through and return its SHA-256; None where it cannot be read."""
        try:
            return self._read(None)
        except OSError:
            return None

    def open(self) -> BinaryIO:
        """
        Fetch it into a temporary file, which can be read again if the server is busy.

        Raises:
            OSError: It cannot be read; says why.
        """
        # The file is nobody's once it is closed.
        spool = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        try:
            self._read(spool)
            spool.flush()
            spool.seek(0)
        except BaseException:
            spool.close()
            raise
        return spool

    @property
    def _name(self) -> str:
        """What it is remembered by."""
        return f"{self.store.address}\0{self.path}"

    def _read(self, to: Any) -> str:
        """Read it once, into *to* where that is a file; remembers and returns its SHA-256."""
        digest = hashlib.sha256()
        try:
            with self.store.system.open(self.path, "rb", **_OPENING[self.store.of_the_web]) as data:
                while part := data.read(_PART):
                    digest.update(part)
                    if to is not None:
                        to.write(part)
        # Each store has errors of its own, with no class in common.
        except Exception as error:
            raise OSError(0, _told(error)) from error
        if self.mark:
            self.store.known.remember(self._name, self.mark, digest.hexdigest())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Listed:
    """What is at an address: its files by name, and whether it is one file."""

    files: list[RemoteFile]
    alone: bool


def without_credentials(address: str) -> str:
    """Return an address as it may be shown: without names, passwords and signatures."""
    return _CREDENTIALS.sub("", address)


def listed(address: str, known: ObjectHashes) -> Listed:
    """
    List the objects at *address*: one, or all below it, sorted by path.

    An object is called by its path below the address, one that was named itself by its last part.
    An address of the web is one file. Credentials come as the store's library has them, mostly
    from the environment.

    Raises:
        InvalidRequest: A package is missing, nothing is there, or the store does not answer.
    """
    shown = without_credentials(address)
    try:
        system, path = _fsspec(address).core.url_to_fs(address)
        store = _Store(system, address, known)
        info = system.info(path)
        if info.get("type") != "directory" or _of_the_web(address):
            return Listed([_file(store, _last_part(address, path), path, info)], alone=True)
        found = system.find(path, detail=True)
    except FileNotFoundError as error:
        # For files of the web fsspec says so of whatever went wrong.
        why = error.__cause__
        gone = why is None or getattr(why, "status", None) in (404, 410)
        told = "there is nothing there" if gone else f"cannot be read: {_told(why or error)}"
        raise InvalidRequest(shown, told) from error
    except ImportError as error:
        raise InvalidRequest(shown, _install(address, error)) from error
    # Each store has errors of its own, with no class in common.
    except Exception as error:
        if isinstance(error, InvalidRequest):
            raise
        raise InvalidRequest(shown, f"cannot be read: {_told(error)}") from error
    root = path.rstrip("/")
    return Listed(list(_below(store, root, found)), alone=False)


def _below(
    store: _Store, root: str, found: Mapping[str, Mapping[str, Any]]
) -> Iterator[RemoteFile]:
    """Yield the objects below *root*; those that stand for a folder are none."""
    for path, info in sorted(found.items()):
        name = path.removeprefix(root).lstrip("/")
        if name and not name.endswith("/"):
            yield _file(store, name, path, info)


def _file(store: _Store, name: str, path: str, info: Mapping[str, Any]) -> RemoteFile:
    """Make a file from a store's listing of an object."""
    size = info.get("size")
    told = [f"{key}={info[key]}" for key in _MARKS if info.get(key)]
    mark = "\n".join([f"size={size}", *told]) if told else ""
    return RemoteFile(name, path, size if isinstance(size, int) else None, mark, store)


def _last_part(address: str, path: str) -> str:
    """Return what an object that was named itself is called."""
    if not _of_the_web(address):
        return PurePosixPath(path).name or path
    parts = urlsplit(address)
    return (
        unquote(PurePosixPath(parts.path).name).replace("/", "_") or parts.netloc.rpartition("@")[2]
    )


def _of_the_web(address: str) -> bool:
    """Return True if an address is one of HTTP, which knows no folders."""
    return address.lower().startswith(("http://", "https://"))


def _fsspec(address: str) -> Any:
    """Return the library; raises InvalidRequest where it is not installed."""
    try:
        import_module("fsspec.core")
        return import_module("fsspec")
    except ImportError as error:
        packages = " ".join(filter(None, ("fsspec", _PACKAGES.get(_protocol(address)))))
        told = f"needs a package that is not installed: pip install {packages}"
        raise InvalidRequest(without_credentials(address), told) from error


def _install(address: str, error: ImportError) -> str:
    """Return which package is missing for an address."""
    protocols = re.findall(r"([A-Za-z][A-Za-z0-9+.-]*)(?:://|::)", address)
    package = next((_PACKAGES[one] for one in map(str.lower, protocols) if one in _PACKAGES), "")
    missing = "needs a package that is not installed"
    return f"{missing}: pip install {package}" if package else f"{missing}: {_told(error)}"


def _protocol(address: str) -> str:
    """Return what an address begins with."""
    return re.split(r"::|://", address, maxsplit=1)[0].lower()


def _told(error: BaseException) -> str:
    """Return an error on one line, without credentials of an address in it."""
    words = " ".join(without_credentials(str(error)).split())
    return (
        words if words and words[0].isupper() else f"{type(error).__name__}: {words}".rstrip(": ")
    )
