import sys
import unicodedata

import pytest

from morpheus_assets.text.cleaning import clean, is_noise

LINES = "A line of a novel.\n\tAnd another one.\n"


def test_no_control_is_left_in_a_text_whichever_it_is() -> None:
    everything = map(chr, range(sys.maxunicode + 1))
    controls = [each for each in everything if unicodedata.category(each) in ("Cc", "Cs") and each not in "\n\t\r"]
    for control in [*controls, "\ufeff", "\ufffe", "\uffff", "\xad"]:
        text, _ = clean(f"{LINES}wo{control}rd")
        assert control not in text, hex(ord(control))


@pytest.mark.parametrize("text", [LINES, "“Quoted,” — and\u00a0so on.\n", "段落\u3000の一。\n", "a\r\nb"])
def test_a_text_without_controls_stays_as_it_is(text: str) -> None:
    assert clean(text) == (text, ())


@pytest.mark.parametrize("strange", ["\x00", "\x01", "\x7f", "\ufffd"])
def test_a_twentieth_of_what_no_text_has_is_noise_and_a_hundredth_is_not(strange: str) -> None:
    assert is_noise((19 * "a" + strange) * 50)
    assert not is_noise((99 * "a" + strange) * 50)
