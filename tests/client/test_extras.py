"""Without an optional dependency, the error names the extra to install, and everything else works."""

from __future__ import annotations

import subprocess
import sys

import pytest

ABSENT = "import sys; sys.modules[{package!r}] = None\n"
SERVE = (
    "from sagemaker_registry.client.cli import main\n"
    "main(['serve', '--backend', 'sqlite://', '--port', '0'], prog_name='sagemaker-registry')"
)
ONLY_BOTO3 = ("flask", "orjson", "regex", "sqlite_utils", "msgspec", "waitress", "moto")
CONNECT_HTTP = (
    "from sagemaker_registry.client import connect\n"
    "print(connect('http://127.0.0.1:1', region_name='us-east-1').meta.endpoint_url)"
)
CONNECT = "from sagemaker_registry.client import connect\nconnect('sqlite://')"
S3 = (
    "from sagemaker_registry.emulator.aws.other_services import MotoApp\n"
    "environ = {'REQUEST_METHOD': 'GET', 'PATH_INFO': '/bucket', 'HTTP_HOST': 'localhost'}\n"
    "print(b''.join(MotoApp()(environ, lambda status, headers: print(status))).decode())"
)
QUICKSTART = "from sagemaker_registry.client.cli import main\nmain(['quickstart'])"


def run(package: str, script: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", ABSENT.format(package=package) + script]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("package", "script", "sentence"),
    [
        ("flask", SERVE, "serve requires the package 'flask': pip install 'sagemaker-registry[server]'"),
        ("waitress", SERVE, "serve requires the package 'waitress': pip install 'sagemaker-registry[server]'"),
        ("sklearn", QUICKSTART, "quickstart requires scikit-learn: pip install 'sagemaker-registry[all]'"),
    ],
)
def test_a_missing_extra_is_one_sentence_and_exit_code_2(package: str, script: str, sentence: str) -> None:
    ended = run(package, script)
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.returncode == 2


def test_the_base_installation_is_a_client_for_served_registries() -> None:
    hidden = "".join(ABSENT.format(package=package) for package in ONLY_BOTO3)
    command = [sys.executable, "-c", hidden + CONNECT_HTTP]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "http://127.0.0.1:1\n", done.stderr


@pytest.mark.parametrize("package", ["orjson", "regex", "msgspec"])
def test_an_in_process_connect_names_the_missing_extra(package: str) -> None:
    assert f"BackendUnavailable: sqlite:// needs the package {package!r}: pip install" in run(package, CONNECT).stderr


def test_an_in_process_registry_does_not_need_sqlite_utils() -> None:
    assert run("sqlite_utils", CONNECT).stderr == ""


def test_without_moto_calls_of_other_services_name_the_package_to_install() -> None:
    answered = run("moto", S3).stdout
    assert answered.startswith("400 Bad Request\n")
    assert "<Code>UnknownOperationException</Code>" in answered
    assert "the other AWS services need moto: pip install" in answered
