"""A process that registers versions and appends each acknowledged number to a file: `writer.py URL GROUP COUNT LEDGER`.

It stops at COUNT, or after a line or the end of its standard input.
"""

from __future__ import annotations

import select
import sys

from sagemaker_registry.backends import open_backend
from sagemaker_registry.backends.base import Caller


def main(url: str, group: str, count: str, ledger: str) -> None:
    with open_backend(url) as registry, open(ledger, "a", encoding="ascii") as noted:
        print("ready", flush=True)
        for _ in range(int(count)):
            if select.select([sys.stdin], [], [], 0)[0]:
                break
            answer = registry.call("CreateModelPackage", {"ModelPackageGroupName": group}, Caller())
            noted.write(answer["ModelPackageArn"].rpartition("/")[2] + "\n")
            noted.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
