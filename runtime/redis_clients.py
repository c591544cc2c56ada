"""Redis clients with the timeouts that each use needs; redis-py's defaults fail after seconds."""

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry


def ledger_client(url: str, *, connections: int = 256, read_s: float = 5.0) -> Redis:
    """
    Return a client for the ledger.

    A socket that died while it lay in the pool is replaced once; nothing else is tried again,
    because the caller, not the client, knows what a repeat would do.
    """
    return _client(url, read_s=read_s, connect_s=1.0, retries=1, connections=connections)


def health_client(url: str) -> Redis:
    """Return a client that says within half a second whether Redis is there."""
    return _client(url, read_s=0.25, connect_s=0.25, retries=0, connections=2)


def _client(url: str, *, read_s: float, connect_s: float, retries: int, connections: int) -> Redis:
    """Build a decoding client with a pool of its own, which closes with it."""
    pool = ConnectionPool.from_url(
        url,
        decode_responses=True,
        socket_timeout=read_s,
        socket_connect_timeout=connect_s,
        socket_keepalive=True,
        health_check_interval=30,
        retry=Retry(NoBackoff(), retries, supported_errors=(RedisConnectionError,)),
        max_connections=connections,
    )
    client: Redis = Redis.from_pool(pool)
    return client
