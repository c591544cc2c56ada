"""The queue Redis of an installation, for who works on it directly, whether Quern runs or not."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import RedisError

from rag.errors import Broken
from runtime.settings import Settings
from stack.addresses import embedded
from stack.run_folder import find_running
from stack.up import Stack


@contextmanager
def queue_redis(settings: Settings) -> Iterator[str]:
    """
    Give the address of the queue Redis, started for the while if nothing runs.

    Raises:
        Broken: There is no installation on the data folder.
    """
    if running := find_running(settings.data_dir):
        yield running.redis_url
    elif not embedded(settings.redis_url):
        yield settings.redis_url
    elif not (settings.data_dir / "redis-queue").is_dir():
        raise Broken(
            f"there is nothing in {settings.data_dir.absolute()}; QUERN_DATA_DIR names the data "
            "folder of an installation"
        )
    else:
        with Stack.start(
            data_dir=settings.data_dir, settings=settings, only=["redis-queue"]
        ) as stack:
            yield stack.redis_url


@contextmanager
def redis_answers() -> Iterator[None]:
    """
    Say in words that the queue Redis does not answer.

    Raises:
        Broken: A call of the block got no answer, or was refused.
    """
    try:
        yield
    except RedisError as error:
        raise Broken(f"the queue Redis does not answer: {error}") from error
