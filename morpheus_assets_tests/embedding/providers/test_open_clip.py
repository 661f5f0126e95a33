import asyncio
import io
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from morpheus_assets.domain.spaces import Space, SpaceName
from morpheus_assets.embedding.clip import model as clip_model
from morpheus_assets.embedding.clip.identity import resolve_clip_space
from morpheus_assets.embedding.clip.preprocessing import letterbox_strip
from morpheus_assets.embedding.clip.sources import DEMO_FOLDER
from morpheus_assets.embedding.errors import ConfigurationError, InputRefused
from morpheus_assets.embedding.providers import registry
from morpheus_assets.embedding.providers.base import ProviderOptions
from morpheus_assets.embedding.providers.open_clip import OpenClipProvider, open_provider
from morpheus_assets.images.decoding import DEFAULT_MAX_PIXELS, decode_panel

SAMPLES = Path(__file__).resolve().parents[3] / "morpheus_assets" / "samples" / "panels" / "the-last-lamp"
DEMO = SpaceName("open_clip", "demo")

CAPTIONS = {
    "chapter1-panel1.png": "a red robot standing in the city at night holding a lantern",
    "chapter1-panel2.png": "a blue bird jumping in the city at night with a shout balloon",
    "chapter2-panel1.png": "a green frog standing in the forest holding an umbrella, with a speech balloon",
    "chapter2-panel2.png": "a pink rabbit running in the forest holding a flower",
    "chapter3-panel1.png": "an orange cat sleeping in the desert",
    "chapter3-panel2.png": "a red robot running in the desert holding a lantern, with a thought bubble",
    "chapter4-panel1.png": "an orange cat jumping on the beach with a shout balloon",
    "chapter4-panel2.png": "a purple octopus standing underwater holding a book, with a speech balloon",
    "chapter5-panel1.png": "a blue snowman crying in the snowy mountains",
    "chapter5-panel2.png": "a yellow ghost standing at the castle wearing a crown, with a speech balloon",
    "chapter6-panel1.png": "a red robot jumping in outer space holding a lantern",
    "chapter6-panel2.png": "a green frog sleeping in the city at night holding an umbrella",
}


def demo_space(cache: Path, **options: str | bool) -> Space:
    return resolve_clip_space(DEMO, cache_folder=cache, **options)  # type: ignore[arg-type]


def sample(name: str) -> Image.Image:
    return decode_panel((SAMPLES / name).read_bytes(), name, max_pixels=DEFAULT_MAX_PIXELS).image


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenClipProvider]:
    opened = registry.open_provider(demo_space(tmp_path_factory.mktemp("cache")), ProviderOptions(torch_threads=1))
    assert isinstance(opened, OpenClipProvider)
    yield opened
    asyncio.run(opened.close())


def embed(provider: OpenClipProvider, inputs: list, kind: str = "document") -> np.ndarray:  # type: ignore[type-arg]
    return asyncio.run(provider.embed(inputs, kind)).embeddings  # type: ignore[arg-type]


def test_every_sample_panel_is_found_first_by_its_caption(provider: OpenClipProvider) -> None:
    assert sorted(CAPTIONS) == sorted(path.name for path in SAMPLES.iterdir())
    names = list(CAPTIONS)
    panels = embed(provider, [sample(name) for name in names])
    captions = embed(provider, list(CAPTIONS.values()), "query")
    assert (captions @ panels.T).argmax(axis=1).tolist() == list(range(12))


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("a sleeping orange cat in the desert", "chapter3-panel1.png"),
        ("a blue snowman in tears", "chapter5-panel1.png"),
        ("an octopus reading a book under the sea", "chapter4-panel2.png"),
        ("a yellow ghost at the castle", "chapter5-panel2.png"),
    ],
)
def test_a_question_in_other_words_finds_its_panel_too(provider: OpenClipProvider, query: str, name: str) -> None:
    names = list(CAPTIONS)
    similarities = (embed(provider, [query], "query") @ embed(provider, [sample(each) for each in names]).T)[0]
    assert names[int(similarities.argmax())] == name


def test_vectors_are_float32_of_length_one_in_the_order_of_the_inputs(provider: OpenClipProvider) -> None:
    names = list(CAPTIONS)
    vectors = embed(provider, [sample(name) for name in names])
    assert vectors.dtype == np.float32
    assert vectors.shape == (12, 128)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    backwards = embed(provider, [sample(name) for name in reversed(names)])
    assert np.allclose(backwards[::-1], vectors, atol=1e-5)


def test_panels_may_be_handed_over_as_callables_that_open_them(provider: OpenClipProvider) -> None:
    threads: set[str] = set()

    def opener(least: object) -> Image.Image:
        threads.add(threading.current_thread().name)
        return sample("chapter3-panel1.png")

    assert np.allclose(embed(provider, [opener]), embed(provider, [sample("chapter3-panel1.png")]), atol=1e-6)
    assert all(name.startswith("clip-decode") for name in threads)


def test_a_scaled_jpeg_has_the_vector_of_the_whole_one_and_an_older_space_takes_it_whole(
    provider: OpenClipProvider, tmp_path: Path
) -> None:
    page = sample("chapter3-panel1.png").resize((1600, 1600))
    body = io.BytesIO()
    page.save(body, "JPEG", quality=90)
    sizes = []

    def opener(least: Callable[[tuple[int, int]], tuple[int, int]] | None) -> Image.Image:
        image = decode_panel(body.getvalue(), "page.jpg", max_pixels=DEFAULT_MAX_PIXELS, least=least).image
        sizes.append(image.size)
        return image

    older = open_provider(demo_space(tmp_path, scaled=False), threads=1)
    (scaled,), (whole,) = embed(provider, [opener]), embed(older, [opener])
    asyncio.run(older.close())
    assert sizes == [(800, 800), (1600, 1600)]
    assert float(scaled @ whole) > 0.9999


def test_a_panel_that_cannot_be_opened_is_refused_by_its_position(provider: OpenClipProvider) -> None:
    def broken(least: object) -> Image.Image:
        raise OSError("the file is gone")

    with pytest.raises(InputRefused, match="the file is gone") as refused:
        embed(provider, [sample("chapter1-panel1.png"), broken])
    assert refused.value.index == 1


def test_opening_panels_overlaps_the_forward_pass(tmp_path: Path) -> None:
    class Slow(OpenClipProvider):
        def _load(self):  # type: ignore[no-untyped-def]
            return SlowModel()

    class SlowModel:
        workers, device = 1, "cpu"

        def prepare(self, panel: Image.Image, shaping: int) -> Image.Image:
            opened.append(panel)
            if len(opened) > len(panels):
                of_the_second.set()
            return panel

        def embed_panels(self, prepared: list) -> np.ndarray:  # type: ignore[type-arg]
            assert of_the_second.wait(60), "the next panels are not opened before these are embedded"
            return np.ones((len(prepared), 128))

    opened: list[Image.Image] = []
    of_the_second = threading.Event()

    from morpheus_assets.embedding.clip.sources import find_clip_source

    slow = Slow(demo_space(tmp_path), find_clip_source(DEMO), decoders=1)
    panels = [Image.new("RGB", (8, 8))] * 8

    async def several() -> None:
        await asyncio.gather(*[slow.embed(panels, "document") for _ in range(5)])

    asyncio.run(several())
    assert len(opened) == 5 * len(panels)


@pytest.mark.parametrize("size", [(96, 4000), (5000, 3), (1, 1), (1, 60_000)])
def test_a_panel_of_any_shape_gets_a_vector(provider: OpenClipProvider, size: tuple[int, int]) -> None:
    assert embed(provider, [Image.new("RGB", size, "teal")]).shape == (1, 128)


def test_a_long_strip_is_shown_whole_and_an_ordinary_page_as_it_is() -> None:
    strip = Image.new("RGB", (10, 1000), "red")
    strip.paste("blue", (0, 500, 10, 1000))
    shown = letterbox_strip(strip, 200)
    assert shown.size == (200, 200)
    assert shown.getpixel((100, 10))[0] > 200
    assert shown.getpixel((100, 190))[2] > 200
    assert shown.getpixel((5, 100)) == (255, 255, 255)
    page = Image.new("RGB", (600, 900))
    assert letterbox_strip(page, 200) is page


def test_a_closed_provider_opens_again(tmp_path: Path) -> None:
    provider = open_provider(demo_space(tmp_path), threads=1)
    before = embed(provider, ["a cat"], "query")
    asyncio.run(provider.close())
    assert np.allclose(embed(provider, ["a cat"], "query"), before)


def test_bf16_gives_nearly_the_same_vectors(provider: OpenClipProvider, tmp_path: Path) -> None:
    reduced = open_provider(demo_space(tmp_path, precision="bf16"), threads=1)
    names = list(CAPTIONS)
    panels = [sample(name) for name in names]
    cosines = (embed(reduced, panels) * embed(provider, panels)).sum(axis=1)
    assert cosines.min() > 0.999
    ranks = embed(reduced, list(CAPTIONS.values()), "query") @ embed(reduced, panels).T
    assert ranks.argmax(axis=1).tolist() == list(range(12))


def test_without_bf16_instructions_the_same_weights_are_computed_with_in_fp32(
    provider: OpenClipProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(clip_model, "_computes_in_bf16", lambda device: False)
    elsewhere = open_provider(demo_space(tmp_path, precision="bf16"), threads=1)
    panels, captions = [sample(name) for name in CAPTIONS], list(CAPTIONS.values())
    shown, asked = embed(elsewhere, panels), embed(elsewhere, captions, "query")
    assert caplog.messages == ["No bf16 instructions here: `demo` has bf16 weights and computes in fp32, no faster."]
    assert (shown * embed(provider, panels)).sum(axis=1).min() > 0.999
    assert not np.array_equal(shown, embed(provider, panels))
    assert (asked @ shown.T).argmax(axis=1).tolist() == list(range(12))


def test_two_batches_are_forwarded_side_by_side_with_a_thread_each(tmp_path: Path) -> None:
    pair = open_provider(demo_space(tmp_path), threads=2)
    names = list(CAPTIONS)

    async def at_once() -> list[np.ndarray]:
        parts = [[sample(name) for name in names[start : start + 3]] for start in (0, 3, 6, 9)]
        return [each.embeddings for each in await asyncio.gather(*[pair.embed(part, "document") for part in parts])]

    together = np.concatenate(asyncio.run(at_once()))
    assert np.allclose(together, embed(pair, [sample(name) for name in names]), atol=1e-5)
    assert pair._load().workers == 2


def test_a_card_takes_one_batch_at_a_time_and_every_core_decodes_for_it(tmp_path: Path) -> None:
    card = clip_model.ClipModel(None, None, None, "cuda", None, threads=8)  # type: ignore[arg-type]
    beside = replace(card, device="cpu")
    assert (card.workers, beside.workers) == (1, 4)
    provider, cores = open_provider(demo_space(tmp_path)), os.cpu_count() or 1
    assert (provider._threads_for(card), provider._threads_for(beside)) == (cores, min(4, cores))


def test_a_local_checkpoint_gives_the_vectors_of_the_same_weights(provider: OpenClipProvider, tmp_path: Path) -> None:
    shutil.copytree(DEMO_FOLDER, tmp_path / "mine")
    name = SpaceName("open_clip", f"local:{tmp_path / 'mine'}")
    space = resolve_clip_space(name, cache_folder=tmp_path)
    local = open_provider(space, name=name, threads=1)
    assert np.allclose(embed(local, ["a red robot"], "query"), embed(provider, ["a red robot"], "query"), atol=1e-6)
    with pytest.raises(ConfigurationError, match="name its folder"):
        open_provider(space)


def test_weights_that_changed_since_the_definitions_loaded_are_refused(tmp_path: Path) -> None:
    shutil.copytree(DEMO_FOLDER, tmp_path / "mine")
    name = SpaceName("open_clip", f"local:{tmp_path / 'mine'}")
    space = resolve_clip_space(name, cache_folder=tmp_path)
    weights = tmp_path / "mine" / "open_clip_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"abcd")
    with pytest.raises(ConfigurationError, match="are not those that"):
        embed(open_provider(space, name=name), ["a cat"], "query")


def test_damaged_weights_are_explained_in_one_sentence(tmp_path: Path) -> None:
    shutil.copytree(DEMO_FOLDER, tmp_path / "mine")
    weights = tmp_path / "mine" / "open_clip_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    name = SpaceName("open_clip", f"local:{tmp_path / 'mine'}")
    space = resolve_clip_space(name, cache_folder=tmp_path)
    with pytest.raises(ConfigurationError, match="cannot be loaded") as refused:
        embed(open_provider(space, name=name), ["a cat"], "query")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("fault", ["refused", "silent", "offline"])
def test_a_hub_that_cannot_be_reached_is_one_sentence_at_once(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    name = SpaceName("open_clip", "ViT-B-32", tag="laion2b_s34b_b79k")
    provider = open_provider(resolve_clip_space(name, cache_folder=tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", fault == "offline")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if fault == "silent":
            listener.listen()
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{listener.getsockname()[1]}")
        started = time.monotonic()
        with pytest.raises(ConfigurationError) as refused:
            embed(provider, ["a cat"], "query")
    sentence = str(refused.value)
    assert sentence.startswith("The weights of `ViT-B-32@laion2b_s34b_b79k` are not on this machine")
    assert "open_clip/local:FOLDER" in sentence
    assert "open_clip/demo" in sentence
    assert "\n" not in sentence
    assert time.monotonic() - started < 40


def test_weights_in_the_hub_cache_are_used_without_asking_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    from morpheus_assets.embedding.clip.huggingface import hub_file

    cached = tmp_path / "models--someone--clip" / "snapshots" / ("a" * 40) / "open_clip_model.safetensors"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"weights")
    refs = tmp_path / "models--someone--clip" / "refs"
    refs.mkdir()
    (refs / "main").write_text("a" * 40)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert hub_file("someone/clip", ["open_clip_model.safetensors"], "clip") == cached


def test_an_unknown_tag_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    name = SpaceName("open_clip", "ViT-B-32", tag="laion3b")
    provider = open_provider(resolve_clip_space(name, cache_folder=tmp_path))
    with pytest.raises(ConfigurationError, match=r"knows no tag `laion3b`.*laion2b_s34b_b79k"):
        embed(provider, ["a cat"], "query")
