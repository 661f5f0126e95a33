"""Cardinal and ordinal words of the languages that novels come in, as one folded table. No parsing here."""

from morpheus_assets.text.chapters.words import fold, listed

_UNITS_EN = listed(
    """one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen"""
)
_ORDINALS_EN = listed(
    """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
    fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"""
)
_TENS_EN = listed("twenty thirty forty fifty sixty seventy eighty ninety")

_UNITS_FR = listed(
    """un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept
    dix-huit dix-neuf"""
)
_ORDINALS_FR = listed(
    """unieme deuxieme troisieme quatrieme cinquieme sixieme septieme huitieme neuvieme dixieme onzieme
    douzieme treizieme quatorzieme quinzieme seizieme dix-septieme dix-huitieme dix-neuvieme"""
)
_TENS_FR = {20: "vingt", 30: "trente", 40: "quarante", 50: "cinquante", 60: "soixante", 80: "quatre-vingt"}

_UNITS_ES = listed(
    """uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciseis
    diecisiete dieciocho diecinueve veinte veintiuno veintidos veintitres veinticuatro veinticinco
    veintiseis veintisiete veintiocho veintinueve"""
)
_TENS_ES = {30: "treinta", 40: "cuarenta", 50: "cincuenta", 60: "sesenta", 70: "setenta", 80: "ochenta", 90: "noventa"}
_ORDINALS_ES = listed("primer segund tercer cuart quint sext septim octav noven")
_ORDINAL_TENS_ES = listed(
    """decim vigesim trigesim cuadragesim quincuagesim sexagesim septuagesim octogesim nonagesim"""
)

_UNITS_PT = listed(
    """um dois tres quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezesseis dezessete
    dezoito dezenove vinte"""
)
_ORDINALS_PT = listed("primeir segund terceir quart quint sext setim oitav non")

_UNITS_IT = listed(
    """uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici
    sedici diciassette diciotto diciannove"""
)
_TENS_IT = listed("venti trenta quaranta cinquanta sessanta settanta ottanta novanta")
_ORDINALS_IT = listed("prim second terz quart quint sest settim ottav non")
_ORDINAL_TENS_IT = listed(
    "decim ventesim trentesim quarantesim cinquantesim sessantesim settantesim ottantesim novantesim"
)

_UNITS_DE = listed(
    """eins zwei drei vier funf sechs sieben acht neun zehn elf zwolf dreizehn vierzehn funfzehn sechzehn
    siebzehn achtzehn neunzehn"""
)
_ORDINALS_DE = listed(
    """erst zweit dritt viert funft sechst siebent acht neunt zehnt elft zwolft dreizehnt vierzehnt
    funfzehnt sechzehnt siebzehnt achtzehnt neunzehnt"""
)
_TENS_DE = listed("zwanzig dreissig vierzig funfzig sechzig siebzig achtzig neunzig")

_ORDINALS_RU = listed(
    """перв втор трет четверт пят шест седьм восьм девят десят одиннадцат двенадцат тринадцат четырнадцат
    пятнадцат шестнадцат семнадцат восемнадцат девятнадцат"""
)
_TENS_RU = {
    20: ("двадцать", "двадцат"),
    30: ("тридцать", "тридцат"),
    40: ("сорок", "сороков"),
    50: ("пятьдесят", "пятидесят"),
    60: ("шестьдесят", "шестидесят"),
    70: ("семьдесят", "семидесят"),
    80: ("восемьдесят", "восьмидесят"),
    90: ("девяносто", "девяност"),
}
_ENDINGS_RU = listed("ый ой ая ое ий ья ье")

# Languages that number with words only in their ordinals, up to twelve or so.
_SHORT_ORDINALS = {
    "la": """primus/prima/primum secundus/secunda/secundum tertius/tertia/tertium quartus/quarta/quartum
    quintus/quinta sextus/sexta septimus/septima octavus/octava nonus/nona decimus/decima
    undecimus/undecima duodecimus/duodecima""",
    "nl": """eerste tweede derde vierde vijfde zesde zevende achtste negende tiende elfde twaalfde dertiende
    veertiende vijftiende zestiende zeventiende achttiende negentiende twintigste""",
    "sv": """forsta andra tredje fjarde femte sjatte sjunde attonde nionde tionde elfte/elvte tolfte/tolvte
    trettonde fjortonde femtonde sextonde sjuttonde adertonde/artonde nittonde tjugonde""",
    "da": """forste/første anden/andet/annet tredje/tredie fjerde femte sjette syvende/sjuende ottende/attende
    niende tiende ellevte/ellefte tolvte trettende/trettonde fjortende femtende/femtende sekstende
    syttende attende nittende tyvende""",
    "pl": """pierwszy/pierwsza drugi/druga trzeci/trzecia czwarty/czwarta piaty/piata szosty/szosta
    siodmy/siodma osmy/osma dziewiaty/dziewiata dziesiaty/dziesiata jedenasty/jedenasta
    dwunasty/dwunasta""",
    "cs": """prvni druha/druhy treti ctvrta/ctvrty pata/paty sesta/sesty sedma/sedmy osma/osmy devata/devaty
    desata/desaty""",
    "fi": """ensimmainen toinen kolmas neljas viides kuudes seitsemas kahdeksas yhdeksas kymmenes yhdestoista
    kahdestoista""",
    "hu": """elso masodik harmadik negyedik otodik hatodik hetedik nyolcadik kilencedik tizedik tizenegyedik
    tizenkettedik""",
    "el": """πρωτο/πρωτη/πρωτον δευτερο/δευτερα/δευτερον τριτο/τριτη/τριτον τεταρτο/τεταρτη/τεταρτον
    πεμπτο/πεμπτη/πεμπτον εκτο/εκτη/εκτον εβδομο/εβδομη/εβδομον ογδοο/ογδοη/ογδοον ενατο/ενατη/ενατον
    δεκατο/δεκατη/δεκατον""",
    "ar": "الاول/الأول الثاني الثالث الرابع الخامس السادس السابع الثامن التاسع العاشر",
}


def _english() -> dict[str, int]:
    table = {word: n for n, word in enumerate(_UNITS_EN, 1)} | {word: n for n, word in enumerate(_ORDINALS_EN, 1)}
    for tens, word in enumerate(_TENS_EN, 2):
        table |= {word: tens * 10, word[:-1] + "ieth": tens * 10}
        for unit in range(1, 10):
            table |= {f"{word} {_UNITS_EN[unit - 1]}": tens * 10 + unit}
            table |= {f"{word} {_ORDINALS_EN[unit - 1]}": tens * 10 + unit}
            table |= {f"{word}{_UNITS_EN[unit - 1]}": tens * 10 + unit}
    below = dict(table)
    for hundred in ("hundred", "one hundred", "a hundred"):
        table |= {hundred: 100, f"{hundred}th": 100}
        table |= {f"{hundred}{joint}{word}": 100 + n for word, n in below.items() for joint in (" ", " and ")}
    for n, word in enumerate(_UNITS_EN[1:9], 2):
        table |= {f"{word} hundred": n * 100}
        table |= {f"{word} hundred{j}{w}": n * 100 + v for w, v in below.items() for j in (" ", " and ")}
    return table


def _french() -> dict[str, int]:
    table: dict[str, int] = {"premier": 1, "premiere": 1, "second": 2, "seconde": 2}
    for names, ordinal in ((_UNITS_FR, False), (_ORDINALS_FR, True)):
        table |= {word: n for n, word in enumerate(names, 1)}
        for tens, word in _TENS_FR.items():
            table[word.removesuffix("e") + "ieme" if ordinal else word] = tens
            for unit in range(1, 20 if tens in (60, 80) else 10):
                joints = (" et ", "-et-", "-", " ") if unit in (1, 11) else ("-", " ")
                table |= {f"{word}{joint}{names[unit - 1]}": tens + unit for joint in joints}
    table |= {"quatre-vingts": 80, "cent": 100, "centieme": 100}
    below = {
        word: n for word, n in table.items() if n < 100 and word not in ("premier", "premiere", "second", "seconde")
    }
    return table | {f"cent{joint}{word}": 100 + n for word, n in below.items() for joint in (" ", "-")}


def _spanish() -> dict[str, int]:
    table = {word: n for n, word in enumerate(_UNITS_ES, 1)} | {"ultimo": -1, "primer": 1, "tercer": 3}
    for tens, word in _TENS_ES.items():
        table |= {word: tens} | {f"{word} y {_UNITS_ES[n - 1]}": tens + n for n in range(1, 10)}
    below = dict(table)
    table |= {"cien": 100, "ciento": 100} | {f"ciento {word}": 100 + n for word, n in below.items() if n > 0}
    for ending in "oa":
        units = {f"{stem}{ending}": n for n, stem in enumerate(_ORDINALS_ES, 1)}
        units |= {f"setim{ending}": 7, f"non{ending}": 9, f"tercer{ending}": 3}
        table |= units | {f"undecim{ending}": 11, f"duodecim{ending}": 12}
        for tens, stem in enumerate(_ORDINAL_TENS_ES, 1):
            table[f"{stem}{ending}"] = tens * 10
            for word, n in units.items():
                table |= {f"{stem}{e}{joint}{word}": tens * 10 + n for e in "oa" for joint in ("", " ")}
    return table


def _portuguese() -> dict[str, int]:
    table = {word: n for n, word in enumerate(_UNITS_PT, 1)}
    for ending in "oa":
        units = {f"{stem}{ending}": n for n, stem in enumerate(_ORDINALS_PT, 1)}
        table |= units | {f"ultim{ending}": -1}
        for tens, stem in enumerate(_ORDINAL_TENS_ES, 1):
            table |= {f"{stem}{ending}": tens * 10}
            table |= {f"{stem}{ending} {word}": tens * 10 + n for word, n in units.items()}
    return table


def _italian() -> dict[str, int]:
    table = {word: n for n, word in enumerate(_UNITS_IT, 1)}
    for tens, word in enumerate(_TENS_IT, 2):
        table[word] = tens * 10
        for n in range(1, 10):
            table[(word[:-1] if n in (1, 8) else word) + _UNITS_IT[n - 1]] = tens * 10 + n
    below = dict(table)
    table |= {f"{word[:-1]}esim{e}": n for word, n in below.items() if n > 10 for e in "oa"}
    table |= {"cento": 100} | {f"cento{word}": 100 + n for word, n in below.items()}
    for ending in "oa":
        units = {f"{stem}{ending}": n for n, stem in enumerate(_ORDINALS_IT, 1)}
        table |= units | {f"undecim{ending}": 11, f"duodecim{ending}": 12, f"ultim{ending}": -1}
        for tens, stem in enumerate(_ORDINAL_TENS_IT, 1):
            table |= {f"{stem}{ending}": tens * 10}
            table |= {f"{stem}{ending}{joint}{w}": tens * 10 + n for w, n in units.items() for joint in ("", " ")}
            table |= {f"{stem}o{w}": tens * 10 + n for w, n in units.items()}
    return table


def _german() -> dict[str, int]:
    cardinals = {word: n for n, word in enumerate(_UNITS_DE, 1)} | {"ein": 1}
    stems = {word: n for n, word in enumerate(_ORDINALS_DE, 1)} | {"siebt": 7}
    for tens, word in enumerate(_TENS_DE, 2):
        cardinals[word] = stems[word + "st"] = tens * 10
        for n in range(1, 10):
            compound = f"{'ein' if n == 1 else _UNITS_DE[n - 1]}und{word}"
            cardinals[compound] = stems[compound + "st"] = tens * 10 + n
    endings = {f"{stem}{ending}": n for stem, n in stems.items() for ending in ("e", "er", "es", "en", "em")}
    spelled = {key.replace("funf", "fuenf").replace("zwolf", "zwoelf"): n for key, n in (cardinals | endings).items()}
    return cardinals | endings | spelled | {"letztes": -1}


def _russian() -> dict[str, int]:
    table = {"последняя": -1}
    units = {f"{stem}{ending}": n for n, stem in enumerate(_ORDINALS_RU, 1) for ending in _ENDINGS_RU}
    table |= units
    for tens, (cardinal, stem) in _TENS_RU.items():
        table |= {f"{stem}{ending}": tens for ending in _ENDINGS_RU}
        table |= {f"{cardinal} {word}": tens + n for word, n in units.items() if n < 10}
    cardinals = listed("один два три четыре пять шесть семь восемь девять десять")
    return table | {word: n for n, word in enumerate(cardinals, 1)}


def _build() -> dict[str, int]:
    table: dict[str, int] = {"last": -1, "dernier": -1, "derniere": -1}
    for words in _SHORT_ORDINALS.values():
        table |= {w: n for n, alternatives in enumerate(words.split(), 1) for w in alternatives.split("/")}
    languages = (_portuguese(), _italian(), _spanish(), _german(), _french(), _russian(), _english())
    for language in languages:
        table |= language
    return {" ".join(fold(part) for part in key.replace("-", " ").split()): value for key, value in table.items()}


NUMBER_WORDS: dict[str, int] = _build()
"""Folded words (single spaces, no hyphens) → value; -1 means "the last"."""
