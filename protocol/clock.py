"""The clock of the queue's Redis, by which all hosts reckon."""

from redis import Redis


def now_ms(redis: Redis) -> int:
    """Return the time of *redis*, milliseconds since 1970."""
    seconds, micros = redis.time()
    return int(seconds) * 1000 + int(micros) // 1000
