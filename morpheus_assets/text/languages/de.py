"""German."""

from morpheus_assets.text.languages import CENTRAL_EUROPEAN, WESTERN, Language, listed

_CARDINALS = listed(
    "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
    "achtzehn neunzehn"
)
_ORDINALS = listed(
    "erst zweit dritt viert fünft sechst siebent acht neunt zehnt elft zwölft dreizehnt vierzehnt fünfzehnt sechzehnt "
    "siebzehnt achtzehnt neunzehnt"
)
_TENS = listed("zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig")


def _numbers() -> dict[str, int]:
    cardinals = {word: n for n, word in enumerate(_CARDINALS, 1)} | {"ein": 1}
    stems = {word: n for n, word in enumerate(_ORDINALS, 1)} | {"siebt": 7}
    for tens, word in enumerate(_TENS, 2):
        cardinals[word] = stems[word + "st"] = tens * 10
        for n in range(1, 10):
            compound = f"{'ein' if n == 1 else _CARDINALS[n - 1]}und{word}"
            cardinals[compound] = stems[compound + "st"] = tens * 10 + n
    endings = {f"{stem}{ending}": n for stem, n in stems.items() for ending in ("e", "er", "es", "en", "em")}
    table = cardinals | endings | {"letztes": -1}
    return table | {word.replace("ü", "ue").replace("ö", "oe"): n for word, n in table.items()}


LANGUAGE = Language(
    code="de",
    names="german ger deu",
    search_configuration="german",
    units={
        "chapter": "kapitel kap capitel cap hauptstück",
        "letter": "brief",
        "canto": "gesang",
        "story": "abenteuer erzählung geschichte novelle märchen",
        "day": "nacht tag abend",
        "scene": "szene auftritt bild",
        "section": "abschnitt",
        "book": "buch",
        "part": "teil theil abteilung abtheilung",
        "volume": "band",
        "act": "akt aufzug",
    },
    articles="das der die nr",
    never_units="januar februar märz mai juni juli oktober dezember der die das",
    numbers=_numbers,
    matter={
        "front": "vorwort|vorrede|einleitung|zueignung|widmung|geleitwort|zum geleit|vorbemerkung",
        "opening": "prolog|vorspiel",
        "between": "zwischenspiel|interludium|intermezzo|bonuskapitel",
        "ending": "epilog|nachwort|nachspiel",
        "back": "anhang|anmerkungen|nachbemerkung|glossar|worterklärungen|personenverzeichnis",
        "boilerplate": "anmerkungen zur transkription",
        "contents": "inhalt|inhaltsverzeichnis|inhaltsübersicht",
        "closing": "schluss|schluß|beschluss|beschluß|letztes kapitel",
    },
    letters="üäößéèà",
    encodings=(*WESTERN, *CENTRAL_EUROPEAN),
    accented=(
        "über für würde würden können könnte müssen müßte mußte Tür Türe Glück zurück natürlich glücklich früh "
        "früher fühlte Gefühl Bücher Stück Brücke Blüte führen führte Füße grüßen grün kühl müde fünf zwölf hübsch "
        "wünschen während hätte hätten wäre wären nächste nächsten spät später Mädchen Männer Länder Hände Wände "
        "Väter Mütter Nähe näher lächelte Lächeln erzählte erzählen zählen wählte gefährlich Kälte Nächte Wärme "
        "ändern ängstlich schön schöne schöner hören hörte gehört möchte mögen möglich plötzlich böse König Königin "
        "Söhne Töchter Wörter Öl öffnete öffnen Österreich höchst höher größer größte groß große großen Größe Straße "
        "daß muß läßt wußte weiß heiß ließ hieß saß aß Fuß süß außer außerdem draußen schließlich Fräulein Häuser "
        "Bäume träumen Gebäude läuft äußerst getötet völlig fröhlich gewöhnlich gewiß bloß Schluß Ärger Übel Überall "
        "Café"
    ),
)
