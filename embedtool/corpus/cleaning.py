"""Cleaning of published corpora: one function for each kind of text.

Each takes the open file as published, and yields UTF-8 text: one paragraph per line, lower-case
words separated by single spaces.
"""

import re
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from html import unescape
from typing import IO, BinaryIO
from xml.etree.ElementTree import Element, ParseError, iterparse
from xml.parsers.expat import errors as expat

from embedtool.corpus.paragraphs import paragraphs
from embedtool.errors import CorpusError
from embedtool.io.json_file import parse_json

Lower = Callable[[str], str]
Cleaning = Callable[[BinaryIO, Lower], Iterator[bytes]]

CHUNK_BYTES = 2**20
ZERO_WIDTH_SPACE = "\u200b"


class _Characters(dict[int, str]):
    """The replacement of each character: itself, nothing or a space; filled on demand.

    Letters, marks and digits are kept. Format characters are removed, because they occur within
    words (soft hyphens, joiners, direction marks); only the zero-width space separates words.
    """

    def __missing__(self, code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)
        if category[0] in "LMN":
            kept = character
        else:
            kept = "" if category == "Cf" and character != ZERO_WIDTH_SPACE else " "
        self[code] = kept
        return kept


CHARACTERS = _Characters()


def only_words(text: str, lower: Lower = str.lower) -> str:
    """Return the lower-case words of a text with one space between them.

    A word is a run of letters, marks and digits of any script: `don't` is two. Scripts that are
    written without spaces are not segmented.

    Parameters
    ----------
    lower : callable
        Lower-cases by the rules of the language.
    """
    return " ".join(lower(text).translate(CHARACTERS).split())


def _line(text: str, lower: Lower) -> bytes:
    """Return the words of a paragraph as one line, or nothing if there are none."""
    words = only_words(text, lower)
    return f"{words}\n".encode() if words else b""


def _text_lines(stream: IO[bytes]) -> Iterator[str]:
    for number, line in enumerate(stream, 1):
        try:
            yield line.decode()
        except UnicodeDecodeError:
            raise CorpusError(f"line {number:,} is not valid UTF-8") from None


def plain(stream: IO[bytes], lower: Lower = str.lower) -> Iterator[bytes]:
    """Yield the text as it is: it is clean already."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


def words(stream: BinaryIO, lower: Lower = str.lower) -> Iterator[bytes]:
    """Yield the words of each line."""
    for line in _text_lines(stream):
        yield _line(line, lower)


def bible(stream: BinaryIO, lower: Lower = str.lower) -> Iterator[bytes]:
    """Yield the words of each verse, given JSON lines with the verse in the field `text`."""
    for number, line in enumerate(_text_lines(stream), 1):
        try:
            text = parse_json(line)["text"]
        except (ValueError, KeyError, TypeError):
            raise CorpusError(f"line {number:,} is not a JSON object with a text") from None
        yield _line(str(text), lower)


GUTENBERG_START = re.compile(r"\*\*\* ?START OF TH(E|IS) PROJECT GUTENBERG", re.IGNORECASE)
GUTENBERG_END = re.compile(
    r"\*\*\* ?END OF TH(E|IS) PROJECT GUTENBERG|End of (the )?Project Gutenberg", re.IGNORECASE
)


def gutenberg(stream: BinaryIO, lower: Lower = str.lower) -> Iterator[bytes]:
    """Yield the words of each paragraph of a Project Gutenberg book, without header and licence.

    Everything between the two markers is kept, including titles, contents and notes.
    """
    lines = _text_lines(stream)
    if not any(GUTENBERG_START.match(line) for line in lines):
        raise CorpusError("not a book of Project Gutenberg: it has no START OF line")
    book: list[str] = []
    for line in lines:
        text = line.strip()
        if GUTENBERG_END.match(text):
            break
        if text.endswith("***"):  # the rest of a START line that was broken in two
            while book and book[-1] != "\n":
                book.pop()
        else:
            book.append(f"{text}\n")
    # Project Gutenberg's volunteers have repaired words: hyphens are those of compounds.
    for paragraph in "".join(paragraphs(book, mend_hyphens=False)).split("\n"):
        yield _line(paragraph, lower)


@contextmanager
def _unzipped(stream: BinaryIO) -> Iterator[IO[bytes]]:
    """Open the only file of a ZIP archive; reading it checks its CRC."""
    try:
        with zipfile.ZipFile(stream) as archive:
            names = archive.namelist()
            if len(names) != 1:
                raise CorpusError(f"a ZIP archive of one file was expected, not of {len(names)}")
            with archive.open(names[0]) as member:
                yield member
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise CorpusError(f"the ZIP archive is damaged: {error}") from None


def text8(stream: BinaryIO, lower: Lower = str.lower) -> Iterator[bytes]:
    """Yield the one file of a ZIP archive as it is: text8 was cleaned by its author."""
    with _unzipped(stream) as text:
        yield from plain(text)


def wikipedia(stream: BinaryIO, lower: Lower = str.lower) -> Iterator[bytes]:
    """Yield the words of each paragraph of the articles in an XML dump of a wiki.

    Articles are the pages of namespace 0 that are not redirects. See `without_markup` for what is
    left out.
    """
    return _wiki_words(stream, lower, cut_off=False)


def enwik9(stream: BinaryIO, lower: Lower = str.lower) -> Iterator[bytes]:
    """Yield the words, as `wikipedia` does, of a zipped dump that is cut at a number of bytes.

    The page that is cut is left out.
    """
    with _unzipped(stream) as dump:
        yield from _wiki_words(dump, lower, cut_off=True)


CLEANINGS: dict[str, Cleaning] = {
    "plain": plain,
    "words": words,
    "bible": bible,
    "gutenberg": gutenberg,
    "text8": text8,
    "wikipedia": wikipedia,
    "enwik9": enwik9,
}

MEDIA, ARTICLE, FILE, CATEGORY = -2, 0, 6, 14
"""Keys of namespaces, the same in every wiki."""

UNSHOWN_ENGLISH = frozenset({"media", "file", "image", "category"})
"""Names, known to every wiki, of the namespaces whose links show no text."""

CUT_OFF = {
    expat.codes[expat.XML_ERROR_NO_ELEMENTS],
    expat.codes[expat.XML_ERROR_UNCLOSED_TOKEN],
    expat.codes[expat.XML_ERROR_PARTIAL_CHAR],
}
"""Errors of the XML parser at an unexpected end."""


def _wiki_words(stream: IO[bytes], lower: Lower, cut_off: bool) -> Iterator[bytes]:
    try:
        for text, unshown in _articles(stream):
            for paragraph in without_markup(text, unshown).split("\n"):
                yield _line(paragraph, lower)
    except ParseError as error:
        if not (cut_off and error.code in CUT_OFF):
            raise CorpusError(f"not a whole XML dump of a wiki: {error}") from None


def _articles(stream: IO[bytes]) -> Iterator[tuple[str, Set[str]]]:
    """Yield the markup of each article, and the namespaces whose links are not shown.

    One page is in memory at a time.
    """
    namespaces: dict[int, str] = {}
    unshown: Set[str] = UNSHOWN_ENGLISH
    events = iterparse(stream, events=("start", "end"))
    _, root = next(events)
    for event, element in events:
        if event == "start":
            continue
        name = _local_name(element)
        if name == "namespace":
            namespaces[int(element.get("key", "0"))] = (element.text or "").lower()
        elif name == "siteinfo":
            unshown = UNSHOWN_ENGLISH | {namespaces.get(k, "") for k in (MEDIA, FILE, CATEGORY)}
        elif name == "page":
            text = _article(element, namespaces)
            root.clear()
            if text:
                yield text, unshown


def _local_name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _article(page: Element, namespaces: dict[int, str]) -> str:
    """Return the markup of a page, or nothing if it is not an article."""
    parts = {_local_name(part): part for part in page.iter()}
    text = parts["text"].text if "text" in parts else None
    if not text or "redirect" in parts or text.lstrip()[:9].lower() == "#redirect":
        return ""
    if "ns" in parts:
        is_article = parts["ns"].text == str(ARTICLE)
    else:  # dumps before 2012 give the namespace only in the title
        prefix, colon, _ = (parts["title"].text or "").partition(":")
        is_article = not colon or prefix.lower() not in namespaces.values()
    return text if is_article else ""


COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
NO_PROSE = re.compile(
    r"<(ref|math|chem|ce|gallery|table|timeline|imagemap|mapframe|maplink|graph|score|hiero|pre"
    r"|source|syntaxhighlight|templatedata)\b(?:[^<>]*/>|[^<>]*>.*?</\1\s*>)",
    re.DOTALL | re.IGNORECASE,
)
"""Elements that hold notes, formulas, code, tables and pictures."""
BRACES = re.compile(r"\{\{|\}\}|^[ \t:;*#]*\{\||^[ \t]*\|\}(?!\}(?!\}))", re.MULTILINE)
"""Start and end of templates, {{ }}, and of tables, {| |} at the start of a line. In `|}}` the
braces end a template; in `|}}}` they end a table and then a template."""
WEB_LINK = re.compile(
    r"\[(?:[a-z]+:)?//[^\s\[\]]*(?:[ \t]([^\[\]\n]*))?\]|\b(?:https?|ftp)://\S+", re.IGNORECASE
)
LINK = re.compile(r"\[\[((?:[^\[\]]|\[(?!\[)|\](?!\]))*)\]\]")
DEEPEST_LINK = 10
"""Depth of nested links: two, because of the captions of pictures."""
FILE_NAME = re.compile(r"\.(jpe?g|png|svg|gif|tiff?|pdf|djvu|og[gav]|webm|mp3|wav)\s*$", re.I)
OTHER_WIKI = re.compile(r"[a-z][a-z-]+:\S")
SPACING_TAG = re.compile(r"</?(?:br|p|div|li|ul|ol|dl|dd|dt|hr|blockquote)\b[^<>]*>", re.I)
TAG = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
QUOTES = re.compile(r"'{2,5}")
NO_TEXT_LINE = re.compile(r"^(?:[ \t]*=.*=|[ \t]*[|!].*)[ \t]*$|__\w+?__", re.MULTILINE)
"""Headings, the remaining rows of broken tables, and magic words such as __NOTOC__."""


def without_markup(text: str, unshown: Set[str] = UNSHOWN_ENGLISH) -> str:
    """Return the running text of an article in wiki markup, a paragraph or list item a line.

    Templates (including what they expand to: converted units, foreign words, dates), tables, notes,
    formulas, code, galleries, captions, headings and links to other languages are left out. The
    visible text of links and styled text is kept. Unclosed markup may leave a few words behind.

    Parameters
    ----------
    text : str
        The markup.
    unshown : set of str
        Lower-case names of the namespaces whose links show no text: files, categories.
    """
    text = COMMENT.sub("", text)
    text = NO_PROSE.sub("", text)
    text = _without_braces(text)
    text = WEB_LINK.sub(lambda match: match[1] or "", text)
    for _ in range(DEEPEST_LINK):  # the links inside captions first, then the pictures around them
        text, n_links = LINK.subn(lambda match: _shown(match[1], unshown), text)
        if not n_links:
            break
    text = SPACING_TAG.sub(" ", text)
    text = TAG.sub("", text)
    text = QUOTES.sub("", text)
    text = NO_TEXT_LINE.sub("", text)
    return unescape(text)


def _shown(link: str, unshown: Set[str]) -> str:
    """Return the visible text of a link, given the text between its brackets."""
    target, bar, label = link.partition("|")
    prefix, colon, _ = target.partition(":")
    if colon and (prefix.strip().lower() in unshown or FILE_NAME.search(target)):
        return ""
    if bar:
        return label
    return "" if OTHER_WIKI.match(target) else target


def _without_braces(text: str) -> str:
    """Remove templates and tables, also nested ones; unclosed ones are kept."""
    opened: list[tuple[str, int]] = []
    closed: list[tuple[int, int]] = []
    for match in BRACES.finditer(text):
        mark = match[0].strip(" \t:;*#")
        if mark in ("{{", "{|"):
            opened.append((mark, match.start()))
            continue
        opening = "{{" if mark == "}}" else "{|"
        at = next((i for i in reversed(range(len(opened))) if opened[i][0] == opening), None)
        if at is None:
            continue
        start = opened[at][1]
        del opened[at:]
        while closed and closed[-1][0] > start:
            closed.pop()
        closed.append((start, match.end()))
    pieces, end = [], 0
    for start, stop in closed:
        pieces.append(text[end:start])
        end = stop
    return "".join(pieces) + text[end:]
