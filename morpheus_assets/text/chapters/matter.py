"""Names of what surrounds the chapters: prefaces, epilogues, contents lists, imprints. Tables and one lookup."""

import re

from morpheus_assets.text.chapters.words import title_key

_FRONT = """preface|author's preface|the author's preface|preface to the first edition
preface to the second edition
preface to this edition|translator's preface|editor's preface|publisher's preface|author's note
editor's note
a note|a note on the text|foreword|introduction|introductory|introductory note|prologue|the prologue
prelude|proem
etymology|extracts|dedication|epigraph|to the reader|advertisement|prefatory note|prefatory|argument
induction
préface|avant-propos|avertissement|au lecteur|introduction générale|prologue|notice|dédicace
prólogo|prefacio|introducción|advertencia|al lector|dedicatoria|introdução|prefácio|nota del autor
vorwort|vorrede|einleitung|prolog|vorspiel|zueignung|widmung|prefazione|prologo|proemio|introduzione
al lettore
предисловие|пролог|введение|вступление|от автора|посвящение|voorwoord|inleiding|förord|forord|inledning
przedmowa|wstęp
序|序言|序文|自序|前言|楔子|引子|序章|引言|小引|緒言|绪言|緣起|缘起|はしがき|まえがき|前書き|はじめに|プロローグ|머리말|서문|프롤로그|서장
acknowledgments|acknowledgements|epigraphs|praeludium|principium"""
_BACK = """epilogue|the epilogue|postscript|afterword|note|notes|appendix|appendices|appendix a
appendix i|author's note
author's afterword|l'envoi|envoi|coda|finale|postlude|endnotes|footnotes|glossary|historical note|chronology
épilogue|postface|notes de l'auteur|appendice|epílogo|posfácio|apéndice|notas|epilogo|epilog|nachwort
anhang|nachspiel
эпилог|послесловие|примечания|приложение|naschrift|epiloog|efterord|etterord|posłowie
尾聲|尾声|後記|后记|跋|跋文|終章|终章|番外|番外篇|完本感言|あとがき|エピローグ|後書き|解説
에필로그|후기|작가의 말|the end"""
_CLOSING = """conclusion|the conclusion|conclusión|conclusione|conclusão|schluss|schluß|beschluss
beschluß|заключение|結び
final chapter|the final chapter|the last chapter|last chapter|dernier chapitre|chapitre dernier
chapter the last
letztes kapitel|capítulo último|último capítulo|capitolo ultimo|ultimo capitolo|последняя глава|最終章|最终章
大結局|大结局|最終回"""
_CONTENTS = """contents|table of contents|the contents|contents of volume i|table des matières
table des matieres|table
table des chapitres|sommaire|inhalt|inhaltsverzeichnis|inhaltsübersicht|índice|indice
tabla de contenidos|contenido
tabla|sommario|оглавление|содержание|зміст|目录|目錄|目次|もくじ|차례|목차|inhoud|inhoudsopgave|innehåll|indhold|innhold
spis treści|obsah|sisällys|sisältö|tartalom|sumário|conteúdo|index|toc|list of chapters|chapters
contents."""
_BOILERPLATE = """title page|titlepage|title|half title|halftitle|half title page|halftitlepage|cover
imprint|colophon
uncopyright|copyright|copyright page|list of illustrations|illustrations|list of plates|landmarks
about the author
also by|by the same author|transcriber's note|transcriber's notes|transcribers note|transcribers notes
the end|fin|end
newsletter|about the publisher|advertisements|other books|books by|loi|list of figures|errata
corrigenda|credits
frontispiece|navigation|note on the transcription|transcription note|note du transcripteur
notes du transcripteur
anmerkungen zur transkription|full license|the full project gutenberg license|index|author|year"""


_TITLED = re.compile(r"(\w[\w ]{4,18}?(?: [A-Z0-9]{1,2})?)\s*(?:[:.—–]|--| - )\s*\S")


def _table(names: str, kind: str) -> dict[str, str]:
    return {title_key(name): kind for line in names.splitlines() for name in line.split("|")}


_KINDS = (
    _table(_FRONT, "front")
    | _table(_BACK, "back")
    | _table(_BOILERPLATE, "boilerplate")
    | _table(_CONTENTS, "contents")
    | _table(_CLOSING, "closing")
)


def matter_kind(title: str) -> str | None:
    """What a heading without a number announces.

    "front" and "back" are story-like text outside the chapters, "closing" a last chapter without a number,
    "contents" a list of chapters, "boilerplate" nothing of the story; None is any other title.
    """
    key = title_key(title)
    kind = _KINDS.get(key)
    if kind is None:
        opening = _TITLED.match(title)
        kind = _KINDS.get(title_key(opening.group(1))) if opening else None
        return kind if kind in ("front", "back") else _long_kind(key)
    return kind


def _long_kind(key: str) -> str | None:
    if key.startswith(("transcribersnote", "listofillustrations")):
        return "boilerplate"
    return "contents" if key.startswith(("contentsofvol", "contentsofthe")) else None
