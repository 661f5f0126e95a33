"""What a part of `morpheus up` runs: `python -m morpheus_assets.cli.part_process MODULE,…,MODULE ARGUMENT …`.

Loads the modules and calls `main` of the last one. Nothing is collected meanwhile: what is loaded stays, each full
collection walks over all of it, and that took a sixth of what the start of a part costs.
"""

import gc
import importlib
import sys


def main() -> None:
    """Take the modules off the command line, whose other arguments are those of the last one."""
    names = sys.argv.pop(1).split(",")
    gc.disable()
    *_, last = [importlib.import_module(name) for name in names]
    gc.freeze()
    gc.enable()
    last.main()


if __name__ == "__main__":
    main()
