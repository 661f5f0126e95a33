"""Words by which an English text describes a look: parts of the body, dress, and what is said of them."""

from collections.abc import Mapping


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _named(**groups: str) -> dict[str, str]:
    return {word: name.replace("_", " ") for name, words in groups.items() for word in words.split()}


PARTS: Mapping[str, str] = _named(
    hair="hair locks curls tresses ringlets",
    wig="wig periwig",
    eyes="eyes eye",
    eyebrows="eyebrows eyebrow brows",
    beard="beard whiskers side-whiskers",
    moustache="moustache moustaches mustache mustaches",
    face="face countenance visage",
    complexion="complexion skin",
    nose="nose",
    mouth="mouth lips lip",
    teeth="teeth tooth",
    chin="chin jaw jaws",
    cheeks="cheeks cheek",
    forehead="forehead brow",
    hands="hands hand fingers",
    figure="figure frame build form stature",
    scar="scar",
    neck="neck throat",
    ears="ears ear",
)
CLOTHES: Mapping[str, str] = _named(
    coat="coat overcoat greatcoat frock-coat jacket ulster cloak mantle cape",
    hat="hat cap bonnet turban hood helmet",
    dress="dress gown frock robe skirt petticoat",
    trousers="trousers breeches pantaloons",
    boots="boots shoes slippers gaiters stockings",
    shirt="shirt waistcoat vest collar cravat necktie tie",
    uniform="uniform suit",
    gloves="gloves",
    spectacles="spectacles glasses eyeglasses monocle",
    shawl="shawl scarf",
    veil="veil",
    apron="apron pinafore",
)
HAIR_AND_EYE_COLOURS: Mapping[str, str] = _named(
    fair="fair flaxen golden blond blonde yellow sandy straw-coloured tow-coloured light-coloured",
    brown="brown chestnut hazel",
    red="red ginger auburn carroty fiery",
    dark="black dark raven jet-black jet coal-black",
    grey="grey gray white silver silvery grizzled iron-grey iron-gray snow-white gray-haired hoary",
    blue="blue azure sky-blue",
    green="green",
)
_COLOURS = _words(
    "crimson scarlet purple pink violet rosy ruddy pale sallow swarthy tawny olive bronzed sunburnt tanned yellowish"
    " reddish bluish greyish grayish colourless pallid livid ashen flushed florid freckled waxen dusky"
)
_SHAPES = _words(
    "long short thin thick curly straight wavy bushy shaggy heavy aquiline hooked snub flat broad narrow square"
    " pointed round high low large big small little great tiny slender slim stout thickset burly sturdy lean gaunt"
    " bony massive tall sharp full hollow sunken deep-set prominent bald smooth wrinkled lined clean-shaven clean-cut"
    " shaven bearded keen piercing bright glassy bloodshot watery large-boned muscular plump delicate fine handsome"
    " beautiful pretty ugly plain weather-beaten scarred crooked bent stooping matted tangled glossy silky"
    " close-cropped cropped greasy powdered beady squinting luminous fierce tattooed haggard shapely pimpled toothless"
)
ATTRIBUTES = frozenset([*HAIR_AND_EYE_COLOURS, *_COLOURS, *_SHAPES])
DRESS_ATTRIBUTES = frozenset(
    [
        *HAIR_AND_EYE_COLOURS,
        *_COLOURS,
        *_words(
            "long short old new shabby ragged torn loose tight silk velvet linen cotton woollen woolen leather straw"
            " fur tweed satin lace muslin embroidered broad-brimmed wide-brimmed tall high low patched plain rich gold"
            " gold-rimmed striped checked plaid tarpaulin canvas beaver felt"
        ),
    ]
)
BUILDS: Mapping[str, str] = _named(
    tall="tall gigantic huge towering",
    short="short small little tiny diminutive undersized",
    stout="stout fat corpulent portly burly thickset",
    thin="thin lean slender slim gaunt spare",
)
AGES = _words("young old elderly middle-aged aged")
LOOKS = _words("handsome beautiful pretty plain ugly pale swarthy bald dark fair bearded red-headed red-haired")
LASTING = frozenset(("hair", "wig", "eyes", "beard", "moustache", "eyebrows"))
"""Parts whose colour does not change from one page to the next: two colours contradict each other."""
PERSON_NOUNS = _words("man woman girl boy lady gentleman fellow person creature youth lad child maid")
DEGREES = _words(
    "very rather quite so somewhat a most too extremely remarkably deadly singularly exceedingly exceptionally and"
)
