"""What a step that embeds asks first: of each novel by name, for its own purpose."""

from morpheus_assets.domain.content import PanelRecord
from morpheus_assets.store.content.novels import refuse_novel
from morpheus_assets.store.content.panels import replace_panels
from morpheus_assets.store.spaces import spaces
from morpheus_assets.store.spaces.overview import NovelContent, overview


def test_each_novel_is_told_with_what_it_has_for_the_purpose(engine, make_space, add_novel, add_panels) -> None:
    for key, purpose in (("t1", "text"), ("t2", "text"), ("i1", "image")):
        spaces.register_space(engine, make_space(key, purpose=purpose))
    spaces.activate_first(engine, "t2")
    add_novel("one", ["a "])
    add_novel("other", ["b "])
    refuse_novel(engine, "broken", "broken.txt", "d", "It is cut off.")
    add_panels("comic", ["x"])
    replace_panels(engine, "unread", [PanelRecord("y.png", "refused", 9, "cut off", b"y" * 32)])
    names = ["one", "broken", "comic", "unread", "absent"]
    text, image = (overview(engine, purpose, names) for purpose in ("text", "image"))
    assert ([row.key for row in text.spaces], [row.key for row in image.spaces]) == (["t1", "t2"], ["i1"])
    assert text.active is not None
    assert (text.active.key, image.active) == ("t2", None)
    assert text.novels == {
        "one": NovelContent("one", True, None),
        "broken": NovelContent("broken", False, "It is cut off."),
        "comic": NovelContent("comic", False, None),
        "unread": NovelContent("unread", False, None),
    }
    assert {each.novel: each.has_content for each in image.novels.values()} == {
        "one": False, "broken": False, "comic": True, "unread": True,
    }  # fmt: skip
    assert {each.refused_reason for each in image.novels.values()} == {None}
