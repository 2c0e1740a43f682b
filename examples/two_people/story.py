"""Review a version with two people: alice registers it, bob approves it, and a script deploys it.

    python examples/two_people/story.py

Requires sagemaker-registry[server]. The script serves a registry in a temporary folder with the rules in registry.toml;
alice and bob are boto3 clients, each with an access key.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

HERE = Path(__file__).resolve().parent
COMMAND = [sys.executable, "-m", "sagemaker_registry.client.cli"]
GROUP = "churn"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as url:
        alice, bob = person(url, "AKIAALICE"), person(url, "AKIABOB")

        print("alice registers a version")
        alice.create_model_package_group(ModelPackageGroupName=GROUP)
        arn = alice.create_model_package(
            ModelPackageGroupName=GROUP,
            InferenceSpecification={
                "Containers": [{"Image": "registry/churn:3", "ModelDataUrl": "s3://models/churn/3/model.tar.gz"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            CustomerMetadataProperties={"accuracy": "0.93", "git_commit": "4f5c2a9"},
        )["ModelPackageArn"]
        print(f"  {arn}")

        print("alice cannot approve her own version, and bob must give a reason")
        print(f"  refused: {refusal(alice, arn, 'looks good to me')}")
        print(f"  refused: {refusal(bob, arn, None)}")

        print("bob approves the version, and the pipeline deploys it")
        decide(bob, arn, "checked the residuals, ticket 42")
        script = HERE.parent / "deploy" / "deploy.sh"
        watch = [*COMMAND, "watch", "--on", "Approved", "--from", "start", "--once", "--exec", f"sh {script}"]
        show(watch, url, DEPLOY_TO=f"{folder}/deployed")

        print("the history contains the approval")
        show([*COMMAND, "history", f"{GROUP}/1"], url)
        show([*COMMAND, "history", "verify"], url)


def decide(who: Any, arn: str, reason: str | None) -> None:
    why = {} if reason is None else {"ApprovalDescription": reason}
    who.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", **why)


def refusal(who: Any, arn: str, reason: str | None) -> str:
    """Return the error message of a rejected approval."""
    try:
        decide(who, arn, reason)
    except ClientError as error:
        return str(error.response["Error"]["Message"])
    raise AssertionError("the approval was not rejected")


def person(url: str, access_key: str) -> Any:
    """Return a boto3 client with an access key."""
    return boto3.client(
        "sagemaker",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=access_key,
        aws_secret_access_key="any",
    )


def show(command: list[str], url: str, **more: str) -> None:
    """Run a command as bob, and print its output."""
    keys = {"AWS_ACCESS_KEY_ID": "AKIABOB", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1"}
    environment = {**os.environ, **keys, "SAGEMAKER_REGISTRY_URL": url, **more}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    for line in done.stdout.splitlines():
        print(f"  {line}")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a registry with the rules and yield its URL."""
    options = ["--port", "0", "--backend", f"sqlite:///{folder}/registry.db", "--config", str(HERE / "registry.toml")]
    with subprocess.Popen([*COMMAND, "serve", *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            yield line.removeprefix("listening on ").strip()
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
