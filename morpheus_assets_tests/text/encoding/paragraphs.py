"""Paragraphs with a known number of characters beyond ASCII, and sentences of other scripts, for tests and bench."""

import random
import re

WESTERN = ("latin-1", "cp1252", "mac_roman", "cp850")

# Words, names and marks as they stand in English and French prose; few of them are in the language files.
_split = str.split
ENGLISH_WORDS = _split(
    "Thérèse Eugénie Besançon Saône Zürich Köln Málaga Björn Søren José Núñez Dürer Étienne Noël Héloïse Anaïs "
    "Brontë naïve façade protégés café rôle fête señor Père château mêlée née blasé Æneas mediæval coöperation "
    "Gödel Mécénat Señorita Bérurier Gruyère Nîmes maître Citroën Léonie Amélie Cécile Brüder Tübingen Jörg Agnès "
    "déjà à voilà crèche Chloë Zoë Boötes pâté soupçon garçon dépôt hôtel abbé curé élite étude émigrés Müller "
    "£5 £300 ½ 3½ 40° §12 «oui» Hôtel-Dieu tête-à-tête vis-à-vis"
)
ENGLISH_MARKS = ("“{}”", "‘{}’", "{}—and", "{}…", "{}’s", "{} – it", "{}\xa0and", "«{}»")
_MARKED = re.compile(r"[^\x00-\x7f]")

OTHER_SCRIPTS: dict[tuple[str, tuple[str, ...]], list[str]] = {
    ("Russian", ("cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic")): [
        "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.",
        "В начале июля, в чрезвычайно жаркое время, под вечер, один молодой человек вышел из своей каморки.",
        "Мой дядя самых честных правил, когда не в шутку занемог, он уважать себя заставил.",
        "Однажды весною, в час небывало жаркого заката, в Москве появились два гражданина.",
        "Ночь. Дождь идёт, и никого нет на улице; только фонарь горит у моста.",
        "Он сказал, что приедет завтра утром, но так и не приехал, и мы долго ждали его у ворот.",
    ],
    ("Ukrainian", ("cp1251", "koi8_u")): [
        "Реве та стогне Дніпр широкий, сердитий вітер завива, додолу верби гне високі, горами хвилю підійма.",
        "Її серце билося, коли він їхав додому через ліс і річку, а надворі вже було темно.",
    ],
    ("Bulgarian", ("cp1251",)): [
        "Той седеше до прозореца и гледаше как вали дъжд, а улицата беше съвсем празна тази вечер.",
    ],
    ("Chinese", ("gb18030",)): [
        "他说你们都不知道，我们的人已经来了。",
        "那天晚上下着大雪，老人一个人坐在门口，看着远处的山，什么话也没有说。",
        "小镇上的人都认识他，可是没有人知道他是从哪里来的，也没有人问过他要到哪里去。",
        "“你是谁？”她轻轻地问道。",
    ],
    ("Taiwan", ("big5", "gb18030")): [
        "他說你們都不知道，我們的人已經來了。",
        "那天晚上下著大雪，老人一個人坐在門口，看著遠處的山，什麼話也沒有說。",
        "「你是誰？」她輕輕地問道。",
    ],
    ("Japanese", ("shift_jis", "euc_jp", "cp932", "iso2022_jp")): [
        "私はその人を常に先生と呼んでいた。だからここでもただ先生と書くだけで本名は打ち明けない。",
        "ある日の暮方の事である。一人の下人が、羅生門の下で雨やみを待っていた。",
        "「どこへ行くの」と彼女は聞いた。",
        "コーヒーを飲みながら、彼は窓の外を眺めていた。",
    ],
    ("Korean", ("euc_kr", "cp949")): [
        "그는 아침에 일어나서 밥을 먹고 학교에 갔다. 그러나 아무도 없었다.",
        "나는 그 사람을 기다렸지만 그는 오지 않았다. 비가 내리기 시작했다.",
        "“어디로 가니?” 그녀가 물었다.",
    ],
    ("Greek", ("cp1253", "iso8859_7")): [
        "Σα βγεις στον πηγαιμό για την Ιθάκη, να εύχεσαι νάναι μακρύς ο δρόμος, γεμάτος περιπέτειες, γνώσεις.",
        "Ο γέρος καθόταν στην πόρτα και κοίταζε τη θάλασσα χωρίς να λέει τίποτα.",
    ],
    ("Polish", ("cp1250", "iso8859_2", "cp852")): [
        "Litwo! Ojczyzno moja! ty jesteś jak zdrowie; Ile cię trzeba cenić, ten tylko się dowie, kto cię stracił.",
        "Wieczorem usiadł przy oknie i patrzył, jak pada śnieg, a w domu było już zupełnie cicho.",
        "Był to człowiek młody jeszcze, wysoki, o twarzy bladej i oczach tak jasnych, że zdawały się świecić.",
    ],
    ("Czech", ("cp1250", "iso8859_2", "cp852")): [
        "Byl pozdní večer – první máj – večerní máj – byl lásky čas.".replace("–", "-"),
        "Žluťoučký kůň běžel přes louku a všichni se dívali, jak mizí v dálce za řekou.",
    ],
    ("Hungarian", ("cp1250", "iso8859_2")): [
        "Az öreg ember a kapu előtt ült, és nézte, hogyan megy le a nap a hegyek mögött; nem szólt semmit.",
    ],
    ("Turkish", ("cp1254",)): [
        "Bir gün akşam üstü, güneş batarken, ışıklar yanmaya başladı. Çocuk ağlıyordu; annesi şöyle dedi.",
    ],
    ("German", WESTERN): [
        "Habe nun, ach! Philosophie, Juristerei und Medizin durchaus studiert, mit heißem Bemühn.",
        "Der alte Mann saß vor der Tür und sah zu, wie der Schnee fiel.",
        "Über allen Gipfeln ist Ruh, in allen Wipfeln spürest du kaum einen Hauch; die Vöglein schweigen im Walde.",
        "Als er aufwachte, war es schon spät, und niemand hatte ihn geweckt.",
    ],
    ("Spanish", WESTERN): [
        "En un lugar de la Mancha, de cuyo nombre no quiero acordarme, no ha mucho tiempo que vivía un hidalgo.",
        "—¿Adónde vas? —preguntó ella—. ¡Es muy tarde, señor!".replace("—", "-"),
        "Muchos años después, frente al pelotón, recordó aquella tarde remota en que su padre lo llevó a ver el mar.",
    ],
    ("Italian", WESTERN): [
        "Quel ramo del lago, che volge a mezzogiorno, tra due catene non interrotte di monti, è tutto a seni e golfi.",
        "Non c'era più nessuno nella città, perché tutti erano partiti la sera prima.",
    ],
    ("Portuguese", WESTERN): [
        "Não havia ninguém na rua; a manhã era fria, e o coração dele batia como se fosse a última vez.",
    ],
    ("Swedish", WESTERN): [
        "Det var en gång en gammal man som bodde ensam på en ö långt ute i havet, och ingen visste vad han hette.",
        "Hon såg på honom och log, men han förstod inte varför.",
    ],
    ("Danish", WESTERN): [
        "Der kom en soldat marcherende hen ad landevejen, han havde sit tornyster på ryggen og en sabel ved siden.",
        "Hun så på ham, men han sagde ikke noget; det var sent, og sneen lå højt over gården.",
    ],
}


def paragraphs_with(count: int, text: str, rng: random.Random, *, most: int) -> list[str]:
    """Up to `most` paragraphs with exactly `count` characters beyond ASCII: real ones, and made ones beside them.

    In a made one words of an ASCII paragraph of `text` are replaced by words and marks that hold such characters.
    """
    pieces = re.split(r"\n[ \t]*\n", text)
    rng.shuffle(pieces)
    long = [piece for piece in pieces if len(piece) > 150]
    real = [piece for piece in long if len(_MARKED.findall(piece)) == count]
    plain = [piece for piece in long if piece.isascii() and len(piece.split()) >= 2 * count + 10]
    made = [_with_words(piece, count, rng) for piece in plain[:most]]
    return [*real[:most], *(piece for piece in made if len(_MARKED.findall(piece)) == count)]


def _with_words(piece: str, count: int, rng: random.Random) -> str:
    words = re.split(r"(\s+)", piece)
    places = [i for i in range(2, len(words), 2) if words[i].isalpha()]
    rng.shuffle(places)
    have = 0
    for place in places:
        marked = rng.choice(ENGLISH_MARKS).format(words[place])
        new = rng.choice(ENGLISH_WORDS) if rng.random() < 0.7 else marked
        found = len(_MARKED.findall(new))
        if have + found <= count:
            words[place] = new
            have += found
        if have == count:
            break
    return "".join(words)
