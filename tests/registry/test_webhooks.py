"""Webhook requests: signed, within the timeout, sent to the checked address, and never to a forbidden one."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from inspect import getdoc
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sagemaker_registry.backends.config import load
from sagemaker_registry.backends.errors import BackendUnavailable
from sagemaker_registry.backends.settings import Events, Settings, Webhook
from sagemaker_registry.emulator.events import webhooks
from sagemaker_registry.emulator.events.sinks import sinks_of
from sagemaker_registry.emulator.events.webhooks import Undelivered, address_of, destination, post
from support.webhook_receiver import Receiver, receiving

SECRET = "canary-f00d"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as served:
        yield served


def resolving(*addresses: str) -> Any:
    """Return a resolver that resolves every name to these addresses."""

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET6 if ":" in one else socket.AF_INET, 1, 6, "", (one, port)) for one in addresses]

    return resolve


def send(url: str, **options: Any) -> None:
    post(address_of(url, "test"), b'{"id":"1"}', identity="1", **options)


def rejection(url: str, **options: Any) -> str:
    with pytest.raises(Undelivered) as caught:
        destination(address_of(url, "test"), **{"allow_private": False, **options})
    return str(caught.value)


def test_an_event_without_a_secret_is_posted_with_its_id_and_no_signature(receiver: Receiver) -> None:
    send(f"{receiver.url}?team=ml")
    (got,) = receiver.posts
    assert (got.path, got.body) == ("/hook?team=ml", b'{"id":"1"}')
    assert got.headers["Content-Type"] == "application/json"
    assert got.headers["X-Registry-Event-Id"] == "1"
    assert got.headers["User-Agent"].startswith("sagemaker-registry/")
    assert "X-Registry-Signature" not in got.headers


def test_the_signature_equals_the_openssl_hmac_of_time_and_body(receiver: Receiver) -> None:
    send(receiver.url, secret=SECRET, clock=lambda: 1_795_500_000.9)
    (got,) = receiver.posts
    fields = dict(part.split("=") for part in got.headers["X-Registry-Signature"].split(","))
    assert fields["t"] == "1795500000"
    command = ["openssl", "dgst", "-sha256", "-hmac", SECRET, "-r"]
    made = subprocess.run(command, input=b"1795500000." + got.body, capture_output=True, check=True).stdout
    assert made.split()[0].decode() == fields["v1"]


def test_the_documented_verification_code_works(receiver: Receiver) -> None:
    send(receiver.url, secret=SECRET)
    (got,) = receiver.posts
    shown = [line[4:] for line in (getdoc(webhooks.signature) or "").splitlines() if line.startswith("    ")]
    code = "import hashlib, hmac, json, time\n" + "\n".join(shown)
    known: dict[str, Any] = {"headers": got.headers, "body": got.body, "secret": SECRET.encode()}
    exec(code, known)
    assert known["event"] == {"id": "1"}
    with pytest.raises(AssertionError):
        exec(code, {**known, "body": b'{"id":"2"}'})


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_response_other_than_2xx_is_a_failed_delivery(receiver: Receiver, status: int) -> None:
    receiver.answer = lambda post: (status, {}, b"")
    with pytest.raises(Undelivered, match=rf"127\.0\.0\.1 returned status {status}$"):
        send(receiver.url)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(receiver: Receiver, status: int) -> None:
    with receiving() as other:
        receiver.answer = lambda post: (status, {"Location": other.url}, b"")
        with pytest.raises(Undelivered, match="redirects are not followed"):
            send(receiver.url)
        assert other.posts == []


def test_a_long_response_is_not_read_to_its_end(receiver: Receiver) -> None:
    receiver.answer = lambda post: (200, {"Content-Length": str(2**40)}, b"x" * 70_000)
    send(receiver.url)


@pytest.mark.parametrize("first_words", [b"", b"HTTP/1.1 200 OK\r\nX-A: "])
def test_a_slow_receiver_is_cut_off_even_if_it_sends_single_bytes(first_words: bytes) -> None:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(first_words)
                while not stop.wait(0.05):
                    try:
                        connection.sendall(b"x" if first_words else b"")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            with pytest.raises(Undelivered, match=r"did not respond within 0\.3 s"):
                send(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=0.3)
        finally:
            stop.set()
            thread.join()


def test_a_refused_connection_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Undelivered, match="Connection refused"):
        send(f"http://127.0.0.1:{port}/")


FORBIDDEN = [
    "169.254.169.254",  # cloud metadata service
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "127.0.0.1",
    "127.8.8.8",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",  # NAT64 of the metadata address
    "2002:a9fe:a9fe::1",  # 6to4 of the metadata address
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "fc00::1",
    "2001:db8::1",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_a_name_that_resolves_to_a_private_address_is_rejected(address: str) -> None:
    assert f"resolves to {address}" in rejection("https://hooks.example/x", resolve=resolving(address))


ALWAYS_FORBIDDEN = [
    "169.254.169.254",
    "fe80::1",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
]


@pytest.mark.parametrize("address", ALWAYS_FORBIDDEN)
def test_metadata_and_multicast_addresses_are_rejected_even_if_private_ones_are_allowed(address: str) -> None:
    assert "which is not allowed for webhooks" in rejection(
        "https://x.example", allow_private=True, resolve=resolving(address)
    )


@pytest.mark.parametrize("host", ["169.254.169.254", "[::ffff:127.0.0.1]", "2130706433", "0x7f000001", "0177.0.0.1"])
def test_unusual_spellings_of_private_addresses_are_rejected(host: str) -> None:
    """The system's resolver accepts decimal, hexadecimal and octal addresses."""
    assert "resolves to" in rejection(f"http://{host}/latest/meta-data")


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.0.0.1", "192.168.1.1", "fc00::1", "127.0.0.1"])
def test_allowed_private_networks_do_not_need_tls(address: str) -> None:
    for url in ("https://ci.internal", "http://ci.internal"):
        assert destination(address_of(url, ""), allow_private=True, resolve=resolving(address)) == address


def test_a_public_address_requires_tls() -> None:
    where = address_of("https://hooks.example/x", "")
    assert destination(where, allow_private=False, resolve=resolving("93.184.216.34")) == "93.184.216.34"
    for allowed in (False, True):
        sentence = rejection("http://hooks.example/x", allow_private=allowed, resolve=resolving("93.184.216.34"))
        assert "must begin with https" in sentence


def test_only_localhost_may_resolve_to_loopback(receiver: Receiver) -> None:
    port = receiver.url.split(":")[2]
    send(f"http://localhost:{port}".replace("/hook", "") + "/", resolve=resolving("127.0.0.1"))
    assert len(receiver.posts) == 1
    for host in ("localhost.evil.example", "evil.example", "127.0.0.1.evil.example"):
        assert "resolves to 127.0.0.1" in rejection(f"http://{host}:{port}", resolve=resolving("127.0.0.1"))


def test_a_name_is_resolved_once_per_request(receiver: Receiver) -> None:
    answers = [resolving("127.0.0.1"), resolving("169.254.169.254")]
    asked: list[str] = []

    def rebinding(host: str, port: int, **options: Any) -> Any:
        asked.append(host)
        return answers.pop(0)(host, port, **options)

    port = int(receiver.url.split(":")[2].removesuffix("/hook"))
    send(f"http://rebind.example:{port}/hook", allow_private=True, resolve=rebinding)
    assert asked == ["rebind.example"]
    assert receiver.posts[0].headers["Host"] == f"rebind.example:{port}"


def test_the_certificate_is_verified_against_the_host_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=hooks.example", "-addext", "subjectAltName=DNS:hooks.example", "-days", "2"]
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                try:
                    with context.wrap_socket(connection, server_side=True) as secure:
                        got = b""
                        while not got.endswith(b"}"):
                            got += secure.recv(65536)
                        secure.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                except (ssl.SSLError, OSError):
                    connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        port = listener.getsockname()[1]
        options: dict[str, Any] = {"allow_private": True, "resolve": resolving("127.0.0.1")}
        send(f"https://hooks.example:{port}/x", **options)
        with pytest.raises(Undelivered, match="certificate"):
            send(f"https://other.example:{port}/x", **options)
        thread.join()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("ftp://x.example", "expected https://HOST/PATH"),
        ("https:///path", "expected https://HOST/PATH"),
        ("https://x.example/a b", "expected https://HOST/PATH"),
        ("https://x.example/\r\nHost: y", "expected https://HOST/PATH"),
        ("https://user:pass@x.example/", "remove user and password"),
        ("https://x.example:99999/", "expected https://HOST/PATH"),
        ("nonsense", "expected https://HOST/PATH"),
    ],
)
def test_an_invalid_webhook_url_is_rejected_at_start_and_not_repeated_in_the_error(url: str, sentence: str) -> None:
    with pytest.raises(BackendUnavailable, match=sentence) as caught:
        sinks_of(Events(webhooks=(Webhook(url=url),)))
    assert url not in str(caught.value)


@pytest.mark.parametrize(
    ("webhooks", "sentence"),
    [
        (
            [{"url": "https://x.example", "on": ["approved"]}],
            "`on` contains 'approved'; expected one of Approved, Rejected",
        ),
        ([{"url": "https://x.example"}, {"url": "https://x.example/2"}], "already used by another target"),
        ([{"url": "https://x.example", "name": "eventbridge"}], "already used by another target"),
        (
            [{"url": "https://x.example", "secret_env": "NOT_SET"}],
            "`secret_env` names NOT_SET, which is empty or not set",
        ),
        (
            [{"url": "https://x.example", "secret": SECRET, "secret_env": "PATH"}],
            "set either `secret` or `secret_env`, not both",
        ),
    ],
)
def test_invalid_webhook_settings_are_rejected_at_start(webhooks: list[Any], sentence: str) -> None:
    with pytest.raises(BackendUnavailable, match=sentence) as caught:
        sinks_of(msgspec.convert({"webhooks": webhooks}, Events))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("line", ["colour = 1", "[[events.webhooks]]\nurl = 'https://x.example'\nretry = 3"])
def test_unknown_keys_are_rejected(tmp_path: Path, line: str) -> None:
    file = tmp_path / "registry.toml"
    file.write_text(f"[events]\n{line}\n", encoding="utf-8")
    with pytest.raises(BackendUnavailable, match="unknown key"):
        load(file)


def test_settings_are_shown_without_their_secrets() -> None:
    hooks = (
        Webhook(url=f"https://hooks.example:8443/services/{SECRET}?key={SECRET}", secret=SECRET, name="chat"),
        Webhook(url=f"https://u:{SECRET}@x.example"),
    )
    settings = Settings(events=Events(webhooks=hooks))
    shown = json.dumps(msgspec.to_builtins(settings.shown()))
    assert "https://hooks.example:8443/***" in shown
    assert SECRET not in shown + repr(settings) + repr(settings.shown())
    assert base64.b64encode(SECRET.encode()).decode() not in shown
    assert SECRET not in repr(sinks_of(Events(webhooks=hooks[:1])))
