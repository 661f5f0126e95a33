import hashlib
from collections.abc import Callable
from importlib.resources import files

import numpy as np
from sqlalchemy import Engine

from morpheus_assets.domain.content import PanelRecord
from morpheus_assets.services.configured_spaces import configured_image_spaces
from morpheus_assets.store.content.panels import replace_panels
from morpheus_assets.store.spaces import spaces, vectors
from morpheus_assets_tests.api.conftest import Api
from morpheus_assets_tests.fixtures.s3 import Bucket

PICTURE = (files("morpheus_assets") / "samples" / "panels" / "the-last-lamp" / "chapter1-panel1.png").read_bytes()
ID = hashlib.sha256(PICTURE).hexdigest()


def test_a_picture_is_kept_in_the_bucket_found_by_its_path_and_shown(
    start_api: Callable[..., Api], bucket: Bucket, engine: Engine
):
    api = start_api(content=bucket.url)
    [space, *_] = configured_image_spaces(api.settings)
    vector = np.ones((1, space.dimensions), np.float32)
    vectors.write_batch(engine, spaces.register_space(engine, space), [bytes.fromhex(ID)], vector)
    bucket.put("novels/secret.png", PICTURE)
    sent = api.client.post(
        "/api/embeddings/image", files={"file": ("one.png", PICTURE)}, data={"novel": "emma", "create": "true"}
    )
    assert sent.json()["id"] == ID
    kept = bucket.client.get_object(Bucket=bucket.name, Key="library/panels/emma/one.png")
    assert kept["Body"].read() == PICTURE
    named = api.client.post("/api/embeddings/image", json={"path": "emma/one.png"}).json()
    assert (named["id"], named["cached"]) == (ID, True)
    assert api.client.post("/api/embeddings/image", json={"path": "../novels/secret.png"}).status_code == 404
    replace_panels(
        engine, "emma", [PanelRecord("emma/one.png", "stored", len(PICTURE), content_hash=bytes.fromhex(ID))]
    )
    assert api.client.get(f"/api/panels/{ID}").content == PICTURE
    bucket.delete("panels/emma/one.png")
    assert api.client.get(f"/api/panels/{ID}").status_code == 404


def test_a_bucket_that_does_not_answer_is_a_503_that_names_no_address(start_api: Callable[..., Api], bucket: Bucket):
    api = start_api(content="s3://nobodys/shelf")
    answer = api.client.post("/api/embeddings/image", json={"path": "emma/one.png"})
    assert answer.status_code == 503
    assert "nobodys" not in answer.text
