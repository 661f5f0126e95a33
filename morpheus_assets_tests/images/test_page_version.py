"""The version of a cut stands where no numpy is needed, and is that of the cutter and the shaping."""

from morpheus_assets.embedding.clip.preprocessing import SHAPING as SEEN
from morpheus_assets.images.page_cutting import CUTTER_VERSION
from morpheus_assets.images.page_version import CUT_VERSION
from morpheus_assets.images.shaping import SHAPING


def test_the_version_of_a_cut_is_that_of_the_cutter_and_the_shaping() -> None:
    assert f"{CUTTER_VERSION}.{SHAPING}" == CUT_VERSION
    assert SEEN == SHAPING
