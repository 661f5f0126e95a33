"""Words by which a language tells persons and places: titles before names, verbs of speech, prepositions of place."""

from collections.abc import Mapping
from dataclasses import dataclass, field


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True)
class PeopleWords:
    """The tables of one language, all in lower case.

    `titles` stand before a name, by whom they tell ("m" a man, "mrs" and "miss" a woman by her husband's and by her own
    name, "f" any other woman, "" anybody); `epithets` ("Poor") are such as belong to no name, those `alone` stand for
    their bearer behind an article. `particles` stand within a name, `never` are words with a capital that are none.
    `pronouns` stand for persons alone, by gender; `every_noun` is True where all nouns have capitals.
    """

    titles: Mapping[str, str]
    epithets: frozenset[str] = frozenset()
    alone: frozenset[str] = frozenset()
    articles: frozenset[str] = frozenset()
    speech: frozenset[str] = frozenset()
    in_place: frozenset[str] = frozenset()
    particles: frozenset[str] = frozenset()
    place_words: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    pronouns: Mapping[str, str] = field(default_factory=dict)
    every_noun: bool = False


_WIVES = _words("mrs mrs. madame madam mme mme. frau sra sra. señora signora dame")
_MISSES = _words("miss mademoiselle mlle mlle. fräulein fraulein señorita signorina")


def _titles(male: str, female: str, either: str) -> dict[str, str]:
    kinds = {word: "mrs" if word in _WIVES else "miss" if word in _MISSES else "f" for word in female.split()}
    return {**dict.fromkeys(male.split(), "m"), **kinds, **dict.fromkeys(either.split(), "")}


_ENGLISH_NEVER = _words(
    "i i'm i'll i've i'd god heaven lord o oh ah well yes no monday tuesday wednesday thursday friday saturday sunday"
    " january february march april may june july august september october november december christmas easter"
    " michaelmas english french german italian spanish russian american indian irish scotch scottish dutch latin greek"
    " turkish chinese roman british european christian catholic protestant jew jewish bible providence nature fate"
    " chapter book volume part letter stave canto act scene contents preface illustration note footnote the a an and"
    " but it he she they we you his her my your our their this that these those there here what when where why how who"
    " which if then now so as at by for from in into of on or to with without not never all some any each every both"
    " one two three four five sir madam mr mrs miss ma'am mamma papa mother father mama uncle aunt brother sister"
    " cousin doctor captain majesty highness excellency grace ladyship lordship honour honor devil satan almighty"
    " creator english-man englishman frenchman gutenberg project ebook copyright"
)
WORDS: Mapping[str, PeopleWords] = {
    "en": PeopleWords(
        titles=_titles(
            "mr mr. sir lord master king prince count baron duke earl marquis monsieur m. m don senor signor herr"
            " squire father brother uncle esq viscount emperor pope abbot friar",
            "mrs mrs. miss ms ms. lady madame madam mme mme. mademoiselle mlle mlle. queen princess countess baroness"
            " duchess aunt sister nurse mother dame marchioness empress donna senora signora frau fraulein widow",
            "dr dr. doctor captain capt capt. colonel col col. major general gen gen. lieutenant lieut lieut. sergeant"
            " corporal professor prof prof. inspector judge justice rev rev. reverend saint st st. cousin admiral"
            " commodore bishop cardinal abbe governor president senator old little young poor dear",
        ),
        epithets=_words("old little young poor dear"),
        alone=_words(
            "count prince king baron duke earl marquis squire viscount emperor pope abbot queen princess countess"
            " baroness duchess professor doctor colonel captain major general inspector"
        ),
        articles=frozenset(("the",)),
        speech=_words(
            "said cried replied answered asked exclaimed whispered returned added continued observed remarked murmured"
            " muttered inquired enquired shouted responded interrupted repeated rejoined declared laughed sighed says"
            " thought began resumed ejaculated"
        ),
        in_place=_words("in at near through towards toward within across outside inside into round around"),
        particles=_words("de du des la le van von der den da di del d' st st."),
        place_words=_words(
            "street square park hall house castle road river mountains mountain county abbey island isle islands sea"
            " ocean lane bridge hill hills wood woods forest moor valley cape bay harbour harbor city town village"
            " church cathedral palace inn hotel station court gate gardens terrace cottage farm manor grange lake"
            " boulevard avenue rue pass creek desert province empire kingdom university college theatre lodge yard"
            " parsonage circus bank club gazette company coast shire crescent"
        ),
        never=_ENGLISH_NEVER,
        pronouns={"he": "m", "his": "m", "him": "m", "she": "f", "her": "f", "hers": "f"},
    ),
    "fr": PeopleWords(
        titles=_titles(
            "monsieur m. m monseigneur sieur don lord sir roi prince comte duc baron marquis chevalier abbé frère père"
            " maître vicomte milord",
            "madame mme mme. mademoiselle mlle mlle. lady milady reine princesse comtesse duchesse baronne marquise"
            " soeur dame",
            "docteur capitaine colonel général lieutenant professeur saint sainte cardinal maréchal",
        ),
        articles=_words("le la les l'"),
        speech=_words(
            "dit répondit demanda s'écria reprit murmura ajouta répliqua continua fit cria pensa interrompit"
            " s'écrièrent disait"
        ),
        in_place=_words("à dans en vers près chez sur"),
        particles=_words("de du des la le les d' von van"),
        place_words=_words("rue place château hôtel pont île ville faubourg quai port porte église couvent"),
        never=_words(
            "je il elle on nous vous ils elles le la les un une des et mais ou où donc or ni car que qui quoi dieu"
            " monsieur madame messieurs mesdames sire oui non ah oh eh ce cet cette ces mon ma mes son sa ses votre"
            " vos notre nos leur leurs tu te se si à au aux dans en par pour avec sans sous sur chapitre lundi mardi"
            " mercredi jeudi vendredi samedi dimanche anglais français espagnol allemand anglaise française majesté"
            " éminence excellence altesse alors puis quand comme c'est"
        ),
    ),
    "de": PeopleWords(
        titles=_titles(
            "herr herrn graf baron fürst prinz könig kaiser onkel bruder vater junker ritter",
            "frau fräulein gräfin baronin fürstin prinzessin königin tante schwester mutter",
            "doktor dr dr. professor hauptmann oberst major general leutnant inspektor pastor pfarrer",
        ),
        articles=_words("der die das dem den des ein eine"),
        speech=_words(
            "sagte rief fragte antwortete erwiderte sprach meinte versetzte flüsterte murmelte entgegnete dachte"
        ),
        in_place=_words("in nach bei aus zu auf über"),
        particles=_words("von vom van zu zur de"),
        never=_words("gott ich er sie es wir ihr der die das ein eine und aber kapitel herr frau"),
        every_noun=True,
    ),
    "es": PeopleWords(
        titles=_titles(
            "señor sr sr. don d. conde duque marqués rey príncipe fray padre tío",
            "señora sra sra. señorita doña condesa duquesa marquesa reina princesa sor tía",
            "doctor capitán coronel general san santa licenciado bachiller",
        ),
        articles=_words("el la los las"),
        speech=_words("dijo respondió preguntó exclamó replicó contestó añadió gritó murmuró"),
        in_place=_words("en a hacia desde por"),
        particles=_words("de del la las los y"),
        never=_words("dios yo él ella usted vuestra merced señor señora capítulo el la los las un una y pero que"),
    ),
    "ru": PeopleWords(
        titles=_titles(
            "князь граф господин царь отец", "княжна княгиня графиня госпожа мать", "доктор капитан генерал"
        ),
        speech=_words(
            "сказал сказала спросил спросила отвечал отвечала закричал закричала проговорил проговорила прошептал"
            " прошептала крикнул крикнула подумал подумала ответил ответила"
        ),
        in_place=_words("в во на из под у"),
        never=_words("бог господи я он она они вы мы ты и но а что как так это в на не да нет глава часть"),
        pronouns={"он": "m", "она": "f"},
    ),
}


def names_note(language: str) -> str:
    """A sentence where no cast is proposed in a language; "" for those with tables."""
    if language in WORDS:
        return ""
    known = ", ".join(sorted(WORDS))
    return f"Names are proposed in {known} only, and this text is in {language}: write them into content/characters."


def words_of(language: str) -> PeopleWords | None:
    """The tables of a language (ISO 639-1), None for one without."""
    return WORDS.get(language)
