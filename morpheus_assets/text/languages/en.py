"""English."""

from morpheus_assets.text.languages import WESTERN, Language, listed

_CARDINALS = listed(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_ORDINALS = listed(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth"
)
_TENS = listed("twenty thirty forty fifty sixty seventy eighty ninety")


def _numbers() -> dict[str, int]:
    table = {word: n for words in (_CARDINALS, _ORDINALS) for n, word in enumerate(words, 1)}
    for tens, word in enumerate(_TENS, 2):
        table |= {word: tens * 10, word[:-1] + "ieth": tens * 10}
        for n, (cardinal, ordinal) in enumerate(zip(_CARDINALS[:9], _ORDINALS, strict=False), 1):
            table |= dict.fromkeys((f"{word} {cardinal}", f"{word} {ordinal}", f"{word}{cardinal}"), tens * 10 + n)
    below = dict(table)
    for hundred in ("hundred", "one hundred", "a hundred"):
        table |= {hundred: 100, f"{hundred}th": 100}
        table |= {f"{hundred}{joint}{word}": 100 + n for word, n in below.items() for joint in (" ", " and ")}
    for n, word in enumerate(_CARDINALS[1:9], 2):
        table |= {f"{word} hundred": n * 100}
        table |= {f"{word} hundred{j}{w}": n * 100 + v for w, v in below.items() for j in (" ", " and ")}
    return table | {"zero": 0, "last": -1}


LANGUAGE = Language(
    code="en",
    names="english eng",
    search_configuration="english",
    units={
        "chapter": "chapter chap chaper chaptre ch",
        "letter": "letter epistle",
        "stave": "stave",
        "canto": "canto rhapsody",
        "episode": "episode",
        "story": "story tale adventure",
        "day": "day night evening",
        "scene": "scene",
        "section": "section §",
        "lecture": "lecture lesson essay sermon discourse dialogue fable",
        "canticle": "fytte fit knot",
        "book": "book",
        "part": "part phase pt arc",
        "volume": "volume vol season",
        "act": "act",
    },
    articles="the no nr number num n #",
    never_units=(
        "page pp figure fig plate table note footnote illustration map line verse no nr january "
        "february march april may june july august september october november december jan feb mar "
        "apr jun jul aug sept sep oct nov dec monday tuesday wednesday thursday friday saturday "
        "sunday louis henry charles george edward william james john pius pope king queen in on at by "
        "to of the and from with anno year is was edition version isbn copyright ebook etext number "
        "aged age about nearly only some another than or but for as if when"
    ),
    numbers=_numbers,
    ordinal_suffixes="st nd rd th",
    matter={
        "front": (
            "preface|author's preface|the author's preface|preface to the first edition|"
            "preface to the second edition|preface to this edition|translator's preface|"
            "editor's preface|publisher's preface|editor's note|a note|a note on the text|foreword|"
            "introduction|introductory|introductory note|proem|etymology|extracts|dedication|epigraph|"
            "epigraphs|to the reader|advertisement|prefatory note|prefatory|argument|induction|"
            "acknowledgments|acknowledgements|dramatis personae|dramatis personæ|persons represented|"
            "persons of the play|characters of the play|cast of characters"
        ),
        "opening": "prologue|the prologue|prelude",
        "between": (
            "interlude|intermission|intermezzo|entr'acte|side story|side chapter|bonus chapter|"
            "extra chapter|bonus|extra|omake|special chapter|bonus story|short story|extra story|"
            "side quest|interludium"
        ),
        "ending": "epilogue|the epilogue|afterword|author's afterword|coda|postlude|envoi",
        "back": (
            "postscript|note|notes|appendix|appendices|appendix a|appendix i|author's note|finale|"
            "endnotes|footnotes|glossary|historical note|chronology"
        ),
        "boilerplate": (
            "title page|titlepage|title|half title|halftitle|half title page|halftitlepage|cover|"
            "imprint|colophon|uncopyright|copyright|copyright page|list of illustrations|illustrations|"
            "list of plates|landmarks|about the author|also by|by the same author|transcriber's note|"
            "transcriber's notes|transcribers note|transcribers notes|the end|end|newsletter|"
            "about the publisher|advertisements|other books|books by|loi|list of figures|errata|"
            "corrigenda|credits|frontispiece|navigation|note on the transcription|transcription note|"
            "full license|the full project gutenberg license|author|year"
        ),
        "contents": (
            "contents|table of contents|the contents|contents of volume i|table|index|toc|list of chapters|chapters"
        ),
        "closing": (
            "conclusion|the conclusion|final chapter|the final chapter|the last chapter|last chapter|chapter the last"
        ),
    },
    letters="éèêïöüëàçæœôâñáíóäîûåøúì",
    encodings=WESTERN,
    accented=(
        "café cafés protégé protégés protégée naïve naïvely naïveté façade façades fiancé fiancée née élite élan "
        "éclat début débris décor dénouement déjà résumé régime rôle rôles fête fêtes château châteaux tête bête "
        "être crêpe crème brûlée soirée matinée mêlée négligé attaché cliché clichés communiqué consommé coupé "
        "divorcée émigré émigrés entrée exposé fricassée habitué touché passé blasé outré risqué roué sauté purée "
        "toupée mésalliance ménage séance séances coöperate coöperation coördinate zoölogy reëntered preëminent "
        "naïf Noël Zoë Chloë Brontë Boötes Citroën Laocoön aërial aëronaut piqué voilà mâché maître hôtel dépôt "
        "entrepôt entrepôts blessèd learnèd belovèd wingèd crèche première mère père frère pièce cortège barège "
        "manège Molière Hélène Thérèse Geneviève René Renée André José Désirée Valérie Léon Napoléon Eugénie "
        "Étienne Élise Émile Édouard École Élysées Abbé abbé curé Orléans Méry général señor señora señorita doña "
        "mañana piñata cañon cañons Peña Muñoz Niño jalapeño piña über Führer Müller Brünnhilde Tübingen Zürich "
        "Göring Schrödinger Köln Mädchen fräulein Fräulein doppelgänger Händel Bärbel façon garçon garçons Besançon "
        "François Françoise Français française Provençal soupçon curaçao Curaçao aperçu commerçant Cæsar Cæsars "
        "Æsop Æneas Æneid æsthetic æther ægis mediæval archæology encyclopædia pædagogue fæces hæmorrhage dæmon "
        "dæmons præ phænomena Ægean Encyclopædia formulæ nebulæ larvæ antennæ Pœan fœtus cœlestial œconomy "
        "œcumenical manœuvre manœuvres manœuvred œuvre Œdipus œil cœur sœur São João smörgåsbord Ångström Åsa Malmö "
        "Göteborg Bjørn Søren Tromsø Köbenhavn fjörd Möbius Gödel Löwe Röntgen Poincaré Galápagos Málaga Córdoba "
        "Cádiz López García Pérez Sánchez Martínez Ramón Simón León Joaquín Jesús María Bogotá Perú México Río "
        "Panamá Yucatán Potosí Vélez Ávila Île Nîmes boîte huître gîte abîme dîner Benoît connaît Bâle âme pâté "
        "pâtés pâtisserie mâche Tâche Côte Rhône Saône Pentecôte Gruyère lèse majesté idée beauté liberté égalité "
        "fraternité société détente dépêche dérangé éclair éclairs épée étude étagère répertoire réveillé Sèvres "
        "Gérôme Gérard Bérénice Béatrice Médoc Médicis Crécy Clémence Véronique Andrée Aimée Désiré Honoré Cézanne "
        "Bézique Sévigné Fénelon Fénélon Châlons Mâcon Hôtel Héloïse Anaïs Loïs Moïse maïs Thaïs Aïda naïades haïr "
        "Saïd Caïn Danaë Israël Michaël Raphaël Staël Boëthius Phaëton Alcinoüs Müllerian Düsseldorf Fürst grüss "
        "Jürgen Günther München Nürnberg Würzburg gemütlich Übermensch Gött Götterdämmerung Tannhäuser Körner "
        "Königsberg Österreich Jörg anæmic anæmia ætat Romæ hyæna hyænas Judæa Linnæus Piræus Mycenæ pæan pæans æon "
        "æons Phæton chimæra Palæologus palæontology prætor prætorian quæstor Ægypt Ægisthus Achæan Chaldæan "
        "Galilæan vertebræ alumnæ algæ minutiæ reliquiæ Æolian Æschylus Ætna Æthiopian Cæsarea Egæan hæmoglobin "
        "anæsthetic anæsthetics orthopædic gynæcology quâ tôte Núñez Ibáñez Bolívar Cortés Valdés Quixote "
        "Zoölogical coördinated reëstablish preëminently Öland schön Märchen Ländler Bäder Präsident Weiß Strauß "
        "Groß Preußen Spaß"
    ),
)
