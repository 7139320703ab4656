"""Cleaning of published corpora: the words of each kind of text, and nothing else."""

import io

import pytest

from embedtool.corpus.cleaning import CLEANINGS, only_words, without_markup
from embedtool.errors import CorpusError
from tests.unit.recipe_sources import DUMP, DUMP_TEXT, SITE, zipped


def clean(name: str, content: str | bytes) -> str:
    data = content.encode() if isinstance(content, str) else content
    return b"".join(CLEANINGS[name](io.BytesIO(data))).decode()


class TestWords:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('"Hello," said the FOX; 4:00pm!', "hello said the fox 4 00pm"),
            ("don't under_score co-op", "don t under score co op"),
            ("naïve Ελλάδα ŁÓDŹ", "naïve ελλάδα łódź"),
            ("हिन्दी में", "हिन्दी में"),
            ("soft\u00adhyphen can\u200cnot by\u200bspace", "softhyphen cannot by space"),
            ("no\u00a0break\tand\r\nline", "no break and line"),
            ("... --- !", ""),
        ],
    )
    def test_only_words(self, text: str, expected: str) -> None:
        assert only_words(text) == expected

    def test_a_line_a_paragraph(self) -> None:
        assert clean("words", "One, two.\n\n ?! \r\nThree") == "one two\nthree\n"

    def test_invalid_utf8(self) -> None:
        with pytest.raises(CorpusError, match="line 2 is not valid UTF-8"):
            clean("words", b"good\nb\xffad\n")

    def test_bible(self) -> None:
        verses = '{"text": "Jesus wept.", "verse": 35}\n{"text": "[]"}\n'
        assert clean("bible", verses) == "jesus wept\n"
        with pytest.raises(CorpusError, match="line 1 is not a JSON object with a text"):
            clean("bible", "Jesus wept.\n")


BOOK = """\ufeffThe Project Gutenberg eBook of A Tale\r
\r
This ebook is for the use of anyone anywhere.\r
\r
Title: A Tale\r
\r
{start}\r
\r
\r
A TALE\r
\r
It was a _fine_ day,\r
and nobody -- not even I --\r
complained.\r
\r
   * * * * *\r
\r
THE END\r
{end}\r
\r
Updated editions will replace the previous one.\r
"""


BOOK_TEXT = "a tale\nit was a fine day and nobody not even i complained\nthe end\n"


class TestGutenberg:
    @pytest.mark.parametrize(
        ("start", "end"),
        [
            (
                "*** START OF THE PROJECT GUTENBERG EBOOK A TALE ***",
                "*** END OF THE PROJECT GUTENBERG EBOOK A TALE ***",
            ),
            (
                "***START OF THIS PROJECT GUTENBERG EBOOK A VERY\r\nLONG TALE***",
                "End of Project Gutenberg's A Tale\r\n***END OF THIS PROJECT GUTENBERG EBOOK***",
            ),
        ],
    )
    def test_header_and_licence_go(self, start: str, end: str) -> None:
        assert clean("gutenberg", BOOK.format(start=start, end=end)) == BOOK_TEXT

    def test_no_book(self) -> None:
        with pytest.raises(CorpusError, match="no START OF line"):
            clean("gutenberg", "<html>404</html>\n")


class TestZip:
    @pytest.mark.parametrize("name", ["text8", "enwik9"])
    def test_no_archive(self, name: str) -> None:
        with pytest.raises(CorpusError, match="the ZIP archive is damaged"):
            clean(name, "<html>404</html>\n")

    def test_two_files(self) -> None:
        with pytest.raises(CorpusError, match="a ZIP archive of one file was expected, not of 2"):
            clean("text8", zipped(b"a", b"b"))

    def test_damaged_within(self) -> None:
        archive = bytearray(zipped(b"a b c d e f g" * 1000))
        archive[50] ^= 0xFF
        with pytest.raises(CorpusError, match="the ZIP archive is damaged"):
            clean("text8", bytes(archive))


OLD_DUMP = f"""<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.3/">{SITE}
<page><title>Cat: A Life</title><revision><text>First life.</text></revision></page>
<page><title>Diskussion:Cat</title><revision><text>Talk.</text></revision></page>
<page><title>Tom</title><revision><text>#REDIRECT [[Cat]]</text></revision></page>
<page><title>Dog</title><revision><text>It is cut h"""


class TestWikipedia:
    def test_dump(self) -> None:
        assert clean("wikipedia", DUMP) == DUMP_TEXT

    def test_cut_off_dump_is_an_error(self) -> None:
        with pytest.raises(CorpusError, match="not a whole XML dump of a wiki"):
            clean("wikipedia", OLD_DUMP)

    @pytest.mark.parametrize("content", ["", "404", "<html><br></html>"])
    def test_no_dump(self, content: str) -> None:
        with pytest.raises(CorpusError, match="not a whole XML dump of a wiki"):
            clean("wikipedia", content)

    @pytest.mark.parametrize("end", ["", "é".encode()[:1], b"</te"])
    def test_enwik9_may_be_cut_off(self, end: str | bytes) -> None:
        data = OLD_DUMP.encode() + (end if isinstance(end, bytes) else end.encode())
        assert clean("enwik9", zipped(data)) == "first life\n"

    def test_enwik9_must_be_xml(self) -> None:
        with pytest.raises(CorpusError, match="not a whole XML dump of a wiki"):
            clean("enwik9", zipped(b"<a></b>"))


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("'''''Both''''', '''bold''' and ''italic'' o'clock", "Both, bold and italic o'clock"),
        ("[[dog]]s and [[Felis catus|cats]]", "dogs and cats"),
        ("[[:Category:Dogs|all dogs]]", "all dogs"),
        ("before[[File:A.png|thumb|a [[b|c]] [d] e]]after", "beforeafter"),
        ("[[Bild:A.JPG|left]][[category:Dogs]][[de:Hund]][[zh-min-nan:Káu]]x", "x"),
        ("[[Star Trek: The Film]]", "Star Trek: The Film"),
        (
            "see [http://a.org/b?c the page] and [https://a.org] at http://a.org/b.",
            "see the page and  at ",
        ),
        ("a{{b|{{c|{{d}}}}|e={{f}}|}}g", "ag"),
        ("a{{b|\n{|\n| c {{d}}\n|}}}e", "ae"),
        ("a\n{| class=x\n! h\n|-\n| b {{c|d|}}\n{|\n| e\n|}\n|}\nf", "a\n\nf"),
        ("a{{b c", "a{{b c"),
        ("a}} {{b}}c|}", "a}} c|}"),
        ("{{a {{b}} c", "{{a  c"),
        ("a<ref>b</ref>c<ref name=x />d<ref name='y'>{{e}}</ref>", "acd"),
        ("a<references><ref>b</ref></references>c", "ac"),
        ("x <math>\\frac{{a}}{b}</math><!-- hidden\n -->y", "x y"),
        ("a<!-- never closed", "a"),
        ("H<sub>2</sub>O<br/>and <span style='x'>more</span>", "H2O and more"),
        ("1 < 2 &amp; 3&nbsp;>&ndash; &lt;b>", "1 < 2 & 3\xa0>– <b>"),
        ("== History ==\ntext __NOTOC__\n| row\n! head", "\ntext \n\n"),
        ("* item\n# other", "* item\n# other"),
        ("<gallery>\nFile:A.png|a\n</gallery><nowiki>kept</nowiki>", "kept"),
    ],
)
def test_without_markup(markup: str, expected: str) -> None:
    assert without_markup(markup) == expected


@pytest.mark.parametrize(
    "mark", ["[[", "{{", "<!--", "[http://", "{|\n", "[[a|", "<ref>", "=", "<a"]
)
def test_marks_that_never_end_do_not_take_forever(mark: str) -> None:
    assert len(without_markup(mark * 3000)) <= len(mark) * 3000


def test_own_names_of_namespaces() -> None:
    assert without_markup("a[[Datei:B.xcf|c]]d", {"datei"}) == "ad"
