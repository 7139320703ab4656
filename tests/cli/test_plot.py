"""embedtool plot."""

import base64
import re
import sys
from pathlib import Path

import pytest

from embedtool.cli.output import display
from tests.conftest import Run

KING = ("king", "queen")


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 80 columns that shows no pictures."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    for name in ("TERM", "TERM_PROGRAM", "LC_TERMINAL", "TMUX", "STY", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def test_words_in_characters(models: dict[str, Path], run: Run) -> None:
    result = run("plot", models["word2vec"], *KING, "-n", 4)
    assert result.exit_code == 0 and result.stderr == ""
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80 and len(lines) == 22
    shown = re.findall(r"[a-z]+", " ".join(lines[:-1]))
    assert {"king", "queen"} <= set(shown) and 6 <= len(shown) == len(set(shown))
    assert sum(line.count("●") for line in lines) == 2
    assert sum(line.count("∙") for line in lines) == len(shown) - 2
    assert re.fullmatch(r"PCA: \d+% of the variance", lines[-1])
    assert run("plot", "words", models["word2vec"], *KING, "-n", 4).stdout == result.stdout


def test_words_from_standard_input(models: dict[str, Path], run: Run) -> None:
    result = run("plot", models["glove"], "-n", 0, input="king\n\nqueen\nman\n")
    assert sorted(re.findall("[a-z]+", result.stdout)[:3]) == ["king", "man", "queen"]
    empty = run("plot", models["glove"], input="\n")
    assert empty.exit_code == 2 and "give words" in empty.stderr


def test_labels_that_have_no_room_are_counted(
    models: dict[str, Path], run: Run, kingdoms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    words = sorted(set(kingdoms.read_text()[:3000].split()))
    result = run("plot", models["fasttext"], *words, "-n", 2)
    assert result.exit_code == 0
    *lines, caption = result.stdout.splitlines()
    assert max(map(len, lines)) <= 40
    assert re.search(r"; no room for \d+ of \d+ words: --output FILE$", caption)


def test_colours_only_where_they_are_wanted(
    models: dict[str, Path], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "\x1b" not in run("plot", models["glove"], *KING, color=True).stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[34m\x1b[1m" in run("plot", models["glove"], *KING).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run("plot", models["glove"], *KING).stdout


@pytest.mark.parametrize(
    ("layout", "suffix", "beginning"),
    [("pca", ".png", b"\x89PNG"), ("tsne", ".SVG", b"<?xml"), ("pca", ".pdf", b"%PDF")],
)
def test_pictures_are_the_same_again(
    layout: str,
    suffix: str,
    beginning: bytes,
    models: dict[str, Path],
    run: Run,
    tmp_path: Path,
) -> None:
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        result = run("plot", models["word2vec"], *KING, "--layout", layout, "-o", path)
        assert result.exit_code == 0 and result.output == ""
    first, second = (path.read_bytes() for path in paths)
    assert first == second and first.startswith(beginning)


def test_words_that_are_new(models: dict[str, Path], run: Run) -> None:
    result = run("plot", models["word2vec"], "kingg")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: 'kingg' is not in the vocabulary; nearest spellings: ")
    result = run("plot", models["fasttext"], "kingg", "-n", 3)
    assert result.exit_code == 0 and "kingg" in result.stdout


def test_neighbours_among_frequent_words(models: dict[str, Path], run: Run) -> None:
    few = run("plot", models["word2vec"], "king", "--restrict-vocab", 1, "-n", 5)
    assert set(re.findall("[a-z]+", few.stdout)) == {"king", "the", "of", "variance"}
    none = run("plot", models["word2vec"], "king", "--min-count", 10**6)
    assert none.exit_code == 1 and "no candidate is left" in none.stderr


def test_analogies(models: dict[str, Path], run: Run) -> None:
    result = run("plot", "analogies", models["word2vec"], "man", "woman", "king", "queen")
    lines = result.stdout.splitlines()
    assert result.exit_code == 0 and max(map(len, lines)) <= 80
    assert sum(line.count("◆") for line in lines) == 2 == sum(line.count("●") for line in lines)
    for line in lines:
        if "●" in line and "◆" in line:
            assert line.index("●") < line.index("◆")
    assert re.fullmatch(r"mean cosine of the arrows 0\.\d\d", lines[-1])


def test_relations_from_standard_input(models: dict[str, Path], run: Run) -> None:
    text = ": man and woman\nman woman\nking queen\n: capitals\nparis france\n"
    result = run("plot", "analogies", models["word2vec"], "-", input=text)
    assert result.exit_code == 0
    assert [line for line in result.stdout.splitlines() if line in text].count("capitals") == 1
    assert result.stdout.startswith("man and woman\n")


@pytest.mark.parametrize("given", [["king"], ["a", "b", "c"]])
def test_pairs_are_even(given: list[str], models: dict[str, Path], run: Run) -> None:
    result = run("plot", "analogies", models["word2vec"], *given)
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: give pairs of words, as in: man woman king queen; here are {len(given)} "
        "(see cli plot analogies --help)\n"
    )
    assert run("plot", "analogies", models["word2vec"], input="").exit_code == 2


def test_a_heat_map(models: dict[str, Path], run: Run) -> None:
    result = run("plot", "heat-map", models["word2vec"], "king", "queen", "paris")
    assert result.exit_code == 0
    head, *rows = (line.split() for line in result.stdout.splitlines())
    assert head == ["king", "queen", "paris"] == [row[0] for row in rows]
    assert rows[0][1:3] == ["██", "1.00"]
    similarity = run("similarity", models["word2vec"], "king", "queen", "--tsv").stdout
    assert float(rows[0][4]) == pytest.approx(float(similarity.split()[-1]), abs=0.005)


def test_a_wide_heat_map_has_shades_alone(models: dict[str, Path], run: Run) -> None:
    words = run("similar", models["word2vec"], "king", "-n", 30, "--tsv").stdout.splitlines()[1:]
    given = [line.split("\t")[1] for line in words]
    lines = run("plot", "heat-map", models["word2vec"], *given).stdout.splitlines()
    assert [line.split()[0] for line in lines] == given
    assert max(map(len, lines)) <= 80 and not re.search(r"\d", "".join(lines))
    narrow = run("plot", "heat-map", models["word2vec"], *given, env={"COLUMNS": "30"})
    assert narrow.stdout == "no room for 30 words: --output FILE\n"


def test_curves(models: dict[str, Path], run: Run, kingdoms: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    options = ("--vector-size", 8, "--epochs", 4, "--json-log", log, "-o", tmp_path / "model")
    assert run("train", "glove", kingdoms, *options).exit_code == 0
    result = run("plot", "curves", log, models["word2vec"])
    lines = result.stdout.splitlines()
    assert result.exit_code == 0 and max(map(len, lines)) <= 80
    assert lines[0] == "loss" and re.fullmatch(r" +1 +5 epochs", lines[-1])
    assert re.search(r"⠀?log 0\.\d+", result.stdout) and "word2vec " in result.stdout
    assert " seconds" in run("plot", "curves", log, "--over", "seconds").stdout
    picture = tmp_path / "curves.svg"
    assert run("plot", "curves", log, models["glove"], "-o", picture).exit_code == 0
    assert b">log<" in picture.read_bytes() and b">glove<" in picture.read_bytes()
    missing = run("plot", "curves", tmp_path / "nothing")
    assert missing.exit_code == 1 and "cannot be read: No such file" in missing.stderr


def test_trajectories(models: dict[str, Path], run: Run) -> None:
    arguments = ("plot", "trajectories", models["word2vec"], models["glove"])
    result = run(*arguments, "king", "paris", "-n", 3)
    assert result.exit_code == 0
    for word in ("king", "paris"):
        assert re.search(rf"^{word} moved by \d\.\d\d \(1 - cosine\)$", result.stdout, re.M)
        assert f"{word} (word2vec)" in result.stdout and f"{word} (glove)" in result.stdout
    unknown = run(*arguments, "kingg")
    assert unknown.exit_code == 1 and "nearest spellings: " in unknown.stderr


def test_a_trajectory_in_characters_tells_what_its_marks_mean(
    models: dict[str, Path], run: Run
) -> None:
    arguments = ("plot", "trajectories", models["word2vec"], models["glove"], "king", "-n", 4)
    lines = run(*arguments).stdout.splitlines()
    legend = "∙ neighbours in word2vec only  + neighbours in glove only  × in both"
    assert lines[-1] == legend and len(lines) <= 22
    marks = "".join(lines[1:-2])
    assert 4 <= sum(marks.count(mark) for mark in "∙+×") <= 8
    narrow = run(*arguments, env={"COLUMNS": "40"}).stdout.splitlines()
    assert narrow[-3:] == legend.split("  ")


PLOTS = {
    "words": ("king",),
    "analogies": ("man", "woman"),
    "heat-map": ("king", "man"),
    "curves": (),
    "trajectories": ("king",),
}


@pytest.mark.parametrize("kind", PLOTS)
def test_title_size_and_dots(kind: str, models: dict[str, Path], run: Run, tmp_path: Path) -> None:
    both = [models["glove"]] * (2 if kind == "trajectories" else 1)
    arguments = ("plot", kind, *both, *PLOTS[kind], "--title", "A & <b>")
    path = tmp_path / "a.png"
    result = run(*arguments, "--size", "15.24x10.16cm", "--dpi", 50, "-o", path)
    assert (result.exit_code, result.output) == (0, "")
    head = path.read_bytes()[16:24]
    assert (int.from_bytes(head[:4]), int.from_bytes(head[4:])) == (300, 200)
    assert run(*arguments, "--size", "6x4in", "-o", tmp_path / "a.svg").exit_code == 0
    assert "A &amp; &lt;b&gt;" in (tmp_path / "a.svg").read_text()
    assert run(*arguments, "--size", "6x4", "-o", tmp_path / "a.PDF").exit_code == 0
    assert (tmp_path / "a.PDF").read_bytes().startswith(b"%PDF")
    shown = run(*arguments)
    assert shown.exit_code == 0 and shown.stdout.startswith("A & <b>\n")
    for options, message in [
        (("--dpi", 50), "--dpi needs --output"),
        (("--size", "6x4"), "--size needs --output"),
        (("--dpi", 50, "-o", tmp_path / "b.svg"), f"--dpi is for .png; {tmp_path}/b.svg has no"),
        (("--dpi", 50, "-o", tmp_path / "b.pdf"), f"--dpi is for .png; {tmp_path}/b.pdf has no"),
        (("--size", "6", "-o", path), "'6' is not a size such as 16x9 (inches) or 40x20cm"),
        (("--size", "0x4", "-o", path), "0x4: each side must be of 1 to 100 inches"),
    ]:
        wrong = run(*arguments, *options)
        assert (wrong.exit_code, wrong.stdout) == (2, "")
        assert message in wrong.stderr
    wide = run(*arguments, "--size", "90x2", "--dpi", 300, "-o", path)
    assert (wide.exit_code, wide.stderr) == (
        1,
        "Error: the picture would have 27,000 dots from side to side, at most 20,000 can be shown; "
        "choose a smaller size or dpi\n",
    )


def test_what_cannot_be_written(
    models: dict[str, Path], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run("plot", tmp_path / "no-model", "king", "-o", tmp_path / "map.jpg")
    assert (result.exit_code, result.stderr) == (
        1, f"Error: {tmp_path}/map.jpg: a picture is written as .png, .svg or .pdf; name such a "
        "file\n",
    )  # fmt: skip
    result = run("plot", models["glove"], *KING, "-o", tmp_path / "no" / "map.png")
    assert result.exit_code == 1 and "does not exist; make it first" in result.stderr
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run("plot", models["glove"], *KING, "-o", tmp_path / "map.png")
    assert (result.exit_code, result.stderr) == (
        1, "Error: a picture needs: pip install 'embedtool[plots]'\n",
    )  # fmt: skip
    assert not list(tmp_path.iterdir())
    assert run("plot", models["glove"], *KING).exit_code == 0


def test_characters_without_a_font_are_one_message(
    models: dict[str, Path], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", list)
    arguments = ("plot", models["fasttext"], "king日本", "-n", 1, "-o")
    result = run(*arguments, tmp_path / "a.png")
    assert result.exit_code == 0
    assert result.stderr == (
        "no installed font has 日本, which are drawn as boxes; install one that does, such as "
        "Debian's fonts-noto-cjk, or write an .svg\n"
    )
    assert run(*arguments, tmp_path / "a.svg").stderr == ""


@pytest.mark.parametrize(
    ("environment", "begins"),
    [
        ({"TERM": "xterm-kitty"}, "\x1b_Ga=T,f=100,q=2,c=80,m=1;"),
        ({"TERM": "xterm", "TERM_PROGRAM": "iTerm.app"}, "\x1b]1337;File=inline=1;size="),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}, None),
        ({"TERM": "xterm-kitty", "NO_COLOR": "1"}, None),
        ({"TERM": "xterm-256color"}, None),
    ],
)
def test_a_terminal_that_shows_pictures(
    environment: dict[str, str],
    begins: str | None,
    models: dict[str, Path],
    run: Run,
) -> None:
    result = run("plot", models["glove"], *KING, env={"FORCE_COLOR": "1", **environment})
    if begins is None:
        assert "●" in result.stdout
        return
    assert result.stdout.startswith(begins)
    parts = re.findall(r"\x1b_G[^;]*;([^\x1b]*)\x1b\\", result.stdout) or [
        result.stdout.split(":", 1)[1].rstrip("\x07\n")
    ]
    assert all(
        len(part) <= display.KITTY_CHUNK for part in parts[: len(parts) * ("G" in begins[:3])]
    )
    picture = base64.b64decode("".join(parts))
    assert picture.startswith(b"\x89PNG") and picture.endswith(b"IEND\xaeB`\x82")
