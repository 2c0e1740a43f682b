"""Persistence of moto's S3 objects in files."""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson

from ...backends.base import Caller
from ...backends.errors import ServiceUnavailable
from ...backends.files import PART, atomic_write, make_private_dir
from ..caller import caller_of

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.wrappers import Response

    Ask = Callable[..., Response]
    """The signature of `MotoApp.ask`."""

log = logging.getLogger(__name__)

CHANGES = frozenset({"PUT", "POST", "DELETE"})
METADATA = re.compile(
    r"content-(type|encoding|language|disposition)|cache-control|expires|x-amz-meta-.+", re.IGNORECASE
)
BUCKET_FILE = "bucket.json"


class KeptObjects:
    """A folder with one private file per bucket and object, so that artifacts outlive the server.

    Object versions, tags, policies and other services are not kept. Files are written atomically and durably.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def restore(self, ask: Ask) -> None:
        """Restore all buckets and objects through S3 calls, and remove files of interrupted writes."""
        for part in self._folder.glob(f"*/*{PART}"):
            part.unlink(missing_ok=True)
        for bucket, _, folder in _read_all(self._folder.glob(f"*/{BUCKET_FILE}")):
            caller = Caller(account=bucket["account"], region=bucket["region"])
            _must(ask(caller, "s3", "PUT", f"/{bucket['name']}", **_location(bucket["region"])))
            for kept, content, _ in _read_all(folder.glob("*.object")):
                path = f"/{bucket['name']}/{kept['key']}"
                _must(ask(caller, "s3", "PUT", path, data=content, headers=kept["headers"]))

    def note(self, environ: WSGIEnvironment, answer: bytes, ask: Ask) -> None:
        """Update the files of the bucket and objects that a successful S3 request changed."""
        bucket, _, key = _path(environ).partition("/")
        if not bucket:
            return
        caller = caller_of(environ)
        is_creation = environ.get("REQUEST_METHOD") == "PUT" and not key and not environ.get("QUERY_STRING")
        with self._lock, _disk():
            self._keep_bucket(caller, bucket, ask, is_creation=is_creation)
            for changed in _changed_keys(key, environ, answer):
                self._keep_object(caller, bucket, changed, ask)

    def is_empty(self) -> bool:
        return next(self._folder.glob(f"*/{BUCKET_FILE}"), None) is None

    def forget(self) -> None:
        """Remove all files, after a reset of the other AWS services."""
        with self._lock:
            for file in [*self._folder.glob("*/*.object"), *self._folder.glob(f"*/{BUCKET_FILE}")]:
                file.unlink()

    def _keep_bucket(self, caller: Caller, bucket: str, ask: Ask, *, is_creation: bool) -> None:
        place = self._place(bucket)
        if ask(caller, "s3", "HEAD", f"/{bucket}").status_code != 200:
            (place / BUCKET_FILE).unlink(missing_ok=True)
        elif is_creation or not (place / BUCKET_FILE).exists():
            _write(place / BUCKET_FILE, {"name": bucket, "account": caller.account, "region": caller.region}, b"")

    def _keep_object(self, caller: Caller, bucket: str, key: str, ask: Ask) -> None:
        file = self._place(bucket) / f"{hashlib.sha256(key.encode()).hexdigest()}.object"
        answer = ask(caller, "s3", "GET", f"/{bucket}/{key}")
        if answer.status_code == 200:
            headers = {name: value for name, value in answer.headers.items() if METADATA.fullmatch(name)}
            _write(file, {"key": key, "headers": headers}, answer.data)
        else:
            file.unlink(missing_ok=True)

    def _place(self, bucket: str) -> Path:
        """Return the folder of a bucket; it is hashed, because clients choose the name, which is globally unique."""
        return self._folder / hashlib.sha256(bucket.encode()).hexdigest()


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ServiceUnavailable(f"The S3 object could not be saved to disk: {error.strerror}.") from error


def _changed_keys(key: str, environ: WSGIEnvironment, answer: bytes) -> Iterator[str]:
    """Yield the keys that a request changed: its own, or those in a DeleteObjects response."""
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if key and "partNumber" not in query:
        yield key
    if not key and "delete" in query:
        from xml.etree import ElementTree  # needed only for DeleteObjects

        for element in ElementTree.fromstring(answer).iter():  # noqa: S314 - written by moto, so trusted
            if element.tag.rpartition("}")[2] == "Key" and element.text:
                yield element.text


def _path(environ: WSGIEnvironment) -> str:
    """Return `bucket/key`, with the bucket from the path or from the host name, as moto finds it."""
    from moto.s3.responses import S3Response  # loaded already, as moto has answered
    from moto.s3.utils import bucket_name_from_url
    from werkzeug.wrappers import Request

    path: str = environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace").lstrip("/")
    request = Request(environ)
    if not S3Response.subdomain_based_buckets(request):
        return path
    return f"{bucket_name_from_url(request.url)}/{path}"


def _location(region: str) -> dict[str, Any]:
    if region == "us-east-1":
        return {}
    body = f"<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
    return {"data": body.encode()}


def _must(answer: Response) -> None:
    if answer.status_code >= 300:
        log.warning("a saved S3 object could not be restored: %s", answer.get_data(as_text=True)[:500])


def _write(file: Path, head: dict[str, Any], content: bytes) -> None:
    """Write a line of JSON, then the content, atomically and durably."""
    make_private_dir(file.parent)
    with atomic_write(file) as stream:
        stream.write(orjson.dumps(head) + b"\n")
        stream.write(content)


def _read_all(files: Iterable[Path]) -> Iterator[tuple[dict[str, Any], bytes, Path]]:
    """Yield the JSON, content and folder of each file; damaged files are skipped and logged."""
    for file in sorted(files):
        head, _, content = file.read_bytes().partition(b"\n")
        try:
            yield orjson.loads(head), content, file.parent
        except orjson.JSONDecodeError:
            log.warning("%s is damaged; the S3 object is skipped", file)
