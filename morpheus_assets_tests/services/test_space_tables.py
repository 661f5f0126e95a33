from decimal import Decimal
from pathlib import Path

import pytest

from morpheus_assets.domain.spaces import SpaceName
from morpheus_assets.embedding.errors import ConfigurationError
from morpheus_assets.embedding.providers.base import ProviderOptions
from morpheus_assets.embedding.spaces import resolve_image_space, resolve_text_space
from morpheus_assets.services.configured_spaces import (
    account_of,
    batch_terms,
    configured_image_spaces,
    configured_text_spaces,
    inputs_per_request,
    limits_per_minute,
    open_provider,
    price_of,
    query_space,
    uses_batch,
)
from morpheus_assets.services.space_tables import space_tables, table_of
from morpheus_assets.settings import Settings

OWN = """
[passages]
provider = "openai"
model = "BAAI/bge-m3"
dimensions = 1024
endpoint = "http://gpu:8080/v1"
"""


def read(folder: Path, text: str, spaces: str = "passages", **given: object) -> Settings:
    file = folder / "spaces.toml"
    file.write_text(text, "utf-8")
    return Settings(spaces_file=file, text_spaces=spaces, _env_file=None, **given)  # type: ignore[call-arg,arg-type]


def test_the_short_form_alone_means_what_it_always_meant(tmp_path: Path):
    settings = Settings(spaces_file=Path(tmp_path / "none.toml"), _env_file=None)  # type: ignore[call-arg]
    with pytest.raises(ConfigurationError, match=r"MORPHEUS_SPACES_FILE names .*none\.toml, which does not exist"):
        configured_text_spaces(settings)
    settings = Settings(text_spaces="openai/text-embedding-3-large@1024,voyage/voyage-4", _env_file=None)  # type: ignore[call-arg]
    assert [space.key for space in configured_text_spaces(settings)] == [
        "openai-text-embedding-3-large-1024",
        "voyage-voyage-4-1024",
    ]
    assert [account_of(settings, space) for space in configured_text_spaces(settings)] == ["openai", "voyage"]


def test_names_of_tables_and_short_forms_stand_beside_each_other_in_order(tmp_path: Path):
    settings = read(tmp_path, OWN, "voyage/voyage-4, passages ,sentence-transformers/all-MiniLM-L6-v2")
    assert [(space.provider, space.model) for space in configured_text_spaces(settings)] == [
        ("voyage", "voyage-4"),
        ("openai", "BAAI/bge-m3"),
        ("sentence-transformers", "all-MiniLM-L6-v2"),
    ]


def test_an_address_a_key_and_a_limit_are_no_part_of_the_space_but_a_prefix_a_size_and_a_revision_are(tmp_path: Path):
    first = configured_text_spaces(read(tmp_path, OWN))[0]

    same = (
        'key_variable = "GPU_KEY"', "price = 0.01", "requests_per_minute = 5", "inputs_per_request = 32",
        'served_as = "bge"', 'answers_as = ["/models/bge"]', "max_input_tokens = 8192", "timeout_seconds = 5.5",
    )  # fmt: skip
    for line in same:
        assert configured_text_spaces(read(tmp_path, OWN + line))[0].fingerprint == first.fingerprint, line
    moved = OWN.replace("http://gpu:8080/v1", "https://elsewhere/v1")
    assert configured_text_spaces(read(tmp_path, moved))[0].key == first.key

    for line in ('query_prefix = "query: "', 'document_prefix = "passage: "', "shorten = 512", 'revision = "2"'):
        other = configured_text_spaces(read(tmp_path, OWN + line))[0]
        assert other.fingerprint != first.fingerprint, line
        assert other.key != first.key, line


def test_a_table_called_like_the_short_form_gives_that_very_space_options_of_its_own(tmp_path: Path):
    text = '["openai/text-embedding-3-small@512"]\nprice = 0.01\nrequests_per_minute = 7'
    settings = read(tmp_path, text, "openai/text-embedding-3-small@512")
    (space,) = configured_text_spaces(settings)
    assert space == resolve_text_space("openai/text-embedding-3-small@512")
    assert limits_per_minute(settings, space)[0] == 7


def test_limits_price_and_account_of_a_space_are_those_of_its_table_else_of_the_settings(tmp_path: Path):
    options = (
        "requests_per_minute = 11\ninputs_per_request = 32\nprice = 0.5\ntokens_per_minute = 1000\nkey_variable='K'\n"
    )
    settings = read(tmp_path, OWN + options, "passages,voyage/voyage-4", requests_per_minute=99)
    own, other = configured_text_spaces(settings)
    assert limits_per_minute(settings, own) == (11, 1000)
    assert limits_per_minute(settings, other) == (99, 1_000_000)
    assert (inputs_per_request(settings, own), inputs_per_request(settings, other)) == (32, 256)
    assert price_of(settings, own, 2_000_000) == Decimal("1.0")
    assert price_of(settings, other, 1_000_000) == Decimal("0.06")
    assert (account_of(settings, own), account_of(settings, other)) == ("openai http://gpu:8080/v1 K", "voyage")


def test_a_stored_space_that_the_settings_no_longer_name_keeps_the_options_of_its_table(tmp_path: Path):
    settings = read(tmp_path, OWN, "passages")
    (space,) = configured_text_spaces(settings)
    later = read(tmp_path, OWN, "voyage/voyage-4")
    table = table_of(later, space)
    assert table is not None
    assert table.options.endpoint == "http://gpu:8080/v1"


def test_questions_of_a_family_may_go_to_another_of_its_models_without_another_space(tmp_path: Path):
    plain = configured_text_spaces(read(tmp_path, "", "voyage/voyage-4-large"))[0]
    for written, asked in (
        ("voyage-4-lite", "voyage-4-lite"),
        ("sentence-transformers/voyageai/voyage-4-nano", "voyageai/voyage-4-nano"),
    ):
        text = f'["voyage/voyage-4-large"]\nquery_model = "{written}"'
        settings = read(tmp_path, text, "voyage/voyage-4-large")
        (space,) = configured_text_spaces(settings)
        questions = query_space(settings, space)
        assert space.fingerprint == plain.fingerprint
        assert questions is not None
        assert (questions.model, questions.dimensions) == (asked, 1024)
    assert price_of(settings, space, 1_000_000) == Decimal("0.12")
    assert price_of(settings, space, 1_000_000, "query") == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[passages\nmodel = 3", "is no TOML: .*line 1"),
        ("passages = 3", r"passages stands outside of any table"),
        ("[passages]\nmodel = 'x'", r"table \[passages\] lacks provider"),
        ("[passages]\nprovider = 'openai'", r"table \[passages\] lacks model"),
        ("[passages]\nprovider = 'opnai'\nmodel = 'x'", "'opnai', which is not known: did you mean openai"),
        (OWN + "endpont = 'x'", "endpont is no option: did you mean endpoint"),
        (OWN + "price = 'much'", "price is 'much': input should be a valid number"),
        (OWN + "requests_per_minute = 0", "requests_per_minute is 0: input should be greater than or equal to 1"),
        (OWN.replace("http://gpu:8080/v1", "gpu"), "endpoint is no address"),
        (OWN.replace("gpu:8080", "gpu:port"), "endpoint is no address: write one such as http"),
        (OWN.replace("gpu:8080", "me:secret@gpu"), "endpoint is no address.*without user or password"),
        (
            OWN + "key_variable = 'sk-proj-secret'",
            "key_variable is no name of an environment variable: write one such as",
        ),
        (OWN + "api_key = 'sk-proj-secret'", "api_key is no option: did you mean key_variable"),
        (OWN + "key_header = 'api key'", "key_header is 'api key', which is no name of a header"),
        (OWN + "answers_as = 'bge'", r'answers_as is \'bge\': input should be a list; write \["bge"\]'),
        (OWN + "price = '0.02'", "should be a valid number; write a number without quotation marks"),
        (OWN + "price = inf", "price is inf: input should be a finite number; write another value"),
        (OWN + "batch = 'yes'", "write true or false, without quotation marks"),
        (OWN + "served_as = 3", "should be a valid string; write it in quotation marks"),
        (
            OWN + "max_input_tokens = 100",
            r"table \[passages\]: openai/BAAI/bge-m3 takes 100 tokens.*lower MORPHEUS_CHUNK_TOKENS",
        ),
        (OWN.replace("[passages]", "[[passages]]"), r"\[\[passages\]\] is a list of tables: write \[passages\]"),
        (OWN.replace("dimensions = 1024", ""), "any other model with `dimensions = …` beside it"),
        (OWN + "key_variable = 'A'\nstored_key = 'b'", "key_variable and stored_key are both given"),
        (OWN.replace("1024", "4096"), r"4096 dimensions.*at most 4000.*shorten = 1024"),
        (OWN + "shorten = 1024", "shorten is 1024, but BAAI/bge-m3 gives vectors of 1024 dimensions"),
        ("[passages]\nprovider='openai'\nmodel='text-embedding-ada-002'\nshorten=512", "not trained to be shortened"),
        ("[passages]\nprovider='openai'\nmodel='bge-m3'\ndimensions=1024", "unknown model openai/bge-m3"),
        ("[passages]\nprovider='open_clip'\nmodel='ViT-B-32'", "computes on this machine.*without a table"),
        (
            "[passages]\nprovider='remote_clip'\nmodel='ViT-B-32'",
            "embeds images: name the table in MORPHEUS_IMAGE_SPACES",
        ),
        (
            '["voyage/voyage-4"]\nquery_model="voyage-3.5"',
            "do not compare with those of voyage/voyage-4: choose",
        ),
        (OWN + "query_model = 'bge-small'", "leave it out, for it has no family"),
    ],
)
def test_a_fault_in_the_file_is_one_sentence_that_names_the_table_and_the_option(tmp_path: Path, text: str, says: str):
    with pytest.raises(ConfigurationError, match=says) as caught:
        configured_text_spaces(read(tmp_path, text))
    assert "spaces.toml" in str(caught.value)
    # A key or a password that was written into the wrong place is not repeated.
    assert "secret" not in str(caught.value)


def test_a_file_with_the_mark_of_windows_before_it_is_read(tmp_path: Path):
    assert configured_text_spaces(read(tmp_path, "\ufeff" + OWN))[0].model == "BAAI/bge-m3"


def test_a_name_that_is_nearly_that_of_a_table_is_told_so(tmp_path: Path):
    for spaces, says in (
        (
            "pasages",
            r"MORPHEUS_TEXT_SPACES names 'pasages', which is no table of spaces.toml \(passages\).*mean passages",
        ),
        ("voyage/voyage-4,other", "names 'other', which is no table of spaces.toml .* write one of them"),
    ):
        with pytest.raises(ConfigurationError, match=says):
            configured_text_spaces(read(tmp_path, OWN, spaces))
    with pytest.raises(ConfigurationError, match=r"MORPHEUS_IMAGE_SPACES names 'picture', .* did you mean pictures"):
        configured_image_spaces(read(tmp_path, PICTURES, "voyage/voyage-4", image_spaces="picture"))


def test_a_server_of_ones_own_has_a_batch_api_only_where_its_table_says_so(tmp_path: Path):
    for line, has_one in (("", False), ("batch = true", True), ("batch = false", False)):
        settings = read(tmp_path, OWN + "price = 1.0\n" + line, reembed_batch=True)
        (space,) = configured_text_spaces(settings)
        assert (batch_terms(settings, space) is not None, uses_batch(settings, space)) == (has_one, has_one)
    vendors = read(tmp_path, '["openai/text-embedding-3-small"]\nprice = 1.0', "openai/text-embedding-3-small")
    assert batch_terms(vendors, configured_text_spaces(vendors)[0]) is not None


def test_the_same_space_twice_is_refused_by_name(tmp_path: Path):
    text = OWN + OWN.replace("[passages]", "[again]").replace("gpu", "other")
    with pytest.raises(ConfigurationError, match="names passages and another one that is the same space"):
        configured_text_spaces(read(tmp_path, text, "passages,again"))


def test_more_dimensions_than_an_index_takes_are_refused_in_the_short_form_too(tmp_path: Path):
    settings = read(tmp_path, "", "sentence-transformers/Qwen/Qwen3-Embedding-8B@4096")
    with pytest.raises(ConfigurationError, match=r"4096 dimensions.*shorten = 1024"):
        configured_text_spaces(settings)


def test_a_larger_model_is_shortened_where_the_table_says_so(tmp_path: Path):
    text = OWN.replace("1024", "4096") + "shorten = 1024"
    (space,) = configured_text_spaces(read(tmp_path, text))
    assert space.dimensions == 1024
    assert '"shortened_from": 4096' in space.preparation


def test_a_changed_file_is_read_again(tmp_path: Path):
    settings = read(tmp_path, OWN)
    assert list(space_tables(settings)) == ["passages"]
    settings = read(tmp_path, OWN.replace("[passages]", "[other-name]"), "other-name")
    assert list(space_tables(settings)) == ["other-name"]


def test_context_is_a_part_of_the_space_and_goes_only_with_a_model_that_is_made_for_it(tmp_path: Path):
    first = configured_text_spaces(read(tmp_path, OWN))[0]
    assert first.context == ""
    titled = configured_text_spaces(read(tmp_path, OWN + 'context = "titles"'))[0]
    assert (titled.context, titled.inputs) == ("titles", "titled")
    assert titled.fingerprint != first.fingerprint
    assert titled.key != first.key

    voyage = '[passages]\nprovider = "voyage"\nmodel = "voyage-context-4"\n'
    whole = configured_text_spaces(read(tmp_path, voyage))[0]
    assert (whole.context, whole.inputs) == ("chapter 20000", "window")
    assert whole == resolve_text_space("voyage/voyage-context-4")
    assert whole == configured_text_spaces(read(tmp_path, voyage + 'context = "chapter"'))[0]
    short = configured_text_spaces(read(tmp_path, voyage + "context_tokens = 2000"))[0]
    assert short.context == "chapter 2000"
    assert short.fingerprint != whole.fingerprint

    for text, said in (
        (OWN + 'context = "chapter"', r'context is "chapter", but BAAI/bge-m3 embeds each passage by itself.*voyage/'),
        (OWN + "context_tokens = 2000", "context_tokens is for models that take the passages of a chapter together"),
        (OWN + 'context = "novel"', "context is 'novel': input should be 'titles' or 'chapter'"),
        (voyage + 'context = "titles"', "embeds the passages of a chapter together: leave it out"),
        (voyage + "context_tokens = 30000", "safe up to 20000 word pieces"),
        (voyage + "batch = true", "passages that are embedded together go to no batch API"),
        (voyage + 'query_model = "voyage-4"', "do not compare"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            configured_text_spaces(read(tmp_path, text))


def test_titles_need_room_beside_the_largest_passage(tmp_path: Path):
    text = '[passages]\nprovider = "sentence-transformers"\nmodel = "all-MiniLM-L6-v2"\ncontext = "titles"'
    with pytest.raises(ConfigurationError, match="lower MORPHEUS_CHUNK_TOKENS"):
        configured_text_spaces(read(tmp_path, text))
    assert configured_text_spaces(read(tmp_path, text, chunk_tokens=120))[0].context == "titles"


PICTURES = """
[pictures]
provider = "voyage"
model = "voyage-multimodal-3.5"
dimensions = 512
endpoint = "http://gateway/v1"
key_variable = "PICTURES_KEY"
requests_per_minute = 30
price = 0.2
"""


def test_a_space_of_images_has_options_of_its_own_too(tmp_path: Path):
    settings = read(tmp_path, PICTURES + OWN, image_spaces="pictures, open_clip/demo")
    pictures, demo = configured_image_spaces(settings)
    assert pictures == resolve_image_space(
        SpaceName("voyage_multimodal", "voyage-multimodal-3.5", tag="512"), ProviderOptions()
    )
    assert demo.provider == "open_clip"
    assert account_of(settings, pictures) == "voyage_multimodal http://gateway/v1 PICTURES_KEY"
    assert limits_per_minute(settings, pictures)[0] == 30
    assert price_of(settings, pictures, 1_000_000) == Decimal("0.2")
    # An address of its own may want no key; the vendor's does.
    without = read(tmp_path, PICTURES.replace("endpoint", "#"), "voyage/voyage-4", image_spaces="pictures")
    with pytest.raises(ConfigurationError, match="PICTURES_KEY is not set"):
        open_provider(without, pictures)

    again = read(tmp_path, PICTURES + "revision = 'second weights'", "voyage/voyage-4", image_spaces="pictures")
    (other,) = configured_image_spaces(again)
    assert (other.fingerprint != pictures.fingerprint, other.key != pictures.key) == (True, True)


@pytest.mark.parametrize(
    ("text", "spaces", "says"),
    [
        (PICTURES + "query_prefix = 'a picture of '", "pictures", "query_prefix is for spaces of text"),
        (PICTURES + "batch = true", "pictures", "batch is for spaces of text"),
        (PICTURES.replace("512", "500"), "pictures", "gives vectors of 256, 512, 1024, 2048 dimensions"),
        (PICTURES.replace("-3.5", "-9"), "pictures", "unknown model voyage_multimodal/voyage-multimodal-9@512"),
        (OWN, "passages", "openai embeds text: name the table in MORPHEUS_TEXT_SPACES"),
        ('[mine]\nprovider = "open_clip"\nmodel = "ViT-B-32"', "mine", "computes on this machine"),
        (PICTURES + PICTURES.replace("[pictures]", "[again]"), "pictures,again", "another one that is the same space"),
    ],
)
def test_a_fault_in_a_table_of_images_is_one_sentence_too(tmp_path: Path, text: str, spaces: str, says: str):
    with pytest.raises(ConfigurationError, match=says):
        configured_image_spaces(read(tmp_path, text, "voyage/voyage-4", image_spaces=spaces))
