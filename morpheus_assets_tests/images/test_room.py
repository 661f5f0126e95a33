import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from morpheus_assets.images import decoding
from morpheus_assets.images.errors import RefusedImage
from morpheus_assets.images.room import PixelRoom
from morpheus_assets_tests.fixtures.waiting import eventually


def test_no_more_pixels_are_held_than_there_is_room_for() -> None:
    room, lock, held, most = PixelRoom(100), threading.Lock(), 0, 0

    def decode(pixels: int) -> None:
        nonlocal held, most
        with room.hold(pixels):
            with lock:
                held += pixels
                most = max(most, held)
            time.sleep(0.005)
            with lock:
                held -= pixels

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(decode, [40, 30, 90, 10, 60, 50] * 5))
    assert 60 < most <= 100
    assert held == 0


def test_a_large_image_is_not_overtaken_for_ever_by_small_ones() -> None:
    room, order = PixelRoom(100), []
    small_is_in, large_waits = threading.Event(), threading.Event()

    def small() -> None:
        with room.hold(10):
            small_is_in.set()
            large_waits.wait()
            time.sleep(0.05)

    def named(name: str, pixels: int) -> None:
        with room.hold(pixels):
            order.append(name)

    first = threading.Thread(target=small)
    large = threading.Thread(target=named, args=("large", 100))
    late = threading.Thread(target=named, args=("late", 10))
    first.start()
    small_is_in.wait()
    large.start()
    assert eventually(room._turn.locked, every=0.002)
    late.start()
    large_waits.set()
    for thread in (first, large, late):
        thread.join()
    assert order == ["large", "late"]


def test_an_image_larger_than_all_room_goes_alone() -> None:
    room = PixelRoom(100)
    with room.hold(1000):
        pass
    with room.hold(100):
        pass


def test_room_is_given_back_when_decoding_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    room = PixelRoom(20 * 20)
    monkeypatch.setattr(decoding, "_ROOM", room)

    body = io.BytesIO()
    Image.effect_noise((20, 20), 50).save(body, "PNG")
    for _ in range(3):
        with pytest.raises(RefusedImage, match="damaged"):
            decoding.decode_panel(body.getvalue()[:200], "cut.png", max_pixels=10_000)
    assert decoding.decode_panel(body.getvalue(), "whole.png", max_pixels=10_000).width == 20
