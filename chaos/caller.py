"""Calls of a client that does not give up: it asks again where the service is away."""

import contextlib
import time
from collections.abc import Mapping
from typing import Any, Final

import httpx

from chaos.history import Answered, History

TIMEOUT_S: Final = 40.0
PAUSE_S: Final = 0.25
PATIENCE_S: Final = 240.0
AGAIN: Final = frozenset({429, 502, 503, 504, 507})


class GaveUp(Exception):
    """Raised where a call got no answer in time: whether it was heard is not known."""


class Caller:
    """
    An HTTP client whose calls may be repeated.

    Args:
        url: Of the web server.

        history: Gets every answer that is an error.
    """

    def __init__(self, url: str, history: History) -> None:
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False)
        self.status = 0  # of the last answer
        self._history = history

    def call(
        self,
        method: str,
        path: str,
        *,
        key: str = "",
        body: object = None,
        parameters: Mapping[str, Any] | None = None,
        patience_s: float = PATIENCE_S,
    ) -> dict[str, Any] | None:
        """
        Return what the service answers, or None where there is no such thing (404, 410).

        Raises:
            GaveUp: No answer within *patience_s*, or one that no repeat would change.
        """
        end = time.monotonic() + patience_s
        headers = {"Idempotency-Key": key} if key else {}
        while time.monotonic() < end:
            try:
                response = self._http.request(
                    method, path, json=body, params=parameters, headers=headers
                )
            except httpx.TransportError:
                time.sleep(PAUSE_S)
                continue
            self.status = response.status_code
            if response.is_success:
                answer: dict[str, Any] = response.json()
                return answer
            if response.status_code in (404, 410):
                return None
            self._history.add(
                Answered(
                    at=self._history.now(),
                    status=response.status_code,
                    call=f"{method} {path}",
                    detail=response.text[:300],
                )
            )
            if response.status_code not in AGAIN and response.status_code != 500:  # noqa: PLR2004
                break
            time.sleep(min(float(response.headers.get("Retry-After", "1")), 2.0))
        raise GaveUp(f"{method} {path}")

    def text(self, path: str, *, patience_s: float = PATIENCE_S) -> str:
        """
        Return the body of a page, such as a stream of events that has ended.

        Raises:
            GaveUp: It was not to be had within *patience_s*.
        """
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            with contextlib.suppress(httpx.TransportError):
                response = self._http.get(path)
                if response.is_success:
                    return response.text
            time.sleep(PAUSE_S)
        raise GaveUp(f"GET {path}")
