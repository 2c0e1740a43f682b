"""Testcontainers: its example, if Docker is running."""

from __future__ import annotations

import subprocess

import pytest

from clients_of_others.programs import EXAMPLES, ROOT, program


@pytest.mark.nightly
def test_the_example_runs_in_a_container() -> None:
    docker = program("docker", "https://docs.docker.com/engine/install")
    python = program("testcontainers/bin/python", "bash .ci/clients --all")
    if subprocess.run([docker, "info"], check=False, capture_output=True, timeout=60).returncode != 0:
        pytest.skip("Docker is installed, but its daemon does not run")
    subprocess.run([docker, "build", "-q", "-t", "sagemaker-registry", ROOT], check=True, timeout=1800)
    example = EXAMPLES / "testcontainers_example.py"
    command = [
        python,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        f"--rootdir={EXAMPLES}",
        example,
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
