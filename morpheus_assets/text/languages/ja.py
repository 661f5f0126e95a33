"""Japanese."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(
    code="ja",
    names="japanese jpn",
    counters={
        "chapter": "章回",
        "episode": "話",
        "section": "節",
        "volume": "巻卷",
        "part": "部篇編",
        "act": "幕",
        "scene": "場",
        "day": "夜日",
        "letter": "信",
        "lecture": "講",
        "poem": "首歌",
    },
    matter={
        "front": "序|はしがき|まえがき|前書き|はじめに",
        "opening": "序章|プロローグ|序幕",
        "between": "幕間|閑話|間章|番外編|番外|外伝|番外篇|サイドストーリー|断章|特別編|おまけ|短編",
        "ending": "終章|あとがき|エピローグ|後書き",
        "back": "解説|解題|訳注|訳註|訳者後記|訳者あとがき|付録|附録",
        "contents": "目次|もくじ",
        "closing": "結び|最終章|最終回",
    },
    everyday="人一私先生事云言思見出来何分今日時気手前行中自上大子方心間目聞合知父母家者彼女男本物入立話年所足声顔外",
)
