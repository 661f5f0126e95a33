"""Lets torchvision be imported beside a torch that it was not built for; no model code belongs here."""

import importlib
import sys
import threading
from typing import Any

_lock = threading.Lock()
_library: list[Any] = []


def ensure_torchvision_imports() -> None:
    """Import torchvision; where its compiled operators do not fit this torch, declare their schemas first.

    open_clip uses torchvision's transforms only, which are plain Python. Yet `import torchvision` registers
    fake kernels for `nms` and ends with "operator torchvision::nms does not exist" when its binary part could
    not be loaded (a CPU torch beside a CUDA torchvision, for one). Declaring the schema, without an
    implementation, lets the import pass; calling `nms` would still fail, as it should.
    """
    with _lock:
        try:
            importlib.import_module("torchvision")
            return
        except RuntimeError as error:
            if "torchvision::" not in str(error):
                raise
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        import torch

        # The schemas live as long as this object: torch takes them back when it is collected.
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _library.append(library)
        importlib.import_module("torchvision")
