import asyncio
import hashlib
import io
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import Engine

from morpheus_assets.store.spaces.spaces import get_space
from morpheus_assets.store.spaces.vectors import count_orphans, read_vectors
from morpheus_assets_tests.api.conftest import Api

PANELS = files("morpheus_assets") / "samples" / "panels" / "the-last-lamp"


@pytest.fixture(scope="module")
def picture() -> tuple[str, bytes]:
    path = sorted((path for path in PANELS.iterdir() if path.name.endswith(".png")), key=lambda path: path.name)[0]
    return path.name, path.read_bytes()


def send(api: Api, name: str, data: bytes, **fields: str):
    return api.client.post("/api/embeddings/image", files={"file": (name, data)}, data=fields)


def test_an_uploaded_pictures_vector_is_stored_under_its_hash_before_the_answer(
    api: Api, picture: tuple[str, bytes], sql: Callable, engine: Engine
):
    name, data = picture
    answer = send(api, name, data).json()
    assert answer["id"] == hashlib.sha256(data).hexdigest()
    assert answer["cached"] is False
    query = f"SELECT vector_dims(embedding::vector) FROM {answer['table']} WHERE content_hash = decode(%s, 'hex')"
    assert sql(query, answer["id"]) == [(get_space(engine, answer["space"]).dimensions,)]
    assert send(api, name, data).json()["cached"] is True
    assert count_orphans(engine, get_space(engine, answer["space"])) == 0


def test_a_picture_with_a_novel_becomes_a_panel_file_and_is_never_overwritten(api: Api, picture: tuple[str, bytes]):
    name, data = picture
    assert send(api, name, data, novel="the-last-lamp", create="true").json()["novel"] == "the-last-lamp"
    file = api.settings.panels_folder / "the-last-lamp" / name
    assert file.read_bytes() == data
    assert list(file.parent.iterdir()) == [file]
    other = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(other, "PNG")
    assert send(api, name, other.getvalue(), novel="the-last-lamp").status_code == 409
    assert file.read_bytes() == data


def test_a_panel_of_the_content_folder_is_named_by_its_path(api: Api, picture: tuple[str, bytes], engine: Engine):
    name, data = picture
    folder = api.settings.panels_folder / "The Last Lamp"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(data)
    for path in (f"The Last Lamp/{name}", f"the-last-lamp/{name}"):
        answer = api.client.post("/api/embeddings/image", json={"path": path}).json()
        assert (answer["id"], answer["novel"]) == (hashlib.sha256(data).hexdigest(), "the-last-lamp")
    row = get_space(engine, answer["space"])
    [vector] = read_vectors(engine, row, [hashlib.sha256(data).digest()]).values()
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-3)


def test_no_path_leads_out_of_the_content_folder(api: Api, picture: tuple[str, bytes], subtests: pytest.Subtests):
    (api.settings.panels_folder / "a").mkdir(parents=True)
    (api.settings.content / "secret.png").write_bytes(picture[1])
    (api.settings.panels_folder / "a" / "link.png").symlink_to(api.settings.content / "secret.png")
    outside = ["../secret.png", "a/../../secret.png", "/etc/passwd", "a/\0.png", "a", "a/nothing.png", "a/link.png"]
    for path in outside:
        with subtests.test(path=path):
            answer = api.client.post("/api/embeddings/image", json={"path": path})
            assert answer.status_code == 404
            assert answer.json()["errors"][0]["field"] == "path"


def test_what_is_no_picture_is_refused_by_field(api: Api, subtests: pytest.Subtests):
    for data, words in ((b"not a picture", "no image"), (b"", "empty"), (b"\x89PNG\r\n\x1a\n broken", "PNG")):
        with subtests.test(words=words):
            answer = send(api, "a.png", data)
            assert answer.status_code == 422
            assert answer.json()["errors"][0]["field"] == "file"
            assert words in answer.json()["detail"]


def test_too_many_pixels_are_refused_before_they_are_decoded(start_api: Callable[..., Api]):
    api = start_api(max_image_pixels=10_000)
    data = io.BytesIO()
    Image.new("1", (400, 400)).save(data, "PNG")
    answer = send(api, "a.png", data.getvalue())
    assert answer.status_code == 422
    assert "160,000 pixels" in answer.json()["detail"]


def test_a_name_that_leads_elsewhere_stays_in_the_novels_folder(api: Api, picture: tuple[str, bytes]):
    send(api, "../../evil.png", picture[1], novel="alpha", create="true")
    assert [path.relative_to(api.settings.content) for path in api.settings.content.rglob("*.png")] == [
        Path("panels/alpha/evil.png")
    ]
    assert send(api, "evil.sh", picture[1], novel="alpha").status_code == 422
    assert send(api, "a.png", picture[1], novel="../alpha").json()["errors"][0]["field"] == "novel"


def test_a_misspelt_novel_keeps_nothing_until_it_is_said_to_be_new(
    api: Api, picture: tuple[str, bytes], sql: Callable, add_novel: Callable
):
    name, data = picture
    refused = send(api, name, data, novel="the-last-lmap")
    assert refused.status_code == 404
    assert refused.json()["errors"][0]["field"] == "novel"
    assert "create=true" in refused.json()["detail"]
    assert not list(api.settings.content.rglob("*.png"))
    add_novel("the-last-lamp", ["The lamp burns."])
    assert send(api, name, data, novel="the-last-lamp").status_code == 200, "it is stored"
    assert send(api, name, data, novel="new-one", create="true").status_code == 200
    assert send(api, name, data, novel="new-one").status_code == 200, "it has a folder now"


def test_an_unknown_form_field_is_named(api: Api, picture: tuple[str, bytes]):
    answer = send(api, *picture, novle="alpha")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "novle")
    assert send(api, *picture, novel="alpha", create="maybe").json()["errors"][0]["field"] == "create"


def test_a_picture_that_breaks_off_is_refused_and_no_file_is_kept(api: Api, picture: tuple[str, bytes]):
    name, data = picture
    answer = send(api, name, data[: len(data) // 2], novel="alpha", create="true")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "file"
    assert "damaged or incomplete PNG" in answer.json()["detail"]
    assert not list(api.settings.content.rglob("*.png"))


def test_a_jpeg_has_the_vector_that_a_run_would_give_it(api: Api, engine: Engine):
    from morpheus_assets.embedding.queries import embed_query
    from morpheus_assets.images.decoding import decode_panel
    from morpheus_assets.services.configured_spaces import configured_image_spaces, open_provider

    drawn = Image.effect_noise((1600, 2400), 80).convert("RGB")
    data = io.BytesIO()
    drawn.save(data, "JPEG")
    sent = send(api, "page.jpg", data.getvalue()).json()
    [stored] = read_vectors(engine, get_space(engine, sent["space"]), [bytes.fromhex(sent["id"])]).values()

    def opened(least=None):
        return decode_panel(data.getvalue(), "page.jpg", max_pixels=10**8, least=least).image

    provider = open_provider(api.settings, configured_image_spaces(api.settings)[0])
    own = asyncio.run(embed_query(provider, opened, input_type="document"))
    assert np.allclose(stored, own, atol=2e-3)
