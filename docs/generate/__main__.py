"""Write the generated pages of the reference; run as `python -m docs.generate` in the root of the repository."""

from __future__ import annotations

import argparse

from . import PAGES, REFERENCE, errors


def main() -> None:
    parser = argparse.ArgumentParser(
        "python -m docs.generate", description="Write the generated pages of the reference."
    )
    parser.add_argument(
        "--add-errors",
        action="store_true",
        help="first append an entry without cause and fix to docs/errors.toml for each error message that has none",
    )
    if parser.parse_args().add_errors:
        print(f"docs/errors.toml: {errors.add_missing()} entries added")
    for name, generate in PAGES.items():
        (REFERENCE / name).write_text(generate(), encoding="utf-8", newline="\n")
        print(f"docs/reference/{name}")


if __name__ == "__main__":
    main()
