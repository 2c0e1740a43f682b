"""The commands `serve` and `quickstart`."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import fail

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
    help="Where the registry is: sqlite:///FILE, sqlite:// for memory, postgresql://USER@HOST/DATABASE, moto://, or "
    "aws://[PROFILE@][REGION] and http://HOST:PORT to pass its calls on; without, a file in your data folder, as for "
    "every command.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; one that others reach needs --credentials.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port to listen on; 0 picks a free one.",
)
@click.option(
    "--credentials",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="SAGEMAKER_REGISTRY_CREDENTIALS",
    show_envvar=True,
    metavar="FILE",
    help="A file of access keys, as ~/.aws/credentials: every request must be signed with one of them.",
)
@click.option(
    "--i-accept-no-authentication",
    "accepts_no_authentication",
    is_flag=True,
    help="Listen on an address that others reach, and let whoever does read and change everything.",
)
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    envvar="SAGEMAKER_REGISTRY_ALLOWED_HOSTS",
    show_envvar=True,
    metavar="NAME",
    help="A host name to answer for, such as a compose service's; may be repeated. "
    "Names of this machine and IP addresses are always answered.",
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    envvar="SAGEMAKER_REGISTRY_CONFIG",
    show_envvar=True,
    metavar="FILE",
    help="A registry.toml with more settings; options given here win.",
)
@click.option(
    "--check-artifacts",
    type=click.Choice(["off", "auto", "always"]),
    help="Whether model artefacts must be in S3 when a version is registered; auto (the default) looks where the "
    "bucket exists.",
)
@click.option(
    "--check-images",
    type=click.Choice(["off", "auto", "always"]),
    help="The same for images in ECR, off by default; auto looks where the repository exists.",
)
@click.option(
    "--s3-endpoint",
    metavar="URL",
    help="Where to look for artefacts, if not in the S3 of this endpoint; with the credentials of the environment.",
)
@click.option(
    "--console-user",
    "console_users",
    multiple=True,
    metavar="NAME",
    help="Who reviews at the console; may be repeated: a login link is printed for each. You by default, or those whom "
    "registry.toml names if you are not one of them.",
)
@click.option("--no-console", is_flag=True, help="Serve no console at /console/.")
@click.option(
    "--test-controls/--no-test-controls",
    default=None,
    help="Whether the registry can be reset, put back, told another time and made to fail, as tests want it. Only one "
    "in memory can, unless said.",
)
@click.option(
    "--seed",
    "seeds",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE",
    help="A file of groups and versions to begin with, in YAML or JSON, or a folder of such; may be repeated.",
)
@click.option(
    "--log-level",
    type=click.Choice(["error", "warning", "info", "debug"]),
    default="warning",
    show_default=True,
    help="What to log on stderr; info is a line for each request.",
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
    """Serve a registry, and every other AWS service beside it, on one endpoint.

    The first line on stdout is "listening on URL"; the last ones are login links of the console at /console/, where a
    person reviews and decides: each works once, for an hour. SIGTERM and Ctrl-C finish the requests in flight and stop.
    Beside a registry in a file, S3's buckets and objects are kept too (FILE.s3); the other services beside the
    registry are moto's: they live in memory and start empty each time.

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
            "pip install 'sagemaker-registry[server]'",
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
    """Read seeds, if there are any; the modules for it are not loaded otherwise."""
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
    """See a model go from training to deployment, offline, in one minute.

    The same as running examples/quickstart.py: `sagemaker-registry quickstart --help` lists its options.
    """
    from ...examples import quickstart as example

    sys.exit(example.main(list(arguments)))
