import pytest

from morpheus_assets.text import language_detection

ENGLISH = (
    "The boat came round the point at dusk, and the keeper, who had been watching for it since noon, put down his"
    " glass and went to light the lamp. There was nobody on the stairs. "
)
DUTCH = (
    "De boot kwam tegen de avond om de kaap, en de wachter, die er sinds de middag naar had uitgekeken, legde zijn"
    " kijker neer en ging de lamp aansteken. Er was niemand op de trap. "
)
DANISH = (
    "Båden kom rundt om næsset i skumringen, og fyrmesteren, som havde holdt udkig efter den siden middag, lagde"
    " kikkerten fra sig og gik op for at tænde lampen. Der var ingen på trappen. "
)


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch):
    def load():
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(language_detection, "_identifier", load)


def test_english_prose_is_known_by_its_small_words_without_loading_the_model(no_model: None):
    assert language_detection.language_of(ENGLISH * 3) == "en"


@pytest.mark.parametrize("text", [DUTCH * 3, DANISH * 3, DUTCH * 4 + ENGLISH])
def test_what_is_not_clearly_english_is_left_to_the_model(no_model: None, text: str):
    with pytest.raises(AssertionError, match="the model was loaded"):
        language_detection.language_of(text)


@pytest.mark.parametrize(("text", "language"), [(DUTCH, "nl"), (DANISH, "da"), (ENGLISH, "en")])
def test_the_model_tells_the_others_apart(text: str, language: str):
    assert language_detection.language_of(text * 3) == language
