"""Italian."""

from morpheus_assets.text.languages import WESTERN, Language, listed

_CARDINALS = listed(
    "uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici "
    "diciassette diciotto diciannove"
)
_TENS = listed("venti trenta quaranta cinquanta sessanta settanta ottanta novanta")
_ORDINALS = listed("prim second terz quart quint sest settim ottav non")
_ORDINAL_TENS = listed(
    "decim ventesim trentesim quarantesim cinquantesim sessantesim settantesim ottantesim novantesim"
)


def _numbers() -> dict[str, int]:
    table = {word: n for n, word in enumerate(_CARDINALS, 1)}
    for tens, word in enumerate(_TENS, 2):
        table[word] = tens * 10
        for n in range(1, 10):
            table[(word[:-1] if n in (1, 8) else word) + _CARDINALS[n - 1]] = tens * 10 + n
    below = dict(table)
    table |= {f"{word[:-1]}esim{ending}": n for word, n in below.items() if n > 10 for ending in "oa"}
    table |= {"cento": 100} | {f"cento{word}": 100 + n for word, n in below.items()}
    for ending in "oa":
        units = {f"{stem}{ending}": n for n, stem in enumerate(_ORDINALS, 1)}
        table |= units | {f"undecim{ending}": 11, f"duodecim{ending}": 12, f"ultim{ending}": -1}
        for tens, stem in enumerate(_ORDINAL_TENS, 1):
            table |= {f"{stem}{ending}": tens * 10}
            table |= {f"{stem}{ending}{joint}{word}": tens * 10 + n for word, n in units.items() for joint in ("", " ")}
            table |= {f"{stem}o{word}": tens * 10 + n for word, n in units.items()}
    return table


LANGUAGE = Language(
    code="it",
    names="italian ita",
    search_configuration="italian",
    units={
        "chapter": "capitolo cap",
        "letter": "lettera",
        "canto": "canto",
        "episode": "episodio",
        "story": "racconto novella",
        "day": "giornata notte",
        "scene": "scena quadro",
        "section": "sezione",
        "book": "libro",
        "part": "parte",
        "volume": "tomo cantica",
        "act": "atto",
    },
    articles="il lo la l numero",
    never_units="gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre il la",
    numbers=_numbers,
    ordinal_suffixes="º ª ° o a",
    matter={
        "front": "prefazione|proemio|introduzione|al lettore",
        "opening": "prologo",
        "between": "interludio|intermezzo",
        "ending": "epilogo",
        "back": "appendice|note dell'autore|glossario|annotazioni",
        "contents": "indice|sommario",
        "closing": "conclusione|capitolo ultimo|ultimo capitolo",
    },
    letters="àèéìòùîó",
    encodings=WESTERN,
    accented=(
        "è perché poiché affinché né sé già più può giù lì là così città libertà verità bontà felicità società età "
        "qualità metà carità pietà virtù gioventù servitù tribù sarà farà dirà avrà potrà andrà verrà morì partì "
        "finì sentì capì andò parlò tornò trovò guardò lasciò pensò cominciò domandò però ciò venerdì lunedì mezzodì "
        "È perciò cioè caffè lassù laggiù quaggiù purché benché finché giacché nè piè"
    ),
)
