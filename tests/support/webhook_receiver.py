"""A webhook receiver for tests: an HTTP server on loopback that stores requests and responds as configured."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECONDS = 30.0


@dataclass(frozen=True)
class Post:
    """A received request."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def summary(self) -> tuple[str, str]:
        detail = self.event["detail"]
        return detail["ModelPackageName"], detail["ModelApprovalStatus"]


@dataclass
class Receiver:
    """The received requests; `answer` returns the status, headers and body of the response."""

    url: str = ""
    posts: list[Post] = field(default_factory=list)
    answer: Callable[[Post], tuple[int, dict[str, str], bytes]] = lambda post: (200, {}, b"")
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, count: int) -> list[Post]:
        """Wait for this many requests and return them."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.posts) >= count, SECONDS), [
                post.summary for post in self.posts
            ]
            return self.posts[:count]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            post = Post(self.path, dict(self.headers), body)
            status, headers, content = receiver.answer(post)
            with receiver.changed:
                receiver.posts.append(post)
                receiver.changed.notify_all()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def eventually(condition: Callable[[], Any]) -> Any:
    """Wait until the condition is true and return its value."""
    deadline = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
    return found
