"""What a local model meets on a machine: too little memory, a torchvision built for another torch, slow imports.

No model code belongs here.
"""

import errno
import importlib
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from morpheus_assets.embedding.errors import ConfigurationError

_OUT_OF_MEMORY = re.compile(
    r"allocate memory|create a primitive|(not enough|out of) memory|failed to map segment|start new thread|bad_alloc",
    re.IGNORECASE,
)


@contextmanager
def explain_out_of_memory(model: str, variable: str) -> Iterator[None]:
    """Turn a lack of memory while `model` is loaded or used into a ConfigurationError that names `variable`.

    The kernel may also end the process without a word; whoever watches the run notices that.
    """
    try:
        yield
    except BaseException as error:
        # safetensors, written in Rust, panics where there is no memory for an object: that is no Exception
        panicked = type(error).__name__ == "PanicException" and "pointer is null" in str(error)
        if not panicked and not isinstance(error, MemoryError | RuntimeError | OSError | ImportError):
            raise
        if not (
            panicked
            or isinstance(error, MemoryError)
            or getattr(error, "errno", 0) == errno.ENOMEM
            or _OUT_OF_MEMORY.search(str(error))
        ):
            raise
        raise ConfigurationError(
            f"The machine has too little memory for {model}: free some, or name a smaller model or one of a provider in"
            f" {variable}."
        ) from None


_lock = threading.Lock()
_library: list[Any] = []


def ensure_torchvision_imports() -> None:
    """Import torchvision; where its compiled operators do not fit this torch, declare their schemas first.

    open_clip uses torchvision's transforms only, which are plain Python. Yet `import torchvision` registers
    fake kernels for `nms` and ends with "operator torchvision::nms does not exist" when its binary part could
    not be loaded (a CPU torch beside a CUDA torchvision, for one). Declaring the schema, without an
    implementation, lets the import pass; calling `nms` would still fail, as it should.
    """
    with _lock, _compiler_on_demand():
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


@contextmanager
def _compiler_on_demand() -> Iterator[None]:
    """Let torchvision be imported without torch's compiler, 1.6 s of CPU, which its `roi_align` asks one question."""
    name = "torch._dynamo.utils"
    if name in sys.modules:
        yield
        return

    def compiler(attribute: str) -> Any:
        # `inspect` asks every module for its file
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]
        return getattr(importlib.import_module(name), attribute)

    stand_in = ModuleType(name)
    stand_in.__dict__["is_compile_supported"] = lambda device: compiler("is_compile_supported")(device)
    # for another thread that imports the compiler at this moment
    stand_in.__dict__["__getattr__"] = compiler
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]


class _Hidden:
    """Finds no module of these names for one thread: another may need them at this moment."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names, self._thread = names, threading.get_ident()

    def find_spec(self, name: str, *_: object) -> None:
        if name in self._names and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"{name} is left out", name=name)


@contextmanager
def without_optional(*names: str) -> Iterator[None]:
    """Let a library be imported as if these optional dependencies were not installed, but for those that are loaded."""
    hidden = _Hidden(frozenset(names))
    # new lists, for another thread may be on its way through the one that there is
    with _lock:
        sys.meta_path = [hidden, *sys.meta_path]
    try:
        yield
    finally:
        with _lock:
            sys.meta_path = [finder for finder in sys.meta_path if finder is not hidden]
