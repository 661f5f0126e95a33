from pathlib import Path

from PIL import Image

from morpheus_assets.cli.demo_insight import tell_insight
from morpheus_assets_tests.fixtures.deployment import Deployment

NOVEL = "the-last-lamp"


def test_the_demo_shows_each_insight_of_the_sample_and_how_many_panels_are_right(samples: Deployment, tmp_path: Path):
    for asset in ("characters", "character_sheets", "similar_novels", "training_pairs", "scene_sentences"):
        assert samples.materialize(asset, NOVEL).success
    assert samples.materialize("scene_panel_match", NOVEL).success
    said: list[str] = []
    tell_insight(samples.engine, samples.settings, NOVEL, tmp_path, said.append)
    text = "\n".join(said)
    assert "Tock, person: named" in text
    assert "chapter3-panel1.png: chapter 3, 0.64  It was an orange cat, and it was asleep." in text
    assert "10 of 12 panels are in the chapter that their name says" in text
    assert "novels like the-last-lamp: none, for there is no other" in text
    assert "training pairs: 21 questions" in text
    picture = Image.open(tmp_path / "scenes.png")
    assert picture.width > picture.height > 100
