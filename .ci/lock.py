"""Writes requirements.lock: names, versions and hashes for Python 3.11 to 3.13 on every platform.

Call it through `make lock`. No registry address is recorded, so that the file works with any mirror.
"""

import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
LOCK = PROJECT / "requirements.lock"

# torch's CUDA libraries (several GB) are left out: only its CUDA build asks for them, and then
# `pip install -e .`, the second step of the set-up, brings them.
LEFT_OUT = re.compile(r"(nvidia-|cuda-|triton==)")

# The CPU build of torch is not on the main index; where pip finds it, this is its wheel for Python 3.11 on Linux.
TORCH_CPU_BUILD = "sha256:6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"

HEADER = """\
# Written by `make lock`. Install with: pip install --no-deps --require-hashes -r requirements.lock
# The libraries of torch's CUDA build are not listed: see .ci/lock.py.
"""


def main() -> None:
    """Resolve pyproject.toml with its test group and write the lock file."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--group", "test", "--universal"]
    command += ["--generate-hashes", "--no-annotate", "--no-header", "--python-version", "3.11", "--quiet"]
    command += ["--no-emit-index-url", "--no-emit-find-links", *sys.argv[1:]]
    resolved = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    blocks = re.split(r"\n(?=\S)", resolved.strip())
    kept = [block for block in blocks if not LEFT_OUT.match(block)]
    kept = [f"{block} \\\n    --hash={TORCH_CPU_BUILD}" if block.startswith("torch==") else block for block in kept]
    LOCK.write_text(HEADER + "\n".join(kept) + "\n")
    print(f"{LOCK.name}: {len(kept)} packages, {len(blocks) - len(kept)} left out")  # noqa: T201


if __name__ == "__main__":
    main()
