"""The AWS SDK for JavaScript: its example, and its limitations described in docs/how-to/connect-a-client.md."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from clients_of_others.programs import EXAMPLES, Run, program
from support.server import Emulator

EXAMPLE = EXAMPLES / "javascript"
UNUSED_URL = "http://127.0.0.1:1"
PROFILE = """\
[profile offline]
region = us-east-1
aws_access_key_id = ACCOUNT
aws_secret_access_key = any
services = registry
[services registry]
sagemaker =
  endpoint_url = URL
"""
LIST_GROUPS = """\
import { ListModelPackageGroupsCommand, SageMakerClient } from "@aws-sdk/client-sagemaker";
const sagemaker = new SageMakerClient({});
const { ModelPackageGroupSummaryList: groups } = await sagemaker.send(new ListModelPackageGroupsCommand({}));
for (const group of groups) console.log(group.ModelPackageGroupName);
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the example with its packages installed."""
    modules = Path(program("javascript/node_modules"))
    shutil.copytree(EXAMPLE, tmp_path / "example", ignore=shutil.ignore_patterns("node_modules"))
    (tmp_path / "example" / "node_modules").symlink_to(modules)
    return tmp_path / "example"


@pytest.fixture
def node(run: Run, folder: Path) -> Callable[..., str]:
    command = program("node")
    return lambda *arguments, **variables: run(command, *arguments, cwd=folder, **variables)


def test_the_javascript_example_registers_reviews_and_finds_the_newest(
    node: Callable[..., str], group: str, check_client: Callable[[str], None]
) -> None:
    check_client(node("register.mjs", group))
    assert f"/{group}/2 created 20" in node("register.mjs", group)


@pytest.mark.parametrize("setting", ["for SageMaker alone", "in a profile"])
def test_the_sdk_takes_the_endpoint_from_the_environment(
    setting: str, node: Callable[..., str], emulator: Emulator, account: str, group: str, tmp_path: Path
) -> None:
    emulator.client("sagemaker", account).create_model_package_group(ModelPackageGroupName=group)
    config = tmp_path / "config"
    config.write_text(PROFILE.replace("URL", emulator.url).replace("ACCOUNT", account), encoding="utf-8")
    variables = {
        "for SageMaker alone": {"AWS_ENDPOINT_URL": UNUSED_URL, "AWS_ENDPOINT_URL_SAGEMAKER": emulator.url},
        "in a profile": {"AWS_ENDPOINT_URL": "", "AWS_CONFIG_FILE": str(config), "AWS_PROFILE": "offline"},
    }
    assert node("--input-type=module", "-e", LIST_GROUPS, **variables[setting]) == f"{group}\n"


def test_without_path_style_the_sdk_puts_buckets_into_the_host_name(environment: dict[str, str], folder: Path) -> None:
    script = (
        'import { HeadBucketCommand, S3Client } from "@aws-sdk/client-s3";'
        "const s3 = new S3Client({ forcePathStyle: FORCED });"
        "s3.middlewareStack.add(() => async ({ request }) => { console.log(request.hostname); process.exit(); },"
        ' { step: "finalizeRequest", priority: "low" });'
        'await s3.send(new HeadBucketCommand({ Bucket: "models" }));'
    )
    for forced, host in (("false", "models.registry"), ("true", "registry")):
        done = subprocess.run(
            [program("node"), "--input-type=module", "-e", script.replace("FORCED", forced)],
            env={**environment, "AWS_ENDPOINT_URL": "http://registry:8080"},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stdout.strip() == host


def test_the_lock_file_matches_the_package_and_names_no_host() -> None:
    lock = json.loads((EXAMPLE / "package-lock.json").read_text(encoding="utf-8"))
    package = json.loads((EXAMPLE / "package.json").read_text(encoding="utf-8"))
    assert lock["packages"][""]["dependencies"] == package["dependencies"]
    assert not any("resolved" in entry for entry in lock["packages"].values())
