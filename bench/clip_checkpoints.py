"""CLIPs for measurements without the hub: the packaged demo model, or any of open_clip's architectures at random."""

from pathlib import Path


def spaces_setting(model: str, folder: Path) -> str:
    """MORPHEUS_IMAGE_SPACES for "demo" or an architecture, whose random weights (seed 0) are written to `folder`."""
    if model == "demo":
        return "open_clip/demo"
    weights = folder / f"{model}.pt"
    if not weights.exists():
        from morpheus_assets.embedding.local_models import ensure_torchvision_imports

        ensure_torchvision_imports()
        import open_clip
        import torch

        torch.manual_seed(0)
        torch.save(open_clip.create_model(model).state_dict(), weights)
    return f"open_clip/local:{weights}@{model}"
