import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from morpheus_assets.domain.spaces import Space, SpaceName
from morpheus_assets.embedding.clip.identity import decodes_scaled, resolve_again, resolve_clip_space, space_precision
from morpheus_assets.embedding.clip.sources import DEMO_FOLDER
from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.providers.base import ProviderOptions
from morpheus_assets.embedding.spaces import parse_space_names, resolve_image_space
from morpheus_assets.services.configured_spaces import configured_image_spaces, open_provider
from morpheus_assets.settings import Settings


def resolve(text: str, cache: Path, **options: str) -> Space:
    (name,) = parse_space_names(text, variable="MORPHEUS_IMAGE_SPACES")
    return resolve_image_space(name, ProviderOptions(cache_folder=cache, **options))  # type: ignore[arg-type]


def refusal(text: str, cache: Path) -> str:
    with pytest.raises(ConfigurationError) as refused:
        resolve(text, cache)
    return str(refused.value)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "my clip"
    shutil.copytree(DEMO_FOLDER, folder)
    return folder


def test_the_demo_space_has_a_readable_key_with_the_hash_of_what_it_is(tmp_path: Path) -> None:
    space = resolve("open_clip/demo", tmp_path)
    assert space.key.startswith("open-clip-demo-128-")
    assert len(space.key.removeprefix("open-clip-demo-128-")) == 8
    assert (space.purpose, space.provider, space.dimensions) == ("image", "open_clip", 128)


def test_a_hub_model_is_resolved_without_torch_open_clip_or_a_connection(tmp_path: Path) -> None:
    code = (
        "import sys, socket\n"
        "def refuse(*_): raise AssertionError('a connection was opened')\n"
        "socket.socket.connect = refuse\n"
        "from pathlib import Path\n"
        "from morpheus_assets.embedding.clip.identity import resolve_clip_space\n"
        "from morpheus_assets.embedding.spaces import SpaceName\n"
        "names = [SpaceName('open_clip', 'ViT-B-32', tag='laion2b_s34b_b79k'), SpaceName('open_clip', 'demo')]\n"
        f"print(*[resolve_clip_space(n, cache_folder=Path({str(tmp_path)!r})).dimensions for n in names])\n"
        "print([m for m in ('torch', 'open_clip', 'torchvision', 'huggingface_hub') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["512 128", "[]"]


def test_moving_a_checkpoint_keeps_its_space_and_changing_it_starts_a_new_one(checkpoint: Path, tmp_path: Path) -> None:
    first = resolve(f"open_clip/local:{checkpoint}", tmp_path / "cache")
    moved = checkpoint.rename(tmp_path / "elsewhere")
    assert resolve(f"open_clip/local:{moved}", tmp_path / "cache") == first

    weights = moved / "open_clip_model.safetensors"
    body = bytearray(weights.read_bytes())
    body[-1] ^= 1
    weights.write_bytes(body)
    changed = resolve(f"open_clip/local:{moved}", tmp_path / "cache")
    assert changed.key != first.key
    assert changed.fingerprint != first.fingerprint


def test_another_preprocessing_or_precision_is_another_space(checkpoint: Path, tmp_path: Path) -> None:
    name = f"open_clip/local:{checkpoint}"
    first = resolve(name, tmp_path)
    reduced = resolve(name, tmp_path, precision="bf16")
    config = json.loads((checkpoint / "open_clip_config.json").read_text())
    config["preprocess_cfg"]["resize_mode"] = "squash"
    (checkpoint / "open_clip_config.json").write_text(json.dumps(config))
    squashed = resolve(name, tmp_path)
    assert len({space.key for space in (first, reduced, squashed)}) == 3
    assert len({space.fingerprint for space in (first, reduced, squashed)}) == 3
    assert [space_precision(space) for space in (first, reduced)] == ["fp32", "bf16"]


def test_a_space_whose_panels_were_decoded_whole_stays_one_of_its_own(checkpoint: Path, tmp_path: Path) -> None:
    name = SpaceName("open_clip", f"local:{checkpoint}")
    new = resolve_clip_space(name, cache_folder=tmp_path)
    old = resolve_clip_space(name, cache_folder=tmp_path, scaled=False, precision="bf16", shaping=1)
    assert (new.shaping, old.shaping) == (2, 1)
    assert (decodes_scaled(new), decodes_scaled(old)) == (True, False)
    assert new.key != resolve_clip_space(name, cache_folder=tmp_path, scaled=False).key
    assert [resolve_again(name, space, tmp_path) for space in (new, old)] == [new, old]
    # what the identity was before JPEGs were scaled
    assert list(json.loads(old.preparation)) == ["model", "panels", "precision", "preprocess"]
    settings = Settings(_env_file=None, data_folder=tmp_path, image_spaces=f"open_clip/local:{checkpoint}")
    assert open_provider(settings, old).space == old


def test_a_space_is_found_again_after_the_precision_was_changed(checkpoint: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    before = Settings(_env_file=None, data_folder=cache, image_spaces=f"open_clip/local:{checkpoint}")
    (kept,) = configured_image_spaces(before)
    assert space_precision(kept) == "fp32"
    after = before.model_copy(update={"image_precision": "bf16"})
    (new,) = configured_image_spaces(after)
    assert (space_precision(new), new.key == kept.key) == ("bf16", False)
    assert [open_provider(after, space).space for space in (kept, new)] == [kept, new]
    elsewhere = after.model_copy(update={"image_spaces": "open_clip/demo"})
    assert [open_provider(elsewhere, space).space for space in (kept, new)] == [kept, new]


def test_weights_are_hashed_once_and_again_only_when_they_change(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, cache = f"open_clip/local:{checkpoint}", tmp_path / "cache"
    first = resolve(name, cache)
    with monkeypatch.context() as patch:
        patch.setattr("morpheus_assets.embedding.clip.identity.file_digest", lambda path: pytest.fail("hashed again"))
        assert resolve(name, cache) == first
    (cache / "weights.json").write_text("{ not json")
    assert resolve(name, cache) == first


def test_a_cache_that_cannot_be_written_changes_nothing(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert resolve(f"open_clip/local:{checkpoint}", tmp_path / "file" / "cache").dimensions == 128


def test_a_single_weights_file_may_name_its_architecture(tmp_path: Path) -> None:
    weights = tmp_path / "mine.pt"
    weights.write_bytes(b"weights")
    space = resolve(f"open_clip/local:{weights}@ViT-B-16", tmp_path)
    assert (space.dimensions, space.model) == (512, "local")
    assert "the architecture after @" in refusal(f"open_clip/local:{weights}", tmp_path)


def test_what_is_misspelt_is_answered_with_what_is_known(tmp_path: Path) -> None:
    sentence = refusal("open_clip/ViT-B-33@laion2b_s34b_b79k", tmp_path)
    assert "ViT-B-32" in sentence
    assert "open_clip/demo" in sentence
    assert "lacks the pretrained tag" in refusal("open_clip/ViT-B-32", tmp_path)
    assert "does not exist" in refusal("open_clip/local:/nowhere", tmp_path)
    assert "lacks its number of dimensions" in refusal("remote_clip/my-model", tmp_path)
    with pytest.raises(ConfigurationError, match="no image space"):
        resolve_image_space(SpaceName("openai", "text-embedding-3-large"), ProviderOptions())


def test_a_folder_without_weights_or_with_a_broken_configuration_is_explained(checkpoint: Path, tmp_path: Path) -> None:
    (checkpoint / "open_clip_model.safetensors").unlink()
    assert "holds no weights" in refusal(f"open_clip/local:{checkpoint}", tmp_path)
    (checkpoint / "open_clip_config.json").write_text("[]")
    assert "no open_clip configuration" in refusal(f"open_clip/local:{checkpoint}", tmp_path)


def test_a_remote_space_takes_its_dimensions_from_the_name_or_the_architecture(tmp_path: Path) -> None:
    assert resolve("remote_clip/my-model@768", tmp_path).key == "remote-clip-my-model-768-regions-2"
    assert resolve("remote_clip/ViT-L-14", tmp_path).dimensions == 768
