"""Which WSGI server: waitress and granian in front of this application, in turn.

"describe" answers 0.9 kB from SQLite, "create" is one durable transaction. What else decides: granian serves WSGI only
from a second process ("WSGI is not supported in embedded mode") and cannot be handed a bound socket, which `--port 0`
needs; both finish requests in flight on SIGTERM, waitress with our own loop (`emulator/serve.py`). So it is waitress.

It has 4 threads, but not to answer more: Python runs one of them at a time. Two requests that follow events may each
wait 20 seconds for one, in a thread (`emulator/following.py`); with two threads, nobody else would be answered
meanwhile. Slow uploads are no reason: waitress reads a body before a thread has it.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3

from . import floors, load
from .figures import Figure, Figures, Notebook, Run, number, ratio, table
from .processes import free_port, served, tell_when_it_listens
from .versions import OPTIONS

ROUNDS = 3
SECONDS = 2.0
BASE = "waitress, 4 threads"
WAITRESS = (
    "import sys; from sagemaker_registry.backends import open_backend\n"
    "from sagemaker_registry.emulator import app, serve\n"
    "listener = serve.listen('127.0.0.1', 0)\n"
    "server = serve.Server(app.application(open_backend(sys.argv[1])), listener, threads=int(sys.argv[2]))\n"
    "print('listening on', serve.url_of(listener), flush=True); server.run()\n"
)
SERVERS = {
    "waitress, 2 threads": ["-c", WAITRESS, "{backend}", "2"],
    BASE: ["-c", WAITRESS, "{backend}", "4"],
    "waitress, 8 threads": ["-c", WAITRESS, "{backend}", "8"],
    "granian, 1 worker, 4 threads": ["-m", "benchmarks.servers", "{backend}", "4"],
    "granian, 1 worker, 8 threads": ["-m", "benchmarks.servers", "{backend}", "8"],
}
CASES = tuple(itertools.product(("describe", "create"), (1, 8)))
RATE, P99 = "/s", "p99 ms"


def application() -> Any:
    """Return the application for granian's worker."""
    from sagemaker_registry.backends import open_backend
    from sagemaker_registry.emulator.app import application

    return application(open_backend(os.environ["BENCH_BACKEND"]))


def measure(run: Run) -> list[Figure]:
    """Measure every server in turn, each on a new database."""
    import_module("granian")  # better missed here than by a process
    found, seconds = Notebook(), 0.2 if run.quick else SECONDS
    for turn in range(run.times(ROUNDS)):
        for who, command in SERVERS.items():
            with tempfile.TemporaryDirectory() as folder:
                arguments = [part.format(backend=f"sqlite:///{folder}/registry.db") for part in command[2:]]
                with served([*command[:2], *arguments], Path(folder)) as server:
                    with closing(boto3.client("sagemaker", endpoint_url=server.url, **OPTIONS)) as client:
                        floors.fill(client)
                    for what, clients in CASES:
                        asked = load.requests(floors.CALLS[what], floors.params(what))
                        done = load.run(server.url, asked, clients=clients, seconds=seconds)
                        found.add(who, what, RATE, done.rate, clients=clients)
                        found.add(who, what, P99, done.p99, clients=clients)
            run.say(f"servers: {who}, round {turn + 1} of {run.times(ROUNDS)}")
    return found.figures()


def page(figures: Figures) -> str:
    """Return requests a second with the p99, and in brackets the rate against the base server of that round."""
    rows = []
    for who in SERVERS:
        cells = [who]
        for what, clients in CASES:
            rate, p99, base = (
                figures.get(name, what, unit, clients=clients) for name, unit in ((who, RATE), (who, P99), (BASE, RATE))
            )
            times = ratio(rate, base)
            if rate is None or p99 is None or times is None:
                cells.append("")
            else:
                cells.append(f"{number(rate.median)}/s, p99 {number(p99.median)} ms ({number(times)})")
        rows.append(cells)
    return table(["", *(f"{what}, {clients} client{'s' * (clients > 1)}" for what, clients in CASES)], rows)


def main(backend: str, threads: str) -> None:
    """Be granian; say when it listens, which it does not itself."""
    from granian import Granian

    os.environ["BENCH_BACKEND"], port = backend, free_port()
    tell_when_it_listens(port)
    options: Any = {"interface": "wsgi", "workers": 1, "blocking_threads": int(threads), "log_enabled": False}
    Granian("benchmarks.servers:application", factory=True, address="127.0.0.1", port=port, **options).serve()


if __name__ == "__main__":
    import sys

    main(*sys.argv[1:])
