"""Requests of the client: registrations, paginated lists, and errors that are ignored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Real
from typing import Any

from ...backends.views import PENDING

PAGE = 100


def listed(client: Any, resource: str = "model_package", **query: Any) -> Iterator[dict[str, Any]]:
    """Yield the summaries of a List operation lazily, page by page."""
    lister = client.get_paginator(f"list_{resource}s")
    for page in lister.paginate(PaginationConfig={"PageSize": PAGE}, **query):
        yield from page[f"{resource.title().replace('_', '')}SummaryList"]


@contextmanager
def unless_refused(client: Any, sentence: str) -> Iterator[None]:
    """Ignore a ValidationException that contains a sentence."""
    try:
        yield
    except client.exceptions.ClientError as error:
        refusal = error.response["Error"]
        if refusal["Code"] != "ValidationException" or sentence not in refusal["Message"]:
            raise


def request_of(
    group: str,
    *,
    image: str | None = None,
    model_data: str | None = None,
    metadata: Mapping[str, str | int | float] | None = None,
    metrics: str | None = None,
    description: str | None = None,
    content_types: Sequence[str] = ("text/csv",),
    response_types: Sequence[str] = ("text/csv",),
    approval: str | None = None,
    token: str | None = None,
    training_job: str | None = None,
    dataset_version: str | None = None,
    git_commit: str | None = None,
    **members: Any,
) -> dict[str, Any]:
    """Return the request of `ModelRegistry.register`; raise ValueError for invalid values."""
    lineage = {"training_job": training_job, "dataset_version": dataset_version, "git_commit": git_commit}
    container = given(Image=image, ModelDataUrl=model_data)
    types = {"SupportedContentTypes": [*content_types], "SupportedResponseMIMETypes": [*response_types]}
    quality = metrics and {"Statistics": {"ContentType": "application/json", "S3Uri": metrics}}
    request = given(
        ModelPackageGroupName=group,
        ModelPackageDescription=description,
        ModelApprovalStatus=approval,
        ClientToken=token,
        InferenceSpecification=container and {"Containers": [container], **types},
        ModelMetrics=given(ModelQuality=quality),
        MetadataProperties=given(CommitId=git_commit, GeneratedBy=training_job),
        CustomerMetadataProperties=_merged(_texts(metadata or {}), given(**lineage)),
    )
    return {"ModelApprovalStatus": PENDING, **_merged(request, members)}


def given(**members: Any) -> dict[str, Any]:
    """Return the members that are neither None nor empty."""
    return {name: value for name, value in members.items() if value not in (None, {}, [])}


def _texts(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return metadata as text; raise ValueError for a value that is neither text nor a number."""
    unfit = [key for key, value in metadata.items() if not isinstance(value, str | Real)]
    if unfit:
        raise ValueError(f"metadata {unfit[0]!r} is {metadata[unfit[0]]!r}; expected text or a number")
    return {key: repr(float(value)) if isinstance(value, float) else str(value) for key, value in metadata.items()}


def _merged(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two structures recursively; raise ValueError if both set the same value."""
    both = {name: (ours[name], theirs[name]) for name in ours if name in theirs}
    twice = [name for name, pair in both.items() if not all(isinstance(value, Mapping) for value in pair)]
    if twice:
        raise ValueError(f"{twice[0]} is given twice")
    return {**ours, **theirs, **{name: _merged(*pair) for name, pair in both.items()}}
