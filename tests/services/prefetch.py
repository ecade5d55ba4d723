"""``python -m tests.services.prefetch``: the wheels of the two stories that `make test` tells without a network.

Each service's packages are resolved for its own Python version, with what builds it and what its tests are judged by.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.services.catalogue import SERVICES
from tests.services.machine import WHEELS, chosen, uv
from tests.services.repository import APPS

OFFLINE = {  # by service: what its files ask for
    "meterkit": ("click>=8.0", "tabulate>=0.8", "pytest>=7", "wheel"),
    "parceltrack": ("-r requirements-dev.txt",),
}
JUDGED_BY = ("pytest", "coverage", "setuptools", "ruff>=0.17,<0.18", "bandit>=1.8,<2")  # by the platform


def pins(name: str) -> list[str]:
    """Every package of a service, pinned."""
    service = SERVICES[name]
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "asked.in"
        lines = (line.replace("-r ", f"-r {APPS / service.app}/") for line in (*OFFLINE[name], *JUDGED_BY))
        asked.write_text("\n".join(lines) + "\n")
        words = ("--quiet", "--no-header", "--no-annotate", "--python-version", chosen(service.python))
        return uv(Path(folder), "pip", "compile", *words, str(asked)).split()


def main() -> int:
    WHEELS.mkdir(exist_ok=True)
    for name in OFFLINE:
        version = chosen(SERVICES[name].python)
        words = ["--quiet", "--no-deps", "--only-binary=:all:", "--python-version", version, "--dest", str(WHEELS)]
        subprocess.run([sys.executable, "-m", "pip", "download", *words, *pins(name)], check=True)
    (WHEELS / ".ready").touch()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
