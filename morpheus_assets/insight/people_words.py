"""Words by which a language tells persons and places: titles before names, verbs of speech, prepositions of place."""

from collections.abc import Mapping
from dataclasses import dataclass, field


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True)
class PeopleWords:
    """The tables of one language (ISO 639-1), all in lower case.

    `titles` stand before a name, by whom they tell ("m" a man, "mrs" and "miss" a woman by her husband's and by her own
    name, "f" any other woman, "" anybody); `epithets` ("Poor") are such as belong to no name, those `alone` stand for
    their bearer behind an article, `ranks` are a part of who somebody is ("Sir John" is no John Dashwood).
    `small_titles` is True where titles have no capital ("madame Bovary"). `particles` stand within a name, `never` are
    words with a capital that are none, `calendar` those that are a name only where one speaks or is titled ("Friday").
    `in_place` stand before places, and of them those `inside` hardly ever before a person. `pronouns` stand for persons
    alone, by gender; `every_noun` is True where all nouns have capitals, `determiners` tell such nouns from names.
    `genitive` is what names end in with no apostrophe, `cases` pair the ending of a first form with those of others.
    """

    language: str
    titles: Mapping[str, str]
    epithets: frozenset[str] = frozenset()
    alone: frozenset[str] = frozenset()
    ranks: frozenset[str] = frozenset()
    small_titles: bool = False
    articles: frozenset[str] = frozenset()
    speech: frozenset[str] = frozenset()
    in_place: frozenset[str] = frozenset()
    inside: frozenset[str] = frozenset()
    particles: frozenset[str] = frozenset()
    place_words: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    calendar: frozenset[str] = frozenset()
    pronouns: Mapping[str, str] = field(default_factory=dict)
    every_noun: bool = False
    determiners: frozenset[str] = frozenset()
    genitive: str = ""
    cases: tuple[tuple[str, str], ...] = ()


_WIVES = _words("mrs mrs. madame madam mme mme. frau sra sra. señora signora dame mevrouw juffrouw vrouw госпожа")
_MISSES = _words("miss mademoiselle mlle mlle. fräulein fraulein señorita signorina jonkvrouw")


KIN = _words(
    "father mother brother sister uncle aunt cousin père mère frère soeur oncle tante vater mutter bruder schwester"
    " onkel oheim padre madre hermano hermana tío tía zio zia tio tia irmão irmã primo prima vader moeder broeder"
    " zuster oom отец мать дядя"
)
"""Whose name stands behind a particle is somebody else: "padre de Zoraida"."""


def _titles(male: str, female: str, either: str) -> dict[str, str]:
    kinds = {word: "mrs" if word in _WIVES else "miss" if word in _MISSES else "f" for word in female.split()}
    return {**dict.fromkeys(male.split(), "m"), **kinds, **dict.fromkeys(either.split(), "")}


_ENGLISH_NEVER = _words(
    "i i'm i'll i've i'd god heaven lord o oh ah ay aye eh ha hey ho hallo hullo hello hurrah hush alas bah pooh"
    " pshaw thou thee thy thine ye north south east west nay yea tut hum humph hist jove gad egad zounds amen well"
    " yes no christmas easter michaelmas first second third fourth fifth sixth seventh eighth ninth tenth english"
    " french german italian spanish russian american indian irish scotch scottish dutch latin greek turkish chinese"
    " roman british european christian catholic protestant jew jewish bible providence nature fate chapter book"
    " volume part letter stave canto act scene contents preface illustration note footnote the a an and but it he she"
    " they we you his her my your our their this that these those there here what when where why how who which if"
    " then now so as at by for from in into of on or to with without not never all some any each every both one two"
    " three four five sir madam mr mrs miss ma'am mamma papa mother father mama uncle aunt brother sister cousin"
    " doctor captain majesty highness excellency grace ladyship lordship honour honor devil satan almighty creator"
    " english-man englishman frenchman gutenberg project ebook copyright"
)
_ENGLISH_CALENDAR = _words(
    "monday tuesday wednesday thursday friday saturday sunday january february march april may june july august"
    " september october november december"
)
WORDS: Mapping[str, PeopleWords] = {
    "en": PeopleWords(
        language="en",
        titles=_titles(
            "mr mr. sir lord master king prince count baron duke earl marquis monsieur m. m don senor signor herr"
            " squire father brother uncle esq viscount emperor pope abbot friar",
            "mrs mrs. miss ms ms. mistress lady madame madam mme mme. mademoiselle mlle mlle. queen princess countess"
            " baroness duchess aunt sister nurse mother dame marchioness empress donna senora signora frau fraulein"
            " widow",
            "dr dr. doctor captain capt capt. colonel col col. major general gen gen. lieutenant lieut lieut."
            " sergeant corporal professor prof prof. inspector judge justice rev rev. reverend saint st st. cousin"
            " admiral commodore bishop cardinal abbe governor president senator hon hon. old little young poor dear",
        ),
        epithets=_words("old little young poor dear"),
        alone=_words(
            "count prince king baron duke earl marquis squire viscount emperor pope abbot queen princess countess"
            " baroness duchess professor doctor colonel captain major general inspector admiral"
        ),
        ranks=_words("sir lord lady king queen prince princess count countess baron baroness duke duchess earl"),
        articles=frozenset(("the",)),
        speech=_words(
            "said cried replied answered asked exclaimed whispered returned added continued observed remarked"
            " murmured muttered inquired enquired shouted responded interrupted repeated rejoined declared laughed"
            " sighed says thought began resumed ejaculated"
        ),
        in_place=_words("in at near through towards toward within across outside inside into round around"),
        inside=_words("in within into inside"),
        particles=_words("de du des la le van von der den da di del d' st st."),
        place_words=_words(
            "street square park hall house castle road river mountains mountain county abbey island isle islands sea"
            " ocean lane bridge hill hills wood woods forest moor valley cape bay harbour harbor city town village"
            " church cathedral palace inn hotel station court gate gardens terrace cottage farm manor grange lake"
            " boulevard avenue rue pass creek desert province empire kingdom university college theatre lodge yard"
            " parsonage circus bank club gazette company coast shire crescent heights gables"
        ),
        never=_ENGLISH_NEVER,
        calendar=_ENGLISH_CALENDAR,
        pronouns={
            "he": "m",
            "his": "m",
            "him": "m",
            "she": "f",
            "her": "f",
            "hers": "f",
            "himself": "m",
            "herself": "f",
        },  # fmt: skip,
    ),
    "fr": PeopleWords(
        language="fr",
        titles=_titles(
            "monsieur m. m monseigneur sieur don lord sir roi prince comte duc baron marquis chevalier abbé frère"
            " père maître vicomte milord",
            "madame mme mme. mademoiselle mlle mlle. lady milady reine princesse comtesse duchesse baronne marquise"
            " soeur dame",
            "docteur capitaine colonel général lieutenant professeur saint sainte cardinal maréchal",
        ),
        ranks=_words("lord lady roi reine prince princesse comte comtesse duc duchesse baron baronne marquis marquise"),
        small_titles=True,
        articles=_words("le la les l' au aux du des un une"),
        speech=_words(
            "dit répondit demanda s'écria reprit murmura ajouta répliqua continua fit cria pensa interrompit"
            " s'écrièrent disait"
        ),
        in_place=_words("à dans en"),
        inside=_words("dans en"),
        particles=_words("de du des la le les d' von van"),
        place_words=_words("rue place château hôtel pont île ville faubourg quai port porte église couvent"),
        never=_words(
            "je il elle on nous vous ils elles le la les un une des et mais ou où donc or ni car que qui quoi dieu"
            " monsieur madame messieurs mesdames sire oui non ah oh eh ce cet cette ces mon ma mes son sa ses votre"
            " vos notre nos leur leurs tu te se si à au aux dans en par pour avec sans sous sur chapitre lundi mardi"
            " mercredi jeudi vendredi samedi dimanche anglais français espagnol allemand anglaise française majesté"
            " éminence excellence altesse alors puis quand comme c'est papa maman ah bah hé hein holà hélas eh bon"
            " allons tiens diable parbleu mordieu adieu merci ciel seigneur noël pâques janvier février avril juin"
            " juillet août septembre octobre novembre décembre monseigneur sire mademoiselle"
        ),
        calendar=_words("mars mai"),
        pronouns={"il": "m", "elle": "f"},
    ),
    "de": PeopleWords(
        language="de",
        titles=_titles(
            "herr herrn graf baron freiherr fürst prinz herzog könig kaiser onkel oheim bruder vetter vater junker"
            " ritter konsul senator hofrat geheimrat rat",
            "frau fräulein gräfin baronin fürstin prinzessin herzogin königin kaiserin tante schwester mutter"
            " konsulin senatorin rätin",
            "doktor dr dr. professor hauptmann oberst major general leutnant inspektor pastor pfarrer prokurist"
            " kommerzienrat landrat kapitän",
        ),
        ranks=_words(
            "graf gräfin baron baronin fürst fürstin prinz prinzessin herzog herzogin könig königin konsul senator"
        ),
        articles=_words("der die das dem den des ein eine zum zur beim im am vom"),
        speech=_words(
            "sagte rief fragte antwortete erwiderte sprach meinte versetzte flüsterte murmelte entgegnete dachte"
            " lachte nickte schwieg fuhr bemerkte unterbrach"
        ),
        in_place=_words("in nach bei aus"),
        inside=_words("in nach aus"),
        particles=_words("von vom van zu zur de"),
        never=_words(
            "gott ich er sie es wir ihr der die das ein eine und aber kapitel herr frau herren frauen ja nein ach o"
            " oh ah na nun papa mama papachen mamachen vater mutter tante onkel vetter bruder schwester großmutter"
            " großvater gnädige gnädigste gnädigster exzellenz majestät durchlaucht hause haus bett teil abend morgen"
            " nacht weihnachten ostern montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar"
            " märz april mai juni juli august september oktober november dezember deutsch französisch englisch"
            " lateinisch uhr ihnen ihre ihren ihrem ihrer du dir dich dein deine anmerkung fußnote"
        ),
        every_noun=True,
        determiners=_words(
            "der die das dem den des ein eine einen einem einer eines kein keine keinen keinem keiner mein meine"
            " meinen meinem meiner meines dein deine deinen deinem deiner sein seine seinen seinem seiner seines ihr"
            " ihre ihren ihrem ihrer ihres unser unsere unseren unserem unserer euer eure dieser diese dieses diesen"
            " diesem jener jene jenes jenen jenem jeder jede jedes jeden jedem welche welcher welches alle allen"
            " aller alles viel viele vielen manche einige mehr wenig keinerlei zum zur beim im am vom ins ans aufs"
            " zwei drei vier fünf sechs sieben acht zehn ohne voll solche solcher solchen etwas nichts"
        ),
        genitive="s",
    ),
    "es": PeopleWords(
        language="es",
        titles=_titles(
            "señor sr sr. don d. conde duque marqués rey príncipe fray padre tío hermano",
            "señora sra sra. señorita doña condesa duquesa marquesa reina princesa sor tía hermana",
            "doctor capitán coronel general san santo santa licenciado bachiller",
        ),
        ranks=_words("conde condesa duque duquesa marqués marquesa rey reina príncipe princesa"),
        small_titles=True,
        articles=_words("el la los las al del un una"),
        speech=_words(
            "dijo respondió preguntó exclamó replicó contestó añadió gritó murmuró repuso prosiguió dice decía indicó"
            " observó pensó"
        ),
        in_place=_words("en desde hacia"),
        inside=_words("en desde"),
        particles=_words("de del la las los"),
        never=_words(
            "dios yo él ella usted ustedes vuestra vuestras vuesa merced mercedes señor señora capítulo el la los las"
            " un una y e pero que ni si no sí ay oh ah ea pues con por para en a al de del se lo le me te tu su mi"
            " qué quién como cuando donde esto este esta ese eso aquel aquí allí todo todos san santa padre madre"
            " papá mamá hijo majestad excelencia señoría virgen cristo enero febrero marzo abril mayo junio julio"
            " agosto septiembre octubre noviembre diciembre lunes martes miércoles jueves viernes sábado domingo"
        ),
        pronouns={"él": "m", "ella": "f"},
    ),
    "it": PeopleWords(
        language="it",
        titles=_titles(
            "signor signore don conte duca marchese re principe fra fra' frate padre zio messer ser mastro maestro"
            " compare",
            "signora signorina donna contessa duchessa marchesa regina principessa suor suora madre zia comare",
            "dottor dottore capitano colonnello generale cardinale san santo santa",
        ),
        ranks=_words("conte contessa duca duchessa marchese marchesa re regina principe principessa"),
        small_titles=True,
        articles=_words("il lo la i gli le l' un una al allo alla del dello della dal dalla nel nella sul sulla"),
        speech=_words(
            "disse rispose domandò gridò esclamò riprese soggiunse mormorò replicò continuò chiese pensò interruppe"
            " diceva"
        ),
        in_place=_words("a in verso"),
        inside=_words("in"),
        particles=_words("di de del della dei degli da d' la lo"),
        never=_words(
            "dio io egli ella lui lei noi voi loro signor signore signora capitolo il lo la i gli le un una e ed ma"
            " che non sì no oh ah eh ahi ohimè via poi se per con come quando dove chi questo quello tutti madonna"
            " vergine cristo provvidenza eccellenza signoria gennaio febbraio marzo aprile maggio giugno luglio"
            " agosto settembre ottobre novembre dicembre lunedì martedì mercoledì giovedì venerdì sabato domenica"
            " babbo mamma papà"
        ),
        pronouns={"egli": "m", "ella": "f"},
    ),
    "pt": PeopleWords(
        language="pt",
        titles=_titles(
            "senhor sr sr. dom conde duque marquês barão visconde rei príncipe frei padre tio mestre irmão compadre",
            "senhora sra sra. sr.ª dona d. condessa duquesa marquesa baronesa viscondessa rainha princesa tia irmã"
            " prima",
            "doutor dr dr. capitão coronel general major são santo santa cónego abade primo",
        ),
        ranks=_words(
            "conde condessa duque duquesa marquês marquesa barão baronesa visconde rei rainha príncipe princesa"
        ),
        small_titles=True,
        articles=_words("os as um uma"),
        speech=_words(
            "disse respondeu perguntou exclamou replicou acudiu acrescentou gritou murmurou tornou continuou atalhou"
            " bradou observou dizia"
        ),
        in_place=_words("em para desde"),
        inside=_words("em desde"),
        particles=_words("de da do das dos"),
        never=_words(
            "deus eu ele elle ela ella você senhor senhora capítulo capitulo o a os as um uma e mas que não sim oh ah"
            " ai nossa nosso vossa vossemecê mecê excelência majestade senhoria se por para com como quando onde quem"
            " este esse tudo todos jesus virgem janeiro fevereiro março abril maio junho julho agosto setembro"
            " outubro novembro dezembro papai mamãe mamã papá"
        ),
        pronouns={"ele": "m", "elle": "m", "ela": "f", "ella": "f"},
    ),
    "nl": PeopleWords(
        language="nl",
        titles=_titles(
            "mijnheer meneer heer graaf baron hertog koning keizer prins jonker oom broeder vader schipper meester",
            "mevrouw juffrouw vrouw gravin hertogin koningin prinses tante zuster moeder jonkvrouw",
            "dokter professor kapitein kolonel generaal luitenant admiraal dominee sint",
        ),
        ranks=_words("graaf gravin hertog hertogin koning koningin prins prinses"),
        small_titles=True,
        articles=_words("de het een den der"),
        speech=_words("zei zeide riep vroeg antwoordde hernam sprak fluisterde mompelde zegt vervolgde dacht"),
        in_place=_words("in te naar"),
        inside=_words("in te naar"),
        particles=_words("van de der den ter ten te"),
        never=_words(
            "god ik hij zij het wij gij jij u de een en maar dat niet ja neen nee och ach o oh ah wel nu zoo zo als"
            " wat wie waar toen dan die dit mijnheer mevrouw juffrouw hoofdstuk heer heeren vader moeder oom tante"
            " kapitein admiraal januari februari maart april mei juni juli augustus september oktober november"
            " december maandag dinsdag woensdag donderdag vrijdag zaterdag zondag"
        ),
    ),
    "ru": PeopleWords(
        language="ru",
        titles=_titles(
            "князь граф барон господин отец дядя царь император",
            "княжна княгиня графиня баронесса госпожа мать тетушка тётушка мадам мадемуазель",
            "доктор капитан генерал полковник поручик профессор",
        ),
        ranks=_words("князь княжна княгиня граф графиня барон баронесса"),
        small_titles=True,
        speech=_words(
            "сказал сказала спросил спросила отвечал отвечала закричал закричала проговорил проговорила прошептал"
            " прошептала крикнул крикнула подумал подумала ответил ответила вскричал вскричала воскликнул воскликнула"
            " пробормотал пробормотала заметил заметила продолжал продолжала прибавил прибавила"
        ),
        in_place=_words("в во из"),
        inside=_words("в во из"),
        never=_words(
            "бог боже господи господь я он она они вы мы ты и но а что как так это в на не да нет ну о ах эх ох глава"
            " часть вас вам ваш ваша ваше ваши вами его ее её их мне меня мой моя кто где когда если то тот та все"
            " всё"
        ),
        pronouns={"он": "m", "она": "f"},
        # Of a man's name with a consonant at its end, then of names that end in -а, -я, -й and -ь.
        cases=(
            ("", "а у ом ым е ем"),
            ("а", "ы и е у ой ою"),
            ("я", "и е ю ей ею"),
            ("й", "я ю ем е"),
            ("ий", "ого ому им ом"),
            ("ь", "я ю ем е"),
            ("ия", "ии ию ией"),
        ),
    ),
}


CHINESE = "zh"
"""Has no capitals: its names are chinese_names.py's."""


def names_note(language: str) -> str:
    """A sentence where no cast is proposed in a language; "" for those with tables."""
    if language in (*WORDS, CHINESE):
        return ""
    known = ", ".join(sorted((*WORDS, CHINESE)))
    return f"Names are proposed in {known} only, and this text is in {language}: write them into content/characters."


def words_of(language: str) -> PeopleWords | None:
    """The tables of a language (ISO 639-1), None for one without."""
    return WORDS.get(language)
