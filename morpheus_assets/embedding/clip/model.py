"""A CLIP in memory: load it, prepare a panel for it, run either tower; only this module touches open_clip.

Knows nothing of providers, threads or batching.
"""

import importlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from morpheus_assets.embedding.clip.huggingface import hub_file, hub_tokenizer
from morpheus_assets.embedding.clip.identity import Precision
from morpheus_assets.embedding.clip.preprocessing import SHAPING, PanelPreparation, shaped
from morpheus_assets.embedding.clip.sources import ClipSource
from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.local_models import ensure_torchvision_imports, without_optional

_LEAST_BF16_COSINE = 0.999
_MOST_WORKERS = 4
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClipModel:
    """A loaded model; vectors come out as float32 [n, dimensions], not yet normalised.

    `threads` is what torch may compute with. Batches of panels share them out: `workers` at a time, each with its part.
    """

    module: Any
    preparation: PanelPreparation
    tokenizer: Any
    device: str
    dtype: Any
    threads: int

    @property
    def workers(self) -> int:
        """Batches of panels to forward at a time.

        A team of two that decoders disturb waits for itself at each step and burns 2 to 3.5 times the CPU of one thread
        a batch (ViT-B-32); a card takes one batch after the other.
        """
        return min(self.threads, _MOST_WORKERS) if self.device == "cpu" else 1

    def prepare(self, panel: Image.Image, shaping: int = SHAPING) -> Any:
        """One upright RGB picture as a tensor of bytes [3, height, width] in the model's own size."""
        return self.preparation.pixels(shaped(panel, self.preparation.side, shaping))

    def embed_panels(self, prepared: Sequence[Any]) -> np.ndarray:
        """Forward a batch of prepared panels."""
        import torch

        # What torch keeps of it belongs to the calling thread.
        torch.set_num_threads(self.threads // self.workers)
        with torch.inference_mode():
            batch = self.preparation.batch(prepared, self.device).to(self.dtype)
            return self.module.encode_image(batch).float().cpu().numpy()

    def embed_texts(self, texts: Sequence[str]) -> tuple[np.ndarray, int]:
        """Forward texts, cut at the model's context length; also the number of tokens without padding."""
        import torch

        torch.set_num_threads(self.threads)
        with torch.inference_mode():
            tokens = self.tokenizer(list(texts))
            vectors = self.module.encode_text(tokens.to(self.device)).float().cpu().numpy()
        return vectors, int((tokens != 0).sum())


def load_clip(source: ClipSource, precision: Precision, threads: int | None) -> ClipModel:
    """Load a model for inference, on a GPU where torch finds one.

    `threads` is how many torch may compute with (None: its own choice). Raises
    ConfigurationError when weights are missing or do not fit, or when bf16 changes the vectors too much.
    """
    import torch

    ensure_torchvision_imports()
    open_clip = _open_clip(source)
    from open_clip.transform import PreprocessCfg

    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        module = _create(open_clip, source).eval().to(device)
    except ConfigurationError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigurationError(
            f"The weights of `{source.name}` cannot be loaded ({type(error).__name__}: {reason}):"
            " check that they belong to this architecture and are complete."
        ) from error
    preparation = PanelPreparation(PreprocessCfg(**module.visual.preprocess_cfg))
    model = ClipModel(
        module, preparation, _tokenizer(open_clip, source), device, torch.float32, threads or torch.get_num_threads()
    )
    return model if precision == "fp32" else _to_bf16(model, source)


def _open_clip(source: ClipSource) -> Any:
    """open_clip, with timm and transformers only for an architecture that has a part of them: 2.5 of 5 s of CPU."""
    needed = {
        "timm": "timm_model_name" in source.model_config.get("vision_cfg", {}),
        "transformers": "hf_model_name" in source.model_config.get("text_cfg", {}),
    }
    with without_optional(*(library for library in needed if not needed[library])):
        loaded = importlib.import_module("open_clip")
    for library, part in {"timm": "timm_model", "transformers": "hf_model"}.items():
        towers = importlib.import_module(f"open_clip.{part}")
        if needed[library] and getattr(towers, library) is None:
            importlib.reload(towers)
    return loaded


def _create(open_clip: Any, source: ClipSource) -> Any:
    if source.folder is not None:
        return open_clip.create_model(f"local-dir:{source.folder}", require_pretrained=True)
    if source.weights is not None:
        return open_clip.create_model(source.architecture, str(source.weights), pretrained_text=False)
    tags = open_clip.list_pretrained_tags_by_model(source.architecture)
    settings = open_clip.get_pretrained_cfg(source.architecture, source.tag)
    if not settings:
        raise ConfigurationError(
            f"open_clip knows no tag `{source.tag}` of `{source.architecture}`: choose one of {', '.join(tags)}."
        )
    repository, _, filename = settings["hf_hub"].rpartition("/")
    names = [filename] if filename else ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"]
    weights = hub_file(repository, names, f"{source.architecture}@{source.tag}")
    # By path and not by tag: with a tag, open_clip asks the hub again for what is cached already.
    return open_clip.create_model(
        source.architecture,
        str(weights),
        pretrained_text=False,
        force_quick_gelu=settings.get("quick_gelu", False),
        force_preprocess_cfg=settings,
    )


def _tokenizer(open_clip: Any, source: ClipSource) -> Any:
    if source.folder is not None:
        merges = source.folder / "bpe.txt.gz"
        own = {"bpe_path": str(merges)} if merges.is_file() else {}
        return open_clip.get_tokenizer(f"local-dir:{source.folder}", **own)
    text = source.model_config["text_cfg"]
    if "hf_tokenizer_name" not in text:
        return open_clip.get_tokenizer(source.architecture)
    folder = hub_tokenizer(text["hf_tokenizer_name"], str(source.architecture))
    return open_clip.tokenizer.HFTokenizer(
        str(folder),
        context_length=text.get("context_length", 77),
        tokenizer_mode=text.get("tokenizer_mode"),
        **text.get("tokenizer_kwargs", {}),
    )


def _to_bf16(model: ClipModel, source: ClipSource) -> ClipModel:
    import torch

    probe = [model.prepare(_probe_picture(hue)) for hue in (0, 85, 170)]
    exact = model.embed_panels(probe)
    reduced = replace(model, module=model.module.to(torch.bfloat16), dtype=torch.bfloat16)
    if not _computes_in_bf16(model.device):
        # The same weights to the bit, so it can serve a space that another machine fills, at the speed of fp32.
        reduced = replace(model, module=reduced.module.float())
        _log.warning("No bf16 instructions here: `%s` has bf16 weights and computes in fp32, no faster.", source.name)
    rough = reduced.embed_panels(probe)
    norms = np.linalg.norm(exact, axis=1) * np.linalg.norm(rough, axis=1)
    cosine = float(((exact * rough).sum(axis=1) / norms).min())
    if not cosine >= _LEAST_BF16_COSINE:
        raise ConfigurationError(
            f"In bf16 `{source.name}` gives other vectors than in fp32 (cosine {cosine:.4f}):"
            " set MORPHEUS_IMAGE_PRECISION=fp32."
        )
    return reduced


def _computes_in_bf16(device: str) -> bool:
    """True when the hardware has bf16 instructions: emulated, it is many times slower than fp32."""
    import torch

    if device != "cpu":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    features = torch.cpu.get_capabilities()
    return any(features.get(each) for each in ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16"))


def _probe_picture(hue: int) -> Image.Image:
    ramp = Image.linear_gradient("L").resize((256, 256))
    return Image.merge("HSV", (ramp.point(lambda v: (v + hue) % 256), ramp.rotate(90), ramp)).convert("RGB")
