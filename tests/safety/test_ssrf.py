"""Clients cannot make the server send requests: webhooks come only from the settings and never lead to private
addresses, URLs in records are not followed, and names do not become file paths.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network
from pathlib import Path
from random import Random
from typing import Any

import pytest
import requests

from safety.hostile_texts import PATHS
from sagemaker_registry.backends.base import Caller
from sagemaker_registry.backends.errors import BackendUnavailable
from sagemaker_registry.emulator.aws.s3_files import KeptObjects
from sagemaker_registry.emulator.events.webhooks import Undelivered, address_of, destination, post
from support.server import Emulator
from support.webhook_receiver import eventually

FORBIDDEN_NETWORKS = [
    # networks that are forbidden for webhooks with any settings
    *("169.254.0.0/16", "224.0.0.0/4", "0.0.0.0/32", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32"),
]
PRIVATE_NETWORKS = [
    # networks that require allow_private
    *("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "240.0.0.0/4"),
]
ENCODINGS: tuple[Callable[[IPv4Address], str], ...] = (
    str,
    lambda ip: f"::ffff:{ip}",
    lambda ip: f"::ffff:0:{ip}",
    lambda ip: f"64:ff9b::{ip}",
    lambda ip: f"64:ff9b:1::{ip}",
    lambda ip: str(IPv6Address((0x2002 << 112) | (int(ip) << 80))),
    lambda ip: str(IPv6Address((0x20010000 << 96) | (0xFFFFFFFF ^ int(ip)))),  # Teredo inverts the bits
)
"""Ways to write an IPv4 address, also inside an IPv6 address."""


def rejection(url: str, *addresses: str, allow_private: bool = False) -> str | None:
    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, 1, 6, "", (one, port)) for one in addresses]

    options: dict[str, Any] = {"resolve": resolve} if addresses else {}
    try:
        destination(address_of(url, "test"), allow_private=allow_private, **options)
    except Undelivered as error:
        return str(error)
    return None


@pytest.mark.sized(ci=2_000, nightly=50_000, release=500_000)
def test_private_addresses_are_rejected_in_every_encoding(
    rounds: Iterator[int], rng: Random, figures: dict[str, Any]
) -> None:
    for number in rounds:  # noqa: B007 - counted below
        network = ip_network(rng.choice(FORBIDDEN_NETWORKS + PRIVATE_NETWORKS))
        ip = IPv4Address(int(network.network_address) + rng.randrange(network.num_addresses))
        packed = rng.choice(ENCODINGS)(ip)
        assert rejection("https://hooks.example/x", packed), packed
        if str(network) in FORBIDDEN_NETWORKS:
            assert "which is not allowed for webhooks" in (
                rejection("https://hooks.example/x", packed, allow_private=True) or ""
            ), packed
    figures["addresses"] = number + 1


@pytest.mark.parametrize("network", ["fe80::/10", "ff00::/8", "fd00:ec2::254/128", "fd20:ce::254/128", "::/128"])
def test_forbidden_ipv6_networks_are_rejected(network: str, rng: Random) -> None:
    first = IPv6Network(network)
    ip = str(first.network_address + rng.randrange(first.num_addresses))
    assert "which is not allowed for webhooks" in (
        rejection("https://hooks.example/x", ip, allow_private=True) or ""
    ), ip


@pytest.mark.parametrize("address", ["fc00::1", "fdff::1", "fec0::1", "::1", "::2", "100::1", "2001:db8::1"])
def test_private_ipv6_networks_require_a_setting(address: str) -> None:
    assert "allow_private" in (rejection("https://hooks.example/x", address) or "")


@pytest.mark.parametrize(
    "host",
    [
        *("127.1", "2130706433", "0x7f.1", "0177.0.0.1", "017700000001", "[::]", "0", "0.0.0.0", "[::ffff:7f00:1]"),
        *("169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "[::ffff:a9fe:a9fe]", "[fe80::1%25lo]"),
    ],
)
def test_numeric_spellings_of_local_addresses_are_rejected(host: str) -> None:
    """Only `localhost` and `127.0.0.1` explicitly mean this machine, and none of these is either."""
    with suppress(BackendUnavailable):  # already rejected when it was parsed
        assert rejection(f"https://{host}/latest/meta-data")


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "gopher://127.0.0.1:70/_x", "ftp://127.0.0.1/", "dict://127.0.0.1:11211/", "data:,x"),
        *("http://", "//127.0.0.1/", "http:///x", "javascript:alert(1)", "unix:///var/run/docker.sock", "http://\0/"),
        *("http://127.0.0.1\r\nX: y/", "http://127.0.0.1/\r\n\r\nGET / HTTP/1.1", "http://127.0.0.1/ HTTP/1.1\r\nX: y"),
        *("http://evil.example@127.0.0.1/", "http://127.0.0.1:80@evil.example/", "http://a:b@c@d/", "http://[::1/"),
        *("http://127.0.0.1:-1/", "http://127.0.0.1:99999/", "http://127.0.0.1:port/", "https://ünï code/"),
    ],
)
def test_an_invalid_webhook_url_is_rejected_when_it_is_parsed(url: str) -> None:
    with pytest.raises(BackendUnavailable) as caught:
        address_of(url, "chat")
    assert url not in str(caught.value)


@contextmanager
def listening() -> Iterator[tuple[int, list[str]]]:
    """Listen on a port and record connections."""
    connections: list[str] = []
    is_over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def note() -> None:
            while True:
                connection, address = listener.accept()
                connection.close()
                if is_over.is_set():
                    return
                connections.append(str(address))

        thread = threading.Thread(target=note, daemon=True)
        thread.start()
        yield listener.getsockname()[1], connections
        with socket.create_connection(("127.0.0.1", listener.getsockname()[1])) as last:
            ours = str(last.getsockname())
            eventually(lambda: ours in connections)  # and with it all earlier connections
        is_over.set()
        socket.create_connection(listener.getsockname()).close()  # which wakes it on every system
        thread.join(60)


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as (port, connections):
        for name in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        with socket.create_server(("127.0.0.1", 0)) as closed:
            no_identity = closed.getsockname()[1]
        with pytest.raises(Undelivered):
            post(address_of(f"http://127.0.0.1:{no_identity}/x", "test"), b"{}", identity="1")
    assert len(connections) == 1


def test_urls_in_a_record_are_never_followed(serve: Callable[..., Emulator], tmp_path: Path) -> None:
    """ModelDataUrl, SourceUri, images and metrics are values of the client; the server sends no requests to them."""
    with listening() as (port, connections):
        host = f"127.0.0.1:{port}"
        served = serve("--backend", "sqlite://", "--check-artifacts", "auto", "--check-images", "auto")
        sagemaker = served.client("sagemaker")
        sagemaker.create_model_package_group(ModelPackageGroupName="churn")
        container = {"Image": f"{host}/churn:1", "ModelDataUrl": f"https://{host}/model.tar.gz"}
        metrics = {"Statistics": {"ContentType": "application/json", "S3Uri": f"https://{host}/metrics.json"}}
        arn = sagemaker.create_model_package(
            ModelPackageGroupName="churn",
            InferenceSpecification={"Containers": [container]},
            ModelMetrics={"ModelQuality": metrics},
            MetadataProperties={"Repository": f"http://{host}/repo.git", "GeneratedBy": f"http://{host}/"},
        )["ModelPackageArn"]
        sagemaker.create_model_package(ModelPackageGroupName="churn", SourceUri=f"http://{host}/")
        sagemaker.update_model_package(
            ModelPackageArn=arn, ModelApprovalStatus="Approved", SourceUri=f"file://{host}/x"
        )
        assert requests.get(f"{served.url}/_registry/explain?arn={arn}", timeout=30).ok
    assert len(connections) == 1


@pytest.mark.parametrize("name", PATHS, ids=range(len(PATHS)))
def test_bucket_and_key_names_do_not_become_paths(tmp_path: Path, name: str) -> None:
    """Kept objects are files named by a hash, in the right folder for any bucket or key."""
    folder = tmp_path / "inner" / "registry.db.s3"

    class Answer:
        status_code, headers, data = 200, {"Content-Type": "text/plain"}, b"x"

    asked: list[str] = []

    def ask(caller: Caller, service: str, method: str, path: str, **_: Any) -> Any:
        asked.append(path)
        return Answer()

    encoded = name.encode("utf-8", "surrogatepass").decode("latin-1")
    kept = KeptObjects(folder)
    for path in (f"/{encoded}/key", f"/bucket/{encoded}"):
        kept.note({"PATH_INFO": path, "REQUEST_METHOD": "PUT", "QUERY_STRING": ""}, b"", ask)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert all(path.parent.parent == folder for path in files)
    assert all(len(path.parent.name) == 64 and set(path.parent.name) <= set("0123456789abcdef") for path in files)
    assert {path.name for path in files if len(path.stem) != 64} <= {"bucket.json"}


@pytest.mark.skipif(os.name != "posix", reason="links need a privilege elsewhere")
def test_a_link_in_the_object_folder_is_not_followed(tmp_path: Path) -> None:
    """Only the owner could create such a link, but files are always replaced as a whole, never followed."""
    folder = tmp_path / "registry.db.s3"
    kept = KeptObjects(folder)

    class Answer:
        status_code, headers, data = 200, dict[str, str](), b"new"

    request = {"PATH_INFO": "/models/key", "REQUEST_METHOD": "PUT", "QUERY_STRING": ""}
    kept.note(request, b"", lambda *_, **__: Answer())  # type: ignore[arg-type, return-value]
    (file,) = folder.glob("*/*.object")
    precious = tmp_path / "precious"
    precious.write_text("precious")
    file.unlink()
    file.symlink_to(precious)
    kept.note(request, b"", lambda *_, **__: Answer())  # type: ignore[arg-type, return-value]
    assert precious.read_text() == "precious"
    assert not file.is_symlink()
