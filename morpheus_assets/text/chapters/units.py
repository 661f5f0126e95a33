"""What books call their divisions, in the languages that novels come in. Tables only."""

from morpheus_assets.text.chapters.words import fold, listed

_UNITS = {
    "chapter": "chapter chap chaper chaptre ch chapitre capitulo capitol capitolo cap kapitel kap capitulum caput "
    "hoofdstuk "
    "kapittel kapitola rozdział rozdzial глава гл luku fejezet poglavlje bölüm κεφάλαιο κεφαλαιον chương bab ĉapitro "
    "peatükk skyrius nodaļa pennod kafli caibidil rozdíl розділ главa фасл الفصل अध्याय",
    "letter": "letter lettre carta lettera brief письмо epistle epistola epistre",
    "stave": "stave",
    "canto": "canto chant gesang песнь песня cantus rhapsody ραψωδία",
    "episode": "episode episodio",
    "story": "story tale adventure aventure abenteuer récit racconto cuento erzählung geschichte рассказ novella",
    "day": "day día giornata jornada journée night nuit nacht notte noche ночь evening",
    "scene": "scene scène escena scena szene auftritt явление сцена cena",
    "section": "section sección sezione seção abschnitt §",
    "lecture": "lecture lesson essay sermon discourse dialogue fable",
    "canticle": "fytte fit knot",
    "book": "book livre libro buch livro книга liber boek bok bog kniha księga kirja konyv kitap βιβλίο",
    "part": "part partie parte teil theil часть частина pars deel del dil część osa rész phase abteilung abtheilung pt",
    "volume": "volume vol tome tomo band tom том bind tomus tomos cantica",
    "act": "act acte acto atto akt aufzug действие ato handeling",
}

UNIT_WORDS: dict[str, str] = {fold(word): unit for unit, words in _UNITS.items() for word in words.split()}
"""Folded word → unit."""

CJK_UNITS: dict[str, str] = {
    character: unit
    for unit, characters in {
        "chapter": "章回囘囬",
        "episode": "話话",
        "section": "節节",
        "volume": "卷巻集冊册",
        "part": "部篇編编",
        "act": "幕",
        "scene": "場场折齣出",
        "day": "夜日",
        "letter": "信封",
        "lecture": "講讲課课則则",
        "poem": "首歌",
    }.items()
    for character in characters
}
HANGUL_UNITS: dict[str, str] = {"장": "chapter", "화": "episode", "회": "chapter", "부": "part", "권": "volume",
                                "편": "part", "막": "act", "절": "section"}  # fmt: skip

CONTAINERS = frozenset({"volume", "book", "part", "act"})
"""Units that hold chapters where the book has chapters at all."""

NEVER_UNITS = frozenset(
    fold(word)
    for word in listed(
        """page pp figure fig plate table note footnote illustration map line verse no nr january february march
        april may june july august september october november december jan feb mar apr jun jul aug sept sep oct
        nov dec monday tuesday wednesday thursday friday saturday sunday janvier fevrier mars avril mai juin
        juillet aout septembre octobre novembre decembre januar februar marz juni juli oktober dezember enero
        febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre gennaio febbraio
        aprile maggio giugno luglio settembre ottobre novembre dicembre louis henry charles george edward william
        james john pius pope king queen in on at by to of the and from with january anno year il le la el der die
        das is was edition version isbn copyright ebook etext number aged age about nearly only some another than
        or but for as if when"""
    )
)
"""Words before a number that name no division of a novel."""
