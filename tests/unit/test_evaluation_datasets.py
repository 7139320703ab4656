"""Public datasets are found and read in full; files like them are read, or refused by line."""

import math
import zipfile
from pathlib import Path

import pytest

from embedtool.errors import EvaluationError
from embedtool.evaluation.datasets import read_analogies, read_categories, read_outliers, read_pairs
from embedtool.evaluation.registry import registry
from embedtool.evaluation.tasks import OutlierGroup


@pytest.mark.datasets("google")
def test_google_analogies():
    google = read_analogies("google")
    assert google.name == "google"
    assert len(google.sections) == 14
    assert len(google.questions) == 19_544
    assert google.sections[0].name == "capital-common-countries"
    assert google.questions[0] == ("Athens", "Greece", "Baghdad", ("Iraq",))


@pytest.mark.datasets("wordsim353", "simlex999")
@pytest.mark.parametrize("name, n_pairs", [("wordsim353", 353), ("simlex999", 999)])
def test_pairs(name, n_pairs):
    found = read_pairs(name)
    assert found.name == name
    assert len(found.pairs) == n_pairs
    assert all(0 <= score <= 10 and math.isfinite(score) for _, _, score in found.pairs)


def test_each_dataset_tells_what_it_is():
    for entry in registry().values():
        assert entry.title and entry.source and entry.licence and entry.language, entry
        assert entry.url.startswith("https://"), entry
        assert entry.sha256 or not entry.wheel, entry


def test_datasets_of_repositories_are_those_of_one_commit_or_have_a_checksum():
    for entry in registry().values():
        if "raw.githubusercontent.com" in entry.url and not entry.sha256:
            commit = entry.url.split("/")[5]
            assert len(commit) == 40 and not set(commit) - set("0123456789abcdef"), entry


@pytest.mark.datasets("google")
def test_google_sections_are_of_two_kinds():
    kinds = [section.kind for section in read_analogies("google").sections]
    assert kinds == ["semantic"] * 5 + ["syntactic"] * 9


def test_a_file_of_analogies(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text(
        "\ufeff# a comment\r\na b c d\r\n: capitals\r\nParis France New\u00a0York  USA\r\n\r\n"
        ":gram-plural\n: empty\n",
        encoding="utf-8",
    )
    found = read_analogies(path)
    assert [(s.name, s.questions) for s in found.sections] == [
        ("mine", (("a", "b", "c", ("d",)),)),
        ("capitals", (("Paris", "France", "New\u00a0York", ("USA",)),)),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "tiger\tcat\t7.35\nlove\tsex\t6\n",
        "tiger,cat,7.35\nlove, sex, 6",
        "tiger cat 7.35\nlove   sex 6\n",
        "# Word 1\tWord 2\n\nWord 1,Word 2,Human (mean)\ntiger,cat,7.35\nlove\tsex\t6",
    ],
)
def test_a_file_of_pairs(tmp_path, text):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    assert read_pairs(str(path)).pairs == (("tiger", "cat", 7.35), ("love", "sex", 6.0))


@pytest.mark.parametrize(
    "text, line",
    [
        ("a b c\n", 1),
        (": s\na b c d\n\na b c d e\n", 4),
        (": s\n" + "long " * 1000, 2),
    ],
)
def test_bad_questions_are_named_by_line(tmp_path, text, line):
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=rf"bad\.txt, line {line}: expected four words") as e:
        read_analogies(path)
    assert len(str(e.value)) < 250


@pytest.mark.parametrize(
    "text, line",
    [
        ("a\tb\n", 1),
        ("a b 1\na b x\n", 2),
        ("a b 1\na b 1 2\n", 2),
        ("a b c 1\na b c x\n", 2),
        (",a,b,c\n0,a,b,1\n1,a,,1\n", 3),
        ("a b c\na b d\n", 2),
        ("word1 word2 score\nword1 word2 score\n", 2),
        ("a b 1\na\t\t2\n", 2),
        ("a b 1\na b nan\n", 2),
        ("a b 1\na,b,inf\n", 2),
    ],
)
def test_bad_pairs_are_named_by_line(tmp_path, text, line):
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=rf"bad\.txt, line {line}: expected two words and a"):
        read_pairs(path)


@pytest.mark.parametrize("text", ["", "\n\n# only this\n", ": section\n"])
def test_empty_files_are_refused(tmp_path, text):
    path = tmp_path / "empty.txt"
    path.write_text(text)
    with pytest.raises(EvaluationError, match="holds no questions"):
        read_analogies(path)


def test_a_header_alone_holds_no_pairs(tmp_path):
    path = tmp_path / "empty.txt"
    path.write_text("word1 word2 score\n")
    with pytest.raises(EvaluationError, match="holds no pairs"):
        read_pairs(path)


def test_what_is_no_text_is_refused(tmp_path):
    path = tmp_path / "binary"
    path.write_bytes(b"a b c d\n\xff\xfe\n")
    with pytest.raises(EvaluationError, match="line 2: not UTF-8"):
        read_analogies(path)
    with pytest.raises(EvaluationError, match="cannot be read"):
        read_pairs(tmp_path)


def test_neither_a_name_nor_a_file_is_an_error():
    with pytest.raises(EvaluationError) as error:
        read_pairs("wordsim")
    assert str(error.value) == (
        "wordsim: no such file, nor a dataset of pairs; see: embedtool.list_datasets('pairs')"
    )
    with pytest.raises(EvaluationError, match="google is a dataset of analogies, not of pairs"):
        read_pairs("google")
    with pytest.raises(EvaluationError, match="ap is a dataset of categories, not of outliers"):
        read_outliers("ap")


SHAPES_OF_PAIRS = {
    "SimLex, its header and all columns": "word1\tword2\tPOS\tSimLex999\tconc(w1)\n"
    "old\tnew\tA\t1.58\t2.72\nsmart\tdumb\tA\t0.55\t1.75\n",
    "with row numbers": ",word1,word2,similarity\n0,old,new,1.58\n1,smart,dumb,0.55\n",
    "with each person's judgement": "old\tnew\t1.58\t1\t2\nsmart\tdumb\t0.55\t0\t1\n",
    "MEN's lemmas": "old-j new-j 1.58\nsmart-j dumb-j 0.55\n",
    "old line ends": "Word1\tWord2\tScore\rold\tnew\t1.58\rsmart\tdumb\t0.55",
}


@pytest.mark.parametrize("text", SHAPES_OF_PAIRS.values(), ids=SHAPES_OF_PAIRS)
def test_pairs_in_the_shapes_of_the_field(tmp_path, text):
    path = tmp_path / "pairs.txt"
    path.write_text(text, newline="")
    assert read_pairs(path).pairs == (("old", "new", 1.58), ("smart", "dumb", 0.55))


def test_a_part_of_speech_is_cut_off_only_where_all_words_have_one(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("x-n y-v 1\nvitamin-b z-n 2\n")
    assert read_pairs(path).pairs[0] == ("x-n", "y-v", 1.0)


def bats(folder):
    """Two relations of BATS, with a file beside them that is none."""
    for name, text in {
        "1_Inflectional_morphology/I01 [noun - plural_reg].txt": "car\tcars\nday\tdays\n",
        "4_Lexicographic_semantics/L01 [hypernyms].txt": "cod fish/animal\nant insect\nox bull/ox",
        "metadata.json": "{}",
        ".hidden.txt": "no",
        "__MACOSX/1.txt": "no",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


EXPECTED = [
    (
        "I01 [noun - plural_reg]",
        "inflectional",
        (("car", "cars", "day", ("days",)), ("day", "days", "car", ("cars",))),
    ),
    (
        "L01 [hypernyms]",
        "lexicographic",
        (
            ("cod", "fish", "ant", ("insect",)),
            ("cod", "fish", "ox", ("bull", "ox")),
            ("ant", "insect", "cod", ("fish", "animal")),
            ("ant", "insect", "ox", ("bull", "ox")),
            ("ox", "bull", "cod", ("fish", "animal")),
            ("ox", "bull", "ant", ("insect",)),
        ),
    ),
]


def test_a_folder_of_bats(tmp_path):
    found = read_analogies(bats(tmp_path / "BATS_3.0"))
    assert found.name == "BATS_3.0"
    assert [(s.name, s.kind, s.questions) for s in found.sections] == EXPECTED


def test_an_archive_of_bats(tmp_path):
    folder = bats(tmp_path / "files")
    with zipfile.ZipFile(tmp_path / "bats.zip", "w") as archive:
        for path in folder.rglob("*"):
            archive.write(path, f"BATS_3.0/{path.relative_to(folder)}")
    found = read_analogies(tmp_path / "bats.zip")
    assert [(s.name, s.kind, s.questions) for s in found.sections] == EXPECTED


def test_a_file_of_pairs_makes_questions(tmp_path):
    path = tmp_path / "plurals.txt"
    path.write_text(": gram-plural\ncar cars\nday days\n")
    (section,) = read_analogies(path).sections
    assert (section.name, section.kind) == ("gram-plural", "syntactic")
    assert section.questions == EXPECTED[0][2]


def test_a_table_of_questions(tmp_path):
    path = tmp_path / "msr.csv"
    path.write_text(",type,word1,word2,word3,target\n0,A,a,b,c,d\n1,B,e,f,g,h\n2,A,c,d,a,b\n")
    assert [(s.name, s.questions) for s in read_analogies(path).sections] == [
        ("A", (("a", "b", "c", ("d",)), ("c", "d", "a", ("b",)))),
        ("B", (("e", "f", "g", ("h",)),)),
    ]


@pytest.mark.parametrize(
    "text, message",
    [
        ("car cars\nday\n", "line 2: expected a word and its target/target, found 'day'"),
        ("car cars\nday /\n", "line 2: expected a word and its target/target"),
        ("car cars\n" * 1001, "1,001 pairs of a relation, at most 1,000"),
        (",t,a,b,c,d\n0,A,a,b,c\n", "line 2: expected a section and four words"),
    ],
)
def test_bad_pairs_of_a_relation_are_named(tmp_path, text, message):
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=message):
        read_analogies(path)


def test_an_archive_that_is_none_is_refused(tmp_path):
    path = tmp_path / "bats.zip"
    path.write_text("<html>")
    with pytest.raises(EvaluationError, match=r"bats\.zip: not a zip archive that can be read"):
        read_analogies(path)


CATEGORIES = (("cod", "fish"), ("eel", "fish"), ("ox", "mammal"))


@pytest.mark.parametrize(
    "text",
    [
        "cod\tfish\neel\tfish\nox\tmammal\n",
        "fish cod\nfish eel\nmammal ox\n",
        "# nouns\nconcept,class\ncod,fish\neel,fish\nox,mammal\n",
        ",category,word\n0,fish,cod\n1,fish,eel\n2,fish,\n3,mammal,ox\n4,mammal,\n",
    ],
)
def test_a_file_of_categories(tmp_path, text):
    path = tmp_path / "nouns.txt"
    path.write_text(text)
    assert read_categories(path).words == CATEGORIES


def test_a_folder_of_categories(tmp_path):
    for name, text in {"fish": "cod\neel\n", "mammal": "ox"}.items():
        (tmp_path / f"{name}.txt").write_text(text)
    assert read_categories(tmp_path).words == CATEGORIES


@pytest.mark.parametrize(
    "text, message",
    [
        ("cod fish\neel\n", "line 2: expected a word and its category, found 'eel'"),
        ("cod\tfish\neel\tfish\nox\t\n", "line 3: expected a word and its category"),
        ("word category\n", "holds no words"),
        ("", "holds no words"),
    ],
)
def test_bad_categories_are_named(tmp_path, text, message):
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=message):
        read_categories(path)


CATS = OutlierGroup("cats", ("lion", "tiger", "puma"), ("dog", "New York"))


def test_groups_with_outliers(tmp_path):
    folder = tmp_path / "2-2"
    folder.mkdir()
    (folder / "cats.txt").write_text("lion\ntiger\npuma\n\ndog\nNew York\n\n")
    (folder / "dogs.txt").write_text("pug\r\npoodle\r\n\r\nlion\r\n")
    assert read_outliers(folder / "cats.txt").groups == (CATS,)
    found = read_outliers(folder)
    assert found.groups == (CATS, OutlierGroup("dogs", ("pug", "poodle"), ("lion",)))
    assert found.sizes == (3, 2)


def test_a_table_of_groups_with_outliers(tmp_path):
    path = tmp_path / "8-8-8.csv"
    path.write_text(
        ",category,outliers,words\n"
        "0,cats,\"['dog', 'New York', '']\",\"['lion', 'tiger', 'puma']\"\n"
        '1,dogs,[\'lion\'],"[""Santa\'s_Helper"", \'pug\']"\n'
    )
    dogs = OutlierGroup("dogs", ("Santa's_Helper", "pug"), ("lion",))
    assert read_outliers(path).groups == (CATS, dogs)


@pytest.mark.parametrize(
    "text, message",
    [
        ("lion\ntiger\ndog\n", "expected at least two words, a line each, an empty line and"),
        ("lion\n\ndog\n", "expected at least two words"),
        ("", "expected at least two words"),
        (",a,b\n", "line 1: expected the columns category, outliers and words"),
        (
            ",category,outliers,words\n0,cats,dog,lion\n",
            "line 2: expected a list of outliers and a list of words",
        ),
        (",category,outliers,words\n0,c,5,6\n", "line 2: expected a list of outliers"),
        (",category,outliers,words\n", "holds no groups"),
    ],
)
def test_bad_groups_are_named(tmp_path, text, message):
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=message):
        read_outliers(path)


def test_a_folder_without_text_holds_nothing(tmp_path):
    with pytest.raises(EvaluationError, match="holds no questions"):
        read_analogies(tmp_path)
    with pytest.raises(EvaluationError, match="holds no groups of words"):
        read_outliers(tmp_path)


def test_one_pair_alone_asks_nothing(tmp_path):
    path = tmp_path / "relation.txt"
    path.write_text("king queen\n")
    with pytest.raises(EvaluationError, match="holds no questions"):
        read_analogies(path)


def test_a_line_without_words_among_pairs_is_named(tmp_path):
    path = tmp_path / "relation.txt"
    path.write_bytes(b"king queen\nman woman\n\0\n")
    with pytest.raises(EvaluationError, match=r"relation\.txt, line 3: expected a word and its"):
        read_analogies(path)


def test_an_archive_that_swells_and_a_file_too_large_are_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedtool.evaluation.dataset_lines.MAX_FILE_BYTES", 2**16)
    archive, plain = tmp_path / "a.zip", tmp_path / "a.txt"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("set/a.txt", "king queen\n" * 2**13)
    plain.write_text("king queen\n" * 2**13)
    for path in (archive, plain):
        with pytest.raises(EvaluationError, match="has over 65,536 bytes"):
            read_analogies(str(path))


def test_a_folder_that_links_to_itself_is_read_once(tmp_path: Path) -> None:
    folder = tmp_path / "sets"
    folder.mkdir()
    (folder / "capitals.txt").write_text("france paris\nperu lima\n")
    (folder / "loop").symlink_to(folder)
    assert [section.name for section in read_analogies(str(folder)).sections] == ["capitals"]
