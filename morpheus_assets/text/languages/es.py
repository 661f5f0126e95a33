"""Spanish."""

from morpheus_assets.text.languages import WESTERN, Language, listed

_CARDINALS = listed(
    "uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete "
    "dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete "
    "veintiocho veintinueve"
)
_TENS = listed("treinta cuarenta cincuenta sesenta setenta ochenta noventa")
_ORDINALS = listed("primer segund tercer cuart quint sext séptim octav noven")
_ORDINAL_TENS = listed("décim vigésim trigésim cuadragésim quincuagésim sexagésim septuagésim octogésim nonagésim")


def _numbers() -> dict[str, int]:
    table = {word: n for n, word in enumerate(_CARDINALS, 1)} | {"primer": 1, "tercer": 3}
    for tens, word in enumerate(_TENS, 3):
        table |= {word: tens * 10} | {f"{word} y {_CARDINALS[n - 1]}": tens * 10 + n for n in range(1, 10)}
    table |= {f"ciento {word}": 100 + n for word, n in table.items()}
    table |= {"cien": 100, "ciento": 100, "último": -1}
    for ending in "oa":
        units = {f"{stem}{ending}": n for n, stem in enumerate(_ORDINALS, 1)}
        units |= {f"sétim{ending}": 7, f"non{ending}": 9}
        table |= units | {f"undécim{ending}": 11, f"duodécim{ending}": 12}
        for tens, stem in enumerate(_ORDINAL_TENS, 1):
            table[f"{stem}{ending}"] = tens * 10
            for word, n in units.items():
                table |= {f"{stem}{e}{joint}{word}": tens * 10 + n for e in "oa" for joint in ("", " ")}
    return table


LANGUAGE = Language(
    code="es",
    names="spanish spa",
    search_configuration="spanish",
    units={
        "chapter": "capítulo cap",
        "letter": "carta epistola",
        "canto": "canto",
        "episode": "episodio",
        "story": "cuento",
        "day": "día jornada noche",
        "scene": "escena",
        "section": "sección",
        "book": "libro",
        "part": "parte",
        "volume": "tomo",
        "act": "acto",
    },
    articles="la el los numero",
    never_units="enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre el la",
    numbers=_numbers,
    ordinal_suffixes="º ª ° o a",
    matter={
        "front": "prefacio|introducción|advertencia|al lector|dedicatoria|nota del autor",
        "opening": "prólogo",
        "between": "interludio|intermedio|capítulo extra",
        "ending": "epílogo",
        "back": "apéndice|notas",
        "boilerplate": "fin",
        "contents": "índice|tabla de contenidos|contenido|tabla",
        "closing": "conclusión|capítulo último|último capítulo",
    },
    letters="áíóéñúü",
    encodings=WESTERN,
    accented=(
        "él más así también después aquí allí está están había habían día días tenía quería podía sería decía hacía "
        "todavía María García sí mí qué cómo cuándo dónde quién cuál según además jamás detrás atrás habló llegó "
        "pasó quedó entró salió volvió preguntó respondió dejó miró tomó corazón razón ocasión pasión canción "
        "habitación señor señora señores señorita niño niños niña años año mañana España español pequeño sueño "
        "sueños dueño otoño compañía montaña extraño enseñar doña algún ningún común jardín último única público "
        "música página árbol ángel ánimo fácil difícil hábito lágrimas pájaro través café José Jesús Ramón León "
        "Andrés Inés Tomás pié fué fé tú aún Perú vergüenza antigüedad pingüino útil únicamente Él Éste ésta éste "
        "aquél"
    ),
)
