"""Names in a Chinese text, which has no capitals: who begins a clause and then says, asks or laughs something.

A name has two to four characters, and none that sentences are made of. "林黛玉" and "黛玉" are one where no other full
name ends so. Traditional and simplified script alike.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

_LONGEST, _FEWEST_SPOKEN, _LEAST_SPOKEN, _OWN_SHARE, _LEAST_IN_FULL = 4, 3, 0.01, 0.8, 0.05
_CLAUSE = r"(?:^|(?<=[\s，。！？；：、「」『』“”‘’（）《》…—]))"
_SAYS = (
    r"[因忙便又也笑冷就方乃纔才遂都連连先再急悄低正亦却卻大哭嘆叹含啐]{0,3}"
    r"(?:[道說说問问罵骂喝]|回答|答應|答应|喊|叫道)"
)
# What sentences are made of: pronouns, adverbs, verbs of speech and of seeing, measure words, numbers.
_NEVER = frozenset(
    "我你他她它您咱俺這这那此其誰谁哪不沒没未別别莫的了着著過过也是又便就都只才纔還还再很太最更且而因為为所以如若但雖虽"
    "聽听見见看說说笑問问答叫喊道罵骂喝哭嘆叹想知忙急正方連连既自從从對对向把被將将與与和同跟在到來来去上下前後后里裏內内外"
    "中間间一二兩两三四五六七八九十百千萬万幾几半各每某個个們们麼么甚何什怎等常俗古有無无要會会能可敢肯得呢吗嗎吧啊呀罷罢"
    "心口手聲声高忽當当即卻却遂乃亦皆俱並并於于之眾众些樣样"
)
_NOBODY = frozenset(
    word
    for line in (
        "大家 人家 夫人 姑娘 奶奶 小姐 姐姐 妹妹 哥哥 弟弟 兄弟 媽媽 妈妈 爹爹 丫頭 丫头 小丫頭 小丫头",
        "婆子 老婆 媳婦 媳妇 先生 小廝 小厮 和尚 老師 老师 師父 师父 女子 男子 婦人 妇人 老僧 貧僧",
        "贫僧 道士 老人 老者 使者 孩子 老爺 老爷 大爺 大爷 大夫 太太 老太太 少爺 少爷 家人 女儿 女兒",
        "父親 父亲 母親 母亲 王子 妖精 小妖 妖怪 妖魔 妖邪 怪物 呵呵 哈哈 原來 原来 今日 明日 昨日",
        "明儿 明兒 今儿 今兒 昨儿 昨兒 回頭 回头 忍住 低頭 低头 點頭 点头 搖頭 摇头 叩頭 叩头 磕頭",
        "磕头 合掌 躬身 起身 欠身 拱手 跪下 歡喜 欢喜 冷冷 慢慢 連忙 厲聲 厉声 大怒 大喜 大驚 大惊",
        "告訴 告诉 吩咐",
    )
    for word in line.split()
)
# 八戒, 三藏, 二姐 and 张三 are called by a number.
_NUMBERED = re.compile(
    "[一二三四五六七八九十](?:戒|藏|姐|娘|郎|哥|爺|爷|妹|嫂|姑|公主|太子|魔)|.{1,2}[二三四五六]姐|[张張李王赵趙陈陳刘劉][三四五六七八九]"
)
_WOMAN = re.compile("(?:夫人|姨媽|姨妈|奶奶|姥姥|娘娘|公主|小姐|姑娘|太太|[姐母婆姑妃娘妹嫂氏][儿兒]?)$")
_MAN = re.compile("(?:老爺|老爷|公子|將軍|将军|大王|和尚|先生|[公爺爷王帝僧])$")


def chinese_names(text: str, spans: Sequence[tuple[int, int]]) -> dict[str, list[tuple[int, int]]]:
    """The forms of each name with every place of them, by the name in full; places are (start, end) in the text."""
    spoken = _spoken(text, spans)
    forms = [name for name, count in spoken.items() if count >= max(_FEWEST_SPOKEN, _LEAST_SPOKEN * text.count(name))]
    if not forms:
        return {}
    either = re.compile("|".join(sorted(map(re.escape, forms), key=lambda form: (-len(form), form))))
    places: dict[str, list[tuple[int, int]]] = {}
    for start, end in spans:
        for found in either.finditer(text, start, end):
            places.setdefault(found[0], []).append(found.span())
    return _joined(places)


def chinese_gender(name: str) -> str:
    """ "f" or "m" by what the name ends in, "" for most."""
    return "f" if _WOMAN.search(name) else "m" if _MAN.search(name) else ""


def _spoken(text: str, spans: Sequence[tuple[int, int]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for length in range(2, _LONGEST + 1):
        says = re.compile(rf"{_CLAUSE}([\u3400-\u9fff]{{{length}}})(?={_SAYS})", re.MULTILINE)
        for start, end in spans:
            counts.update(name for name in _names(says, text, start, end))
    return counts


def _names(says: re.Pattern[str], text: str, start: int, end: int) -> Iterator[str]:
    for found in says.finditer(text, start, end):
        name = found[1]
        if name not in _NOBODY and (not _NEVER & set(name) or _NUMBERED.fullmatch(name)):
            yield name


def _joined(places: Mapping[str, list[tuple[int, int]]]) -> dict[str, list[tuple[int, int]]]:
    """ "黛玉" joins "林黛玉", and "鳳姐儿" "鳳姐"."""
    joined = {form: list(found) for form, found in places.items()}
    for form in sorted(places, key=lambda form: (len(form), form)):
        short = form[:-1] if form[-1] in "儿兒" else ""
        if short in joined:
            joined[short] += joined.pop(form)
            continue
        full = {other: len(places[other]) for other in joined if len(other) == len(form) + 1 and other[1:] == form}
        best = max(full, key=lambda other: (full[other], other), default="")
        if best and full[best] >= max(_OWN_SHARE * sum(full.values()), _LEAST_IN_FULL * len(places[form])):
            joined[best] += joined.pop(form)
    return {form: sorted(found) for form, found in joined.items()}
