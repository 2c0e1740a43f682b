"""The commands `serve` and `quickstart`."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import credentials_option, fail

if TYPE_CHECKING:
    from ...backends.base import Backend

VERBOSE_LIBRARIES = ("boto3", "botocore", "s3transfer", "urllib3", "psycopg")
"""Libraries that log whole requests, with signatures and session tokens, at the level debug."""


@click.command()
@click.option(
    "--backend",
    envvar="SAGEMAKER_REGISTRY_BACKEND",
    show_envvar=True,
    metavar="URL",
    help="The registry: sqlite:///FILE, sqlite:// for memory, postgresql://USER@HOST/DATABASE, moto://, or "
    "a gateway to aws://[PROFILE@][REGION] or http://HOST:PORT; by default a file in your data folder.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on; addresses that other machines can reach require --credentials.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="The port to listen on; 0 selects a free one.",
)
@credentials_option(
    "--credentials", help="A file of access keys, as ~/.aws/credentials: every request must be signed with one of them."
)
@click.option(
    "--i-accept-no-authentication",
    "accepts_no_authentication",
    is_flag=True,
    help="Allow everyone who can reach the address to read and change everything.",
)
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    envvar="SAGEMAKER_REGISTRY_ALLOWED_HOSTS",
    show_envvar=True,
    metavar="NAME",
    help="A host name to accept, such as that of a compose service; may be repeated. Names of this machine and IP "
    "addresses are always accepted.",
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="SAGEMAKER_REGISTRY_CONFIG",
    show_envvar=True,
    metavar="FILE",
    help="A registry.toml with more settings; options override it.",
)
@click.option(
    "--check-artifacts",
    type=click.Choice(["off", "auto", "always"]),
    help="Whether artifacts must exist in S3 at registration; auto (the default) checks if the bucket exists.",
)
@click.option(
    "--check-images",
    type=click.Choice(["off", "auto", "always"]),
    help="Whether images must exist in ECR, off by default; auto checks if the repository exists.",
)
@click.option(
    "--s3-endpoint",
    metavar="URL",
    help="The S3 endpoint of artifacts, with the credentials of the environment; by default this server.",
)
@click.option(
    "--console-user",
    "console_users",
    multiple=True,
    metavar="NAME",
    help="A reviewer at the console; may be repeated. Prints a login link for each; by default for you, or for the "
    "people in registry.toml if you are not one of them.",
)
@click.option("--no-console", is_flag=True, help="Do not serve the console at /console/.")
@click.option(
    "--test-controls/--no-test-controls",
    default=None,
    help="Allow test control: reset, snapshots, clock and faults. By default only for a registry in memory.",
)
@click.option(
    "--seed",
    "seeds",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE",
    help="A file of groups and versions to create at the start, in YAML or JSON, or a folder; may be repeated.",
)
@click.option(
    "--log-level",
    type=click.Choice(["error", "warning", "info", "debug"]),
    default="warning",
    show_default=True,
    help="The log level on stderr; info logs each request.",
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
    """Serve a registry, and other AWS services, on one endpoint.

    The first line on stdout is "listening on URL"; the last ones are login links of the console at /console/, where
    people review versions. A link works once, for an hour. SIGTERM and Ctrl-C finish the requests in flight and stop.
    For a registry in a file, S3 buckets and objects are also stored (FILE.s3). The other AWS services are answered by
    moto: they are kept in memory and start empty.

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
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(message)s")
    gc.disable()  # collecting garbage among imported modules would take a tenth of the start
    for library in VERBOSE_LIBRARIES:
        logging.getLogger(library).setLevel(max(logging.INFO, logging.getLogger().level))
    try:
        from ...backends.config import load
        from ...backends.settings import override
        from ...emulator.serve import serve as run
    except ModuleNotFoundError as error:
        fail(
            f"serving needs the package {(error.name or '').partition('.')[0]!r}: "
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
    """Take a model from training to deployment, offline, in one minute.

    The same as running examples/quickstart.py: `sagemaker-registry quickstart --help` lists its options.
    """
    from ...examples import quickstart as example

    sys.exit(example.main(list(arguments)))
