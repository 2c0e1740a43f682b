"""moto with versions in it, as creates would leave them: in this process, or served by its own server.

python -m benchmarks.moto_filled 10000       serves; the first line is "listening on URL"

Filling it by calls would take hours: each create of moto's looks at all versions there are.
"""

from __future__ import annotations

import os
import sys
from inspect import signature
from typing import Any

from . import growth
from .processes import free_port, tell_when_it_listens

os.environ.setdefault("MOTO_DISABLE_GLOBAL_CORS", "true")


def fill(size: int) -> None:
    """Put into moto's memory what `growth.fill` registers: the versions of one group, and other groups of one each."""
    from botocore import xform_name
    from moto.sagemaker.models import ModelPackage, sagemaker_backends

    backend = sagemaker_backends["123456789012"]["us-east-1"]

    def register(group: str, version: int, request: dict[str, Any]) -> None:
        members: dict[str, Any] = dict.fromkeys(list(signature(ModelPackage).parameters))
        members |= {xform_name(name): value for name, value in request.items()}
        members |= {"model_package_name": group, "model_package_group_name": group, "model_package_version": version}
        members |= {"region_name": "us-east-1", "account_id": "123456789012", "model_package_type": "Versioned"}
        package = ModelPackage(**members)
        backend.model_package_name_mapping |= {package.model_package_name: package.arn, package.arn: package.arn}
        backend.model_packages[package.arn] = package

    backend.create_model_package_group(growth.GROUP, "")
    for number in range(1, size + 1):
        register(growth.GROUP, number, growth.request(number))
        if number % growth.VERSIONS_OF_A_GROUP == 0:
            group = f"group-{number // growth.VERSIONS_OF_A_GROUP:06}"
            backend.create_model_package_group(group, "")
            register(group, 1, {"ModelPackageGroupName": group, "ModelApprovalStatus": "Approved"})


def main(size: int) -> None:
    from moto.server import main as serve

    fill(size)
    port = free_port()

    tell_when_it_listens(port)
    serve(["-p", str(port)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
