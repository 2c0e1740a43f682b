"""Write the generated pages of the reference; run as `python -m docs.generate` in the root of the repository."""

from __future__ import annotations

from . import PAGES, REFERENCE


def main() -> None:
    for name, generate in PAGES.items():
        (REFERENCE / name).write_text(generate(), encoding="utf-8", newline="\n")
        print(f"docs/reference/{name}")


if __name__ == "__main__":
    main()
