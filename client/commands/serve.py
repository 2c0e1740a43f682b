"""The `serve` and `quickstart` commands."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...backends.text import printable
from .output import Choice, credentials_option, fail

if TYPE_CHECKING:
    from ...backends.base import Backend

VERBOSE_LIBRARIES = ("boto3", "botocore", "s3transfer", "urllib3", "psycopg")
"""Libraries that log whole requests, with signatures and session tokens, at level debug."""


class OneLine(logging.Formatter):
    """Write each event on one line, followed only by the traceback of an exception.

    Messages contain text of callers, such as a path or a reason, which could otherwise add lines to the log.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name in logging.Formatter
        return printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return printable(super().formatException(ei), keep="\n")


@click.command()
@click.option(
    "--backend",
    envvar="SAGEMAKER_REGISTRY_BACKEND",
    show_envvar=True,
    metavar="URL",
    help="Registry to serve: sqlite:///FILE, sqlite:// (in memory), postgresql://USER@HOST/DATABASE, moto://, or, as a "
    "gateway, aws://[PROFILE@][REGION] or http://HOST:PORT. Default: a file in your data folder.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. An address that other machines can reach requires --credentials or "
    "--i-accept-no-authentication.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port to listen on; 0 selects a free port.",
)
@credentials_option(
    "--credentials",
    help="File of access keys in the format of ~/.aws/credentials. Every request must be signed with one of them.",
)
@click.option(
    "--i-accept-no-authentication",
    "accepts_no_authentication",
    is_flag=True,
    help="Accept unsigned requests on an address that other machines can reach: everyone there can read and change "
    "everything.",
)
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    envvar="SAGEMAKER_REGISTRY_ALLOWED_HOSTS",
    show_envvar=True,
    metavar="NAME",
    help="Host name to accept, such as the name of a compose service; may be repeated. Names of this machine and IP "
    "addresses are always accepted.",
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="SAGEMAKER_REGISTRY_CONFIG",
    show_envvar=True,
    metavar="FILE",
    help="Settings file (registry.toml). Command-line options override it.",
)
@click.option(
    "--check-artifacts",
    type=Choice(["off", "auto", "always"]),
    help="Whether artifacts must exist in S3 at registration. auto requires them only if the bucket exists. Default: "
    "auto.",
)
@click.option(
    "--check-images",
    type=Choice(["off", "auto", "always"]),
    help="Whether images must exist in ECR at registration. auto requires them only if the repository exists. Default: "
    "off.",
)
@click.option(
    "--s3-endpoint",
    metavar="URL",
    help="S3 endpoint of the artifacts, accessed with the credentials of the environment. Default: this server.",
)
@click.option(
    "--console-user",
    "console_users",
    multiple=True,
    metavar="NAME",
    help="Print a console login link for this reviewer; may be repeated. Default: you, or the people in registry.toml "
    "if you are not one of them.",
)
@click.option("--no-console", is_flag=True, help="Do not serve the console at /console/.")
@click.option(
    "--test-controls/--no-test-controls",
    default=None,
    help="Whether to allow test control (reset, snapshots, clock, and faults). Default: only for a registry in memory.",
)
@click.option(
    "--seed",
    "seeds",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE",
    help="YAML or JSON file of groups and versions to create at the start, or a folder of such files; may be repeated.",
)
@click.option(
    "--log-level",
    type=Choice(["error", "warning", "info", "debug"]),
    default="warning",
    show_default=True,
    help="Log level on stderr; info logs each request.",
)
def serve(
    backend: str | None,
    host: str,
    port: int,
    credentials: Path | None,
    accepts_no_authentication: bool,
    allowed_hosts: tuple[str, ...],
    config: Path | None,
    check_artifacts: str | None,
    check_images: str | None,
    s3_endpoint: str | None,
    console_users: tuple[str, ...],
    no_console: bool,
    test_controls: bool | None,
    seeds: tuple[Path, ...],
    log_level: str,
) -> None:
    """Start the registry, its console, and other AWS services.

    All of them use one URL. The first line on stdout is "listening on URL"; the next lines contain the URL of the
    registry and login links for the console at /console/, where people review versions. A link works once, for one
    hour. SIGTERM or Ctrl-C finishes the requests in progress and stops the server.

    Without --backend, the registry is stored in a file in your data folder. The S3 buckets and objects of a registry in
    a file are stored next to it, in FILE.s3. All other AWS services are answered by moto, which keeps their data in
    memory and starts empty.

    \b
    Examples:
      sagemaker-registry serve
      sagemaker-registry serve --backend sqlite:///registry.db
      sagemaker-registry serve --backend sqlite:// --port 0
      sagemaker-registry serve --backend aws://prod@eu-west-1?account=111122223333
      sagemaker-registry serve --backend sqlite:// --seed seeds/
      sagemaker-registry serve --console-user alice --console-user bob
      sagemaker-registry serve --config registry.toml --check-artifacts always
      sagemaker-registry serve --host 0.0.0.0 --credentials keys.ini --allowed-host registry
    """
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=log_level.upper(), handlers=[handler])
    gc.disable()  # collecting garbage during the imports would take a tenth of the startup time
    for library in VERBOSE_LIBRARIES:
        logging.getLogger(library).setLevel(max(logging.INFO, logging.getLogger().level))
    try:
        from ...backends.config import load
        from ...backends.settings import override
        from ...emulator.serve import serve as run
    except ModuleNotFoundError as error:
        fail(
            f"serve requires the package {(error.name or '').partition('.')[0]!r}: "
            "pip install 'sagemaker-registry[server]'"
        )
    from ...backends.errors import BackendUnavailable
    from ...backends.urls import default_url

    gc.freeze()
    gc.enable()
    try:
        checks = {"artifacts": check_artifacts, "images": check_images, "s3_endpoint": s3_endpoint}
        run(
            backend or default_url(),
            host,
            port,
            allowed_hosts,
            override(
                load(config), checks=checks, authentication={"credentials": str(credentials) if credentials else None}
            ),
            None if no_console else console_users,
            test_controls=test_controls,
            accepts_no_authentication=accepts_no_authentication,
            prepare=_seeder(seeds),
        )
    except BackendUnavailable as error:
        fail(str(error))


def _seeder(seeds: tuple[Path, ...]) -> Callable[[Backend], None]:
    if not seeds:
        return lambda backend: None
    from ..seeding import BadSeed, seeder

    try:
        return seeder(seeds)
    except BadSeed as error:
        fail(str(error))


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def quickstart(arguments: tuple[str, ...]) -> None:
    """Follow one model from training to deployment.

    Runs examples/quickstart.py, offline and in one minute. `quickstart --help` prints its options and examples.
    """
    from ...examples import quickstart as example

    sys.exit(example.main(list(arguments)))
