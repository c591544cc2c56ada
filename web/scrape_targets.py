"""Where Prometheus finds the metrics of the workers."""

from ipaddress import ip_address
from typing import Any

from intake.wiring import REDIS_READ_S
from jobs.heartbeats import WorkerState, live_workers
from runtime.redis_clients import ledger_client
from runtime.settings import Settings


class ScrapeTargets:
    """List the workers that show metrics; connects when first asked."""

    def __init__(self, settings: Settings) -> None:
        self._host = settings.host
        self._redis = ledger_client(settings.redis_url, read_s=REDIS_READ_S)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def read(self) -> list[dict[str, Any]]:
        """Return the live workers in the form of Prometheus' `http_sd_configs`."""
        return [
            {
                "targets": [f"{self._address(worker)}:{worker.metrics_port}"],
                "labels": {
                    "job": f"quern-{worker.role}",
                    "role": worker.role,
                    "worker": worker.name,
                },
            }
            for worker in live_workers(self._redis)
            if worker.metrics_port
        ]

    def _address(self, worker: WorkerState) -> str:
        """Return where a worker listens: on `host`, or on its own where that is every address."""
        host = self._host
        try:
            if ip_address(host).is_unspecified:
                host = worker.host
        except ValueError:
            pass  # a name
        return f"[{host}]" if ":" in host else host
