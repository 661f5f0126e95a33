from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from morpheus_assets.domain.spaces import Space
from morpheus_assets.embedding.packs import EmbeddingInput, Packer
from morpheus_assets.embedding.providers.base import EmbeddingResult, ProviderLimits


class Limited:
    """A provider that only has limits: packing asks for nothing else."""

    space = Space("x", "text", "p", "m", "", 1, "", None)

    def __init__(self, limits: ProviderLimits) -> None:
        self.limits = limits

    def estimate_tokens(self, text: str) -> int:
        return len(text)

    async def embed(self, inputs: object, input_type: object, *, patience: float = 1.0) -> EmbeddingResult:
        raise NotImplementedError

    async def close(self) -> None:
        pass


def pack_all(packer: Packer) -> list[tuple[EmbeddingInput, ...]]:
    packs = []
    while pack := packer.next_pack():
        packs.append(pack.inputs)
    return packs


sizes = st.lists(st.integers(1, 60), max_size=80)


@given(sizes, st.integers(1, 20), st.integers(1, 100), st.none() | st.integers(1, 30))
def test_packs_keep_every_limit_and_the_order_and_are_as_full_as_they_can_be(
    lengths: list[int], most_inputs: int, most_tokens: int, own_cap: int | None
):
    inputs = [EmbeddingInput(str(n).encode(), "x" * length) for n, length in enumerate(lengths)]
    cap = min(most_inputs, own_cap or most_inputs)

    packs = pack_all(Packer(inputs, Limited(ProviderLimits(most_inputs, most_tokens)), own_cap))

    assert [item for pack in packs for item in pack] == inputs
    for pack in packs:
        assert 1 <= len(pack) <= cap
        assert len(pack) == 1 or sum(len(item.content) for item in pack) <= most_tokens
    for pack, following in pairwise(packs):
        fuller = sum(len(item.content) for item in (*pack, following[0]))
        assert len(pack) == cap or fuller > most_tokens


@given(st.lists(st.binary(min_size=1, max_size=1), max_size=60), st.integers(1, 7))
def test_each_hash_is_packed_once(hashes: list[bytes], most_inputs: int):
    inputs = [EmbeddingInput(each, "text") for each in hashes]
    packs = pack_all(Packer(inputs, Limited(ProviderLimits(most_inputs))))
    assert [item.content_hash for pack in packs for item in pack] == list(dict.fromkeys(hashes))


@given(st.integers(2, 40), st.data())
def test_a_split_pack_holds_the_same_inputs(size: int, data: st.DataObject):
    inputs = [EmbeddingInput(str(n).encode(), "x" * n) for n in range(1, size + 1)]
    pack = Packer(inputs, Limited(ProviderLimits(100))).next_pack()
    assert pack is not None
    at = data.draw(st.none() | st.integers(0, size - 1))

    first, second = pack.split(at)

    assert first.inputs
    assert second.inputs
    assert {*first.inputs, *second.inputs} == set(pack.inputs)
    assert len(first.inputs) + len(second.inputs) == len(pack.inputs)
    assert [len(item.content) for item in first.inputs] == list(first.tokens)
    assert at is None or first.inputs == (pack.inputs[at],)


def test_images_bring_their_own_size():
    inputs = [EmbeddingInput(bytes([n]), object(), tokens=40) for n in range(5)]
    packs = pack_all(Packer(inputs, Limited(ProviderLimits(100, 100))))
    assert [len(pack) for pack in packs] == [2, 2, 1]
