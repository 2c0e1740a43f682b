"""Train, register, review, and deploy a model on a local registry, with plain boto3 and without a network.

Run it with `sagemaker-registry quickstart`, or copy the parts that you need: they use only boto3, scikit-learn, and the
standard library. Without --endpoint-url, it starts `sagemaker-registry serve`.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

GROUP = "tumor-classifier"
BUCKET = "quickstart-models"
REGION = "us-east-1"
ANY_KEYS: dict[str, Any] = {"aws_access_key_id": "quickstart", "aws_secret_access_key": "local"}
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"

INFERENCE_SCRIPT = '''\
"""Functions that SageMaker's scikit-learn container calls."""
import os

import joblib


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))


def predict_fn(rows, model):
    return model.predict(rows)
'''

Model = Any
Story = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    """Run the quickstart and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="sagemaker-registry quickstart",
        description="Train two models, register both, approve one, reject the other, and deploy the approved one.",
        epilog="examples:\n"
        "  sagemaker-registry quickstart\n"
        "  sagemaker-registry quickstart --keep my-registry  # then: serve --backend sqlite:///my-registry/registry.db\n"
        "  sagemaker-registry quickstart --json | jq .deployed",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--endpoint-url", metavar="URL", help="use a registry that is already running")
    parser.add_argument("--keep", metavar="DIR", type=Path, help="keep the database of the registry in this folder")
    parser.add_argument("--json", action="store_true", help="print only the results, as JSON")
    options = parser.parse_args(arguments)

    try:
        import sklearn  # noqa: F401
    except ImportError:
        print("quickstart requires scikit-learn: pip install 'sagemaker-registry[all]'", file=sys.stderr)
        return 2
    say = Narrator(silent=options.json)
    with registry(options.endpoint_url, options.keep, say) as endpoint_url:
        # a running server may verify signatures, so use the keys of the environment
        story = run(endpoint_url, say, {} if options.endpoint_url and "AWS_ACCESS_KEY_ID" in os.environ else ANY_KEYS)
    if options.json:
        print(json.dumps(story, indent=2))
    say.chapter("Next")
    for command, purpose in following(options.endpoint_url, options.keep):
        say(purpose, command)
    return 0


def following(endpoint_url: str | None, keep: Path | None) -> Iterator[tuple[str, str]]:
    """Yield commands to try next, each with its purpose: those for the registry if it still exists."""
    if endpoint_url is not None:
        yield f"sagemaker-registry versions {GROUP} --url {endpoint_url}", "list"
        yield f"{endpoint_url}/console/, with a login link that `serve` printed", "console"
        return
    file = f" --backend sqlite:///{keep / 'registry.db'}" if keep else ""
    yield f"sagemaker-registry serve{file}", "serve"
    yield "open the login link that `serve` prints", "console"
    if keep:
        yield f"sagemaker-registry versions {GROUP} --url sqlite:///{keep / 'registry.db'}", "list"


def run(endpoint_url: str, say: Narrator, keys: dict[str, Any]) -> Story:
    """Run all steps on one endpoint and return the results."""
    import boto3

    session = boto3.Session(**keys, region_name=REGION)
    s3 = session.client("s3", endpoint_url=endpoint_url)
    sagemaker = session.client("sagemaker", endpoint_url=endpoint_url)
    s3.create_bucket(Bucket=BUCKET)
    if not sagemaker.list_model_package_groups(NameContains=GROUP)["ModelPackageGroupSummaryList"]:
        sagemaker.create_model_package_group(
            ModelPackageGroupName=GROUP, ModelPackageGroupDescription="Is a tumor benign?"
        )

    say.chapter("A data scientist trains two models and registers both")
    good = register(s3, sagemaker, *train(careful=True), "logistic regression on all 30 features", say)
    worse = register(s3, sagemaker, *train(careful=False), "one split on one feature", say)

    say.chapter("A reviewer decides about the pending versions")
    accuracies = dict(pending(sagemaker))
    for arn, accuracy in accuracies.items():
        say("pending", f"{short(arn)}   accuracy {accuracy:.3f}")
    praise = f"accuracy {accuracies[good]:.3f}, above our 0.95"
    sagemaker.update_model_package(ModelPackageArn=good, ModelApprovalStatus="Approved", ApprovalDescription=praise)
    reason = f"accuracy {accuracies[worse]:.3f} is below our 0.95"
    sagemaker.update_model_package(ModelPackageArn=worse, ModelApprovalStatus="Rejected", ApprovalDescription=reason)
    say("approved", f"{short(good)}   {praise}")
    say("rejected", f"{short(worse)}   {reason}")

    say.chapter("A deployment accepts only an approved version")
    refusal = refused(sagemaker, worse)
    say("refused", f"{short(worse)}   {refusal}")
    chosen = newest_approved(sagemaker)
    predictions, correct = deploy(s3, sagemaker, chosen, say)
    say("predicted", f"{', '.join(predictions)}: {correct} of 5 test patients are correct")
    return {
        "registered": [good, worse],
        "approved": good,
        "rejected": {"arn": worse, "reason": reason},
        "refused": refusal,
        "deployed": chosen,
        "predictions": predictions,
        "correct": correct,
    }


def data() -> tuple[Any, Any, Any, Any]:
    """Return training rows, test rows, training labels, and test labels of a dataset included in scikit-learn."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import train_test_split

    rows, labels = load_breast_cancer(return_X_y=True)
    split: tuple[Any, Any, Any, Any] = train_test_split(rows, labels, test_size=0.3, random_state=7, stratify=labels)
    return split


def train(*, careful: bool) -> tuple[Model, float]:
    """Return a classifier and its accuracy on the test rows."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    rows, test_rows, labels, test_labels = data()
    model = make_pipeline(StandardScaler(), LogisticRegression()) if careful else DecisionTreeClassifier(max_depth=1)
    model.fit(rows, labels)
    return model, round(float(model.score(test_rows, test_labels)), 4)


def pack(model: Model) -> bytes:
    """Return model.tar.gz in the layout of SageMaker's containers: the model and code/inference.py."""
    import joblib

    weights, archive = io.BytesIO(), io.BytesIO()
    joblib.dump(model, weights)
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, content in (("model.joblib", weights.getvalue()), ("code/inference.py", INFERENCE_SCRIPT.encode())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def register(s3: Any, sagemaker: Any, model: Model, accuracy: float, what: str, say: Narrator) -> str:
    """Upload a model and its metrics, register them as a pending version, and return its ARN."""
    archive = pack(model)
    versions = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=GROUP)
    job = f"{GROUP}-{sum(len(page['ModelPackageSummaryList']) for page in versions) + 1}"
    s3.put_object(Bucket=BUCKET, Key=f"{job}/model.tar.gz", Body=archive)
    metrics = json.dumps({"binary_classification_metrics": {"accuracy": {"value": accuracy}}})
    s3.put_object(Bucket=BUCKET, Key=f"{job}/metrics.json", Body=metrics)
    arn: str = sagemaker.create_model_package(
        ModelPackageGroupName=GROUP,
        ModelPackageDescription=what,
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [{"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/{job}/model.tar.gz"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        ModelMetrics={
            "ModelQuality": {
                "Statistics": {"ContentType": "application/json", "S3Uri": f"s3://{BUCKET}/{job}/metrics.json"}
            }
        },
        MetadataProperties={"CommitId": "4f5c2a9", "GeneratedBy": job},
        CustomerMetadataProperties={
            "accuracy": str(accuracy),
            "training_job": job,
            "dataset_version": "breast-cancer-wisconsin-1995",
            "git_commit": "4f5c2a9",
        },
    )["ModelPackageArn"]
    say("trained", f"{what}: accuracy {accuracy:.3f}")
    say("uploaded", f"s3://{BUCKET}/{job}/model.tar.gz ({len(archive) / 1024:.1f} KiB)")
    say("registered", f"{short(arn)} as PendingManualApproval")
    return arn


def pending(sagemaker: Any) -> Iterator[tuple[str, float]]:
    """Yield the ARN and the accuracy of each pending version."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=GROUP, ModelApprovalStatus="PendingManualApproval", PaginationConfig={"PageSize": 1}
    )
    for page in pages:
        for summary in page["ModelPackageSummaryList"]:
            version = sagemaker.describe_model_package(ModelPackageName=summary["ModelPackageArn"])
            yield summary["ModelPackageArn"], float(version["CustomerMetadataProperties"]["accuracy"])


def newest_approved(sagemaker: Any) -> str:
    """Return the ARN of the newest approved version; a page may be empty, so read every page."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=GROUP, ModelApprovalStatus="Approved", SortBy="CreationTime", SortOrder="Descending"
    )
    for page in pages:
        for summary in page["ModelPackageSummaryList"]:
            return str(summary["ModelPackageArn"])
    raise LookupError(f"{GROUP} has no approved version")


def checked(sagemaker: Any, arn: str) -> dict[str, Any]:
    """Return a version; raise PermissionError if it is not approved."""
    version: dict[str, Any] = sagemaker.describe_model_package(ModelPackageName=arn)
    if version["ModelApprovalStatus"] != "Approved":
        raise PermissionError(f"{version['ModelApprovalStatus']}: {version.get('ApprovalDescription', 'no reason')}")
    return version


def refused(sagemaker: Any, arn: str) -> str:
    """Return the reason why a version cannot be deployed."""
    try:
        checked(sagemaker, arn)
    except PermissionError as error:
        return str(error)
    raise AssertionError(f"{arn} should not be deployable")


def deploy(s3: Any, sagemaker: Any, arn: str, say: Narrator) -> tuple[list[str], int]:
    """Download an approved model, load it with its inference script, and return predictions and the number correct."""
    url = checked(sagemaker, arn)["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    bucket, _, key = url.removeprefix("s3://").partition("/")
    archive = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    say("deployed", f"{short(arn)}   from {url}")
    _, test_rows, _, test_labels = data()
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        script = inference_script(Path(folder, "code", "inference.py"))
        found = script.predict_fn(test_rows[:5], script.model_fn(folder))
    names = ["malignant", "benign"]
    return [names[label] for label in found], int((found == test_labels[:5]).sum())


def inference_script(path: Path) -> Any:
    """Load the inference script of the model, as the serving container does."""
    spec = importlib.util.spec_from_file_location("inference", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python script")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def registry(endpoint_url: str | None, keep: Path | None, say: Narrator) -> Iterator[str]:
    """Yield the URL of a registry: the given one, or one that is started now and stopped afterwards."""
    if endpoint_url is not None:
        yield endpoint_url
        return
    with tempfile.TemporaryDirectory() as temporary:
        database = (keep or Path(temporary)).resolve() / "registry.db"
        command = [sys.executable, "-m", "sagemaker_registry.client.cli", "serve", "--port", "0"]
        server = subprocess.Popen(
            [*command, "--backend", f"sqlite:///{database}"], stdout=subprocess.PIPE, text=True, cwd=temporary
        )
        try:
            first_line = server.stdout.readline() if server.stdout else ""
            if not first_line.startswith("listening on "):
                raise RuntimeError("the registry did not start; see its error message above")
            url = first_line.removeprefix("listening on ").strip()
            say.chapter(f"A SageMaker Model Registry is listening on {url}")
            say("stored in", str(database) if keep else "a temporary file (use --keep DIR to keep it)")
            yield url
        finally:
            server.terminate()
            server.communicate()


def short(arn: str) -> str:
    """Return `group/version` from the ARN of a version."""
    return arn.partition("model-package/")[2]


class Narrator:
    """Prints the steps, with bold titles on a terminal."""

    def __init__(self, *, silent: bool = False) -> None:
        self._silent = silent
        self._bold = ("\033[1m", "\033[0m") if sys.stdout.isatty() and "NO_COLOR" not in os.environ else ("", "")

    def __call__(self, what: str, details: str) -> None:
        if not self._silent:
            print(f"  {what:10} {details}", flush=True)

    def chapter(self, title: str) -> None:
        if not self._silent:
            start, end = self._bold
            print(f"\n{start}{title}{end}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
