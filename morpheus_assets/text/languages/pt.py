"""Portuguese."""

from morpheus_assets.text.languages import WESTERN, Language, listed

_CARDINALS = listed(
    "um dois três quatro cinco seis sete oito nove dez onze doze treze catorze quinze dezesseis dezessete dezoito "
    "dezenove vinte"
)
_ORDINALS = listed("primeir segund terceir quart quint sext sétim oitav non")
_ORDINAL_TENS = listed("décim vigésim trigésim cuadragésim quincuagésim sexagésim septuagésim octogésim nonagésim")


def _numbers() -> dict[str, int]:
    table = {word: n for n, word in enumerate(_CARDINALS, 1)}
    for ending in "oa":
        units = {f"{stem}{ending}": n for n, stem in enumerate(_ORDINALS, 1)}
        table |= units | {f"últim{ending}": -1}
        for tens, stem in enumerate(_ORDINAL_TENS, 1):
            table |= {f"{stem}{ending}": tens * 10}
            table |= {f"{stem}{ending} {word}": tens * 10 + n for word, n in units.items()}
    return table


LANGUAGE = Language(
    code="pt",
    names="portuguese por",
    search_configuration="portuguese",
    units={
        "chapter": "capítulo cap",
        "letter": "carta",
        "canto": "canto",
        "episode": "episódio",
        "day": "dia jornada",
        "scene": "cena scena quadro",
        "section": "seção",
        "book": "livro",
        "part": "parte",
        "volume": "tomo volume",
        "act": "ato acto",
    },
    articles="o a",
    numbers=_numbers,
    ordinal_suffixes="º ª ° o a",
    matter={
        "front": "introdução|prefácio|dedicatória",
        "opening": "prólogo",
        "between": "interlúdio|capítulo extra|capítulo bônus",
        "ending": "epílogo|posfácio",
        "back": "notas|apêndice|glossário|nota do autor",
        "contents": "índice|sumário|conteúdo",
        "closing": "conclusão|último capítulo",
    },
    letters="ãáçéóíêõàâôúü",
    encodings=WESTERN,
    accented=(
        "não são então coração mão mãos irmão irmã manhã mãe mães pão pães chão razão ocasião paixão João São tão "
        "estão atenção canção lições ações corações opiniões é até você também café pé fé José três mês português há "
        "já lá cá está estará será ficará água história memória família própria próprio sério mistério número último "
        "único público música página árvore rápido difícil fácil possível terrível só avó avô avós nós pó vós à às "
        "àquele cabeça força moça praça começou começar esperança lembrança França ça açúcar caça lançou ninguém "
        "alguém porém além índia aí saí país raízes saúde ruído paraíso ônibus tônico câmara ângulo lâmpada ciência "
        "consciência silêncio paciência presença violência"
    ),
)
