"""Korean."""

from morpheus_assets.text.languages import Language

LANGUAGE = Language(
    code="ko",
    counters={"chapter": "장회", "episode": "화", "part": "부편", "volume": "권", "act": "막", "section": "절"},
    matter={
        "front": "머리말|서문",
        "opening": "프롤로그|서장",
        "between": "외전|번외|막간|특별편|번외편|간주",
        "ending": "에필로그|후기|작가의 말|종장",
        "back": "부록|해설|옮긴이의 말|역자 후기",
        "contents": "차례|목차",
    },
    everyday="이다는을의에가고하도를은로서한지기사어아리자나라그시대들있것인해만었없여정했으면게보수니까요일과와안내말마",
)
