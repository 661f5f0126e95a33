"""French."""

from morpheus_assets.text.languages import WESTERN, Language, listed

_CARDINALS = listed(
    "un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept "
    "dix-huit dix-neuf"
)
_ORDINALS = listed(
    "unième deuxième troisième quatrième cinquième sixième septième huitième neuvième dixième onzième douzième "
    "treizième quatorzième quinzième seizième dix-septième dix-huitième dix-neuvième"
)
_TENS = {20: "vingt", 30: "trente", 40: "quarante", 50: "cinquante", 60: "soixante", 80: "quatre-vingt"}


def _numbers() -> dict[str, int]:
    table = {"quatre-vingts": 80, "cent": 100, "centième": 100}
    for names, ordinal in ((_CARDINALS, False), (_ORDINALS, True)):
        table |= {word: n for n, word in enumerate(names, 1)}
        for tens, word in _TENS.items():
            table[word.removesuffix("e") + "ième" if ordinal else word] = tens
            for unit in range(1, 20 if tens in (60, 80) else 10):
                joints = (" et ", "-") if unit in (1, 11) else ("-",)
                table |= {f"{word}{joint}{names[unit - 1]}": tens + unit for joint in joints}
    table |= {f"cent {word}": 100 + n for word, n in table.items() if n < 100}
    return table | {"premier": 1, "première": 1, "second": 2, "seconde": 2, "dernier": -1, "dernière": -1}


LANGUAGE = Language(
    code="fr",
    names="french fre fra",
    search_configuration="french",
    units={
        "chapter": "chapitre",
        "letter": "lettre epistre",
        "canto": "chant",
        "episode": "épisode",
        "story": "aventure récit",
        "day": "journée nuit",
        "scene": "scène tableau",
        "section": "section",
        "book": "livre",
        "part": "partie",
        "volume": "tome volume",
        "act": "acte",
    },
    articles="la le les l numéro",
    never_units="janvier février mars avril mai juin juillet août septembre octobre novembre décembre il le la",
    numbers=_numbers,
    ordinal_suffixes="re er ère e ème eme",
    matter={
        "front": ("préface|avant-propos|avertissement|au lecteur|introduction|introduction générale|notice|dédicace"),
        "opening": "prologue",
        "between": "interlude|intermède|chapitre bonus|bonus|hors-série",
        "ending": "épilogue|postface",
        "back": "notes de l'auteur|appendice|envoi|l'envoi",
        "boilerplate": "fin|note du transcripteur|notes du transcripteur",
        "contents": "table des matières|table|table des chapitres|sommaire",
        "closing": "conclusion|dernier chapitre|chapitre dernier",
    },
    letters="éèàêçôîûâùïœëæü",
    encodings=WESTERN,
    accented=(
        "à là déjà voilà delà holà çà où été étés était étaient étais étant êtes être même mêmes tête têtes fête "
        "bête fenêtre arrêta arrêter prêt près très après auprès dès accès succès père mère frère frères lumière "
        "manière première dernière derrière rivière colère misère pièce siècle espèce lèvres lèvre élève élèves "
        "règle scène fidèle modèle célèbre entière prière barrière épée épées épaule épaules église école écrit "
        "écrivit écrire écria écouta éclat égal étoile étranger étrange état états étude Étienne Égypte Éléonore "
        "Édouard À Ça Être Était Évidemment États élevé élevée allé allée parlé demandé donné donnée trouvé passé "
        "passée année années armée journée pensée soirée entrée idée idées épouvanté aimé aimée tombé arrivé arrivée "
        "reçu aperçu aperçut garçon français française François façon façons leçon ça commença commençait avança "
        "plaça lança prononça reçoit hôte hôtel côté côtés bientôt tôt plutôt aussitôt nôtre vôtre ôter ôta rôle "
        "contrôle fantôme dôme tantôt âme âmes âge pâle grâce gâter hâte hâta château châteaux bâtiment tâche lâche "
        "lâcha grâces théâtre plaît maître maîtres maîtresse connaître paraître naître traître reconnaître paraît "
        "dîner île boîte chaîne fût eût dût sûr sûre goût coûte août brûler brûlant brûlé flûte mûr dîna fîmes fîtes "
        "vîmes prît vît fît mît pût eûmes haïr naïf maïs égoïste Noël ambiguë cœur sœur sœurs œil œuvre œuvres bœuf "
        "mœurs nœud vœu vœux manœuvre chœur répondit répondre répéta réponse désir désespoir mémoire général "
        "généraux génie événement évènement cérémonie sérieux réalité vérité société liberté beauté bonté santé "
        "qualité moitié pitié amitié métier présent présence présenta prévenir précisément prétendre pénétrer péril "
        "préférer régiment région régner république résolu résolution réunir réussir révolution séparer sévère "
        "témoin ténèbres téméraire quêter enquête requête conquête tempête forêt intérêt arrêt apprêter prêtre "
        "vêtements vêtu revêtu guêpe évêque honnête honnêtes extrême suprême rêve rêves rêver mêler mêlé pêche crêpe "
        "poêle grêle frêle bêtise brèche thèse chère chèvre crème guère hélas légère léger mètre nièce piège "
        "privilège problème remède sèche sincère système ténèbre zèle Molière Thérèse Geneviève Hélène Célestin "
        "Béarn Gérard Tréville Écosse"
    ),
)
