"""Shell completion of groups and versions, from a registry that responds within one second."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, Queue
from threading import Thread
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

SECONDS = 1.0
MAX_RESULTS = 100


def groups(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    def ask(client: SageMakerClient) -> list[CompletionItem]:
        part = {"NameContains": incomplete} if incomplete else {}
        answer = client.list_model_package_groups(SortBy="Name", SortOrder="Ascending", MaxResults=MAX_RESULTS, **part)  # type: ignore[arg-type]
        return [
            CompletionItem(group["ModelPackageGroupName"], help=group.get("ModelPackageGroupDescription"))
            for group in answer["ModelPackageGroupSummaryList"]
            if group["ModelPackageGroupName"].startswith(incomplete)
        ]

    return _asked(context, ask)


def versions(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the newest versions as GROUP/NUMBER, with their approval status for shells that show it."""

    def ask(client: SageMakerClient) -> list[CompletionItem]:
        name, slash, _ = incomplete.partition("/")
        part = {"ModelPackageGroupName": name} if slash else {"NameContains": name} if name else {}
        answer = client.list_model_packages(
            ModelPackageType="Versioned",
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=MAX_RESULTS,
            **part,  # type: ignore[arg-type]
        )
        found = {
            f"{version['ModelPackageGroupName']}/{version['ModelPackageVersion']}": version.get("ModelApprovalStatus")
            for version in answer["ModelPackageSummaryList"]
        }
        return [CompletionItem(name, help=status) for name, status in found.items() if name.startswith(incomplete)]

    return _asked(context, ask)


def _asked(context: click.Context, ask: Callable[[SageMakerClient], list[CompletionItem]]) -> list[CompletionItem]:
    """Return completions from the registry of --url or of the environment; none after an error."""
    answers: Queue[list[CompletionItem]] = Queue()

    def run() -> None:
        with suppress(Exception):  # a completing shell cannot show an error
            answers.put(_answer(context, ask))

    import boto3  # noqa: F401 - the time limit is for the registry, not for this import

    Thread(target=run, daemon=True).start()
    with suppress(Empty):
        return answers.get(timeout=SECONDS)
    return []


def _answer(context: click.Context, ask: Callable[[SageMakerClient], list[CompletionItem]]) -> list[CompletionItem]:
    from botocore.config import Config

    from ...backends.urls import database_file, default_url
    from ..connection import connect
    from .output import region_option

    url = context.params.get("url") or os.environ.get("SAGEMAKER_REGISTRY_URL") or default_url()
    file = database_file(url)
    if file is not None and not file.exists():  # completion must not create a registry
        return []
    config = Config(connect_timeout=SECONDS, read_timeout=SECONDS, retries={"total_max_attempts": 1})
    return ask(connect(url, config=config, **region_option(context.params.get("region"))))
