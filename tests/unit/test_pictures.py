"""What pictures show, and how they are drawn."""

import io
import json
import re
import warnings
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from embedtool.errors import OutputError, QueryError, UnknownWordError
from embedtool.messages import display_names
from embedtool.model.vectors import VectorTable
from embedtool.plotting import fonts, pictures, scenes
from embedtool.plotting.scenes import Chart, Curve, HeatMap, ScatterPlot
from tests.factories import vectors_of

GENDER, ROYAL, YOUNG = np.eye(3, 6, dtype=np.float32)
WORDS = {
    "man": -GENDER,
    "woman": GENDER,
    "king": 2 * ROYAL - GENDER,
    "queen": 2 * ROYAL + GENDER,
    "prince": 2 * ROYAL + YOUNG - GENDER,
    "princess": 2 * ROYAL + YOUNG + GENDER,
}
SCENES = {
    "words": lambda v: [scenes.neighbourhoods(v, ["king", "man"], 2, method="pca", seed=1)],
    "analogies": lambda v: [scenes.analogies(v, [("man", "woman"), ("king", "queen")], "gender")],
    "heat map": lambda v: scenes.similarities(v, list(WORDS)),
    "curves": lambda v: [Chart("loss", "epochs", (Curve("a", 0, np.arange(3.0), np.ones(3)),))],
}


@pytest.fixture
def vectors() -> VectorTable:
    return vectors_of(WORDS)


def test_neighbours_have_the_colour_of_the_nearest_word(vectors: VectorTable) -> None:
    plane = scenes.neighbourhoods(vectors, ["king", "woman", "king"], 2, method="pca", seed=1)
    assert plane.labels[:2] == ("king", "woman")
    assert plane.is_main.tolist() == [True, True, *[False] * (len(plane.labels) - 2)]
    index_of = {word: i for i, word in enumerate(plane.labels)}
    assert plane.groups[index_of["prince"]] == 0
    assert (0, index_of["prince"]) in plane.lines
    assert plane.points.shape == (len(plane.labels), 2)
    assert plane.caption.startswith("PCA: ") and plane.caption.endswith("% of the variance")


def test_without_neighbours_there_are_only_the_words(vectors: VectorTable) -> None:
    plane = scenes.neighbourhoods(vectors, ["king"], 0, method="pca", seed=1)
    assert plane.labels == ("king",) and plane.lines == () and not plane.points.any()


def test_neighbours_among_candidates(vectors: VectorTable) -> None:
    plane = scenes.neighbourhoods(
        vectors, ["king"], 5, method="pca", seed=1, candidates=np.array([0, 1])
    )
    assert set(plane.labels) == {"king", "man", "woman"}


def test_arrows_of_a_relation_go_right_side_by_side() -> None:
    pairs = [("a", "b"), ("c", "d"), ("e", "f")]
    places = np.eye(3, 8, dtype=np.float32)
    rows = [places[i // 2] + (i % 2) * np.eye(8, dtype=np.float32)[7] for i in range(6)]
    vectors = VectorTable(list("abcdef"), np.stack(rows))
    plane = scenes.analogies(vectors, pairs, "title")
    ways = np.array([plane.points[end] - plane.points[start] for start, end in plane.arrows])
    assert (ways[:, 0] > 0.5).all()
    assert (np.abs(ways[:, 1]) < ways[:, 0] / 2).all()
    assert plane.groups.tolist() == [0, 1] * 3
    assert plane.title == "title"
    assert plane.caption.startswith("mean cosine of the arrows 0.")


def test_arrows_that_cancel_out_or_stand_alone_are_drawn_all_the_same(vectors: VectorTable) -> None:
    there_and_back = scenes.analogies(vectors, [("man", "king"), ("king", "man")])
    assert np.isfinite(there_and_back.points).all()
    assert there_and_back.caption == "mean cosine of the arrows -1.00"
    assert scenes.analogies(vectors, [("man", "king")]).caption == ""


def test_a_heat_map_has_cosines_and_clusters(vectors: VectorTable) -> None:
    given = scenes.similarities(vectors, ["king", "woman", "prince", "man"])
    assert given.labels == ("king", "woman", "prince", "man")
    assert np.allclose(np.diag(given.values), 1) and np.allclose(given.values, given.values.T)
    assert given.values[1, 3] == pytest.approx(-1) and given.low == pytest.approx(-1)
    clustered = scenes.similarities(vectors, ["king", "woman", "prince", "man"], clustered=True)
    order = list(clustered.labels)
    assert abs(order.index("king") - order.index("prince")) == 1
    i, j = order.index("king"), order.index("woman")
    assert clustered.values[i, j] == given.values[0, 1]
    with pytest.raises(QueryError, match="at least two"):
        scenes.similarities(vectors, ["king", "king"])


def test_a_trajectory_goes_from_the_neighbours_of_then_to_those_of_now() -> None:
    rng = np.random.default_rng(1)
    words = [f"w{i}" for i in range(60)]
    old = rng.standard_normal((60, 12)).astype(np.float32)
    new = old.copy()
    new[0] = old[1] + 0.1 * rng.standard_normal(12).astype(np.float32)
    old[0] = old[2] + 0.1 * rng.standard_normal(12).astype(np.float32)
    turned = np.linalg.qr(rng.standard_normal((12, 12)))[0].astype(np.float32)
    models = VectorTable(words, old @ turned), VectorTable(words, new)
    (plane,) = scenes.trajectories(*models, ["w0"], 1, names=("1900", "2000"), method="pca", seed=1)
    assert plane.labels == ("w0 (1900)", "w0 (2000)", "w2", "w1")
    assert plane.groups.tolist() == [scenes.THEN, scenes.NOW, scenes.THEN, scenes.NOW]
    assert plane.arrows == ((0, 1),)
    distances = np.linalg.norm(plane.points[:2, None] - plane.points[None, 2:], axis=2)
    assert distances[0, 0] < distances[0, 1] and distances[1, 1] < distances[1, 0]
    with pytest.raises(UnknownWordError, match="'w99' is not in the vocabulary"):
        scenes.trajectories(*models, ["w99"], 1, method="pca", seed=1)


def test_a_trajectory_wants_a_word_of_both_models() -> None:
    one = VectorTable(["a", "b", "c"], np.eye(3, dtype=np.float32))
    other = VectorTable(["a", "b", "d"], np.eye(3, dtype=np.float32))
    with pytest.raises(UnknownWordError):
        scenes.trajectories(one, other, ["d"], 1, method="pca", seed=1)


def write_log(path: Path, *lines: object) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_curves_of_several_logs(tmp_path: Path) -> None:
    epochs = [
        {"stage": "training", "epoch": i, "words": 9, "seconds": 2.0 * i, "loss": 1 / i}
        for i in (1, 2, 3)
    ]
    first = write_log(tmp_path / "first.jsonl", *epochs)
    second = write_log(
        tmp_path / "second.jsonl",
        {"epoch": 1, "seconds": 1, "loss": 5, "perplexity": 9.5},
        {"epoch": 2, "seconds": 2, "loss": float("nan")},
        {"stage": "reading"},
    )
    loss, perplexity = scenes.curves([first, second], "seconds")
    assert [curve.name for curve in loss.curves] == ["first", "second"]
    assert loss.curves[0].x.tolist() == [2, 4, 6] and loss.curves[1].y.tolist() == [5]
    assert perplexity.measure == "perplexity"
    assert [curve.group for curve in perplexity.curves] == [1]
    assert scenes.curves([first], "epochs")[0].curves[0].x.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{}\nno\n", "log, line 2: is not a line of a training's JSON log"),
        (b"[1]\n", "log, line 1: is not a line of"),
        (b"\xff\n", "log, line 1: is not a line of"),
        (b'{"epoch": 1, "seconds": 2}\n', "log: has neither the loss nor the perplexity"),
        (b"", "log: has neither"),
    ],
)
def test_files_that_are_not_logs_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(content)
    with pytest.raises(QueryError, match=message):
        scenes.curves([tmp_path / "log"])


def test_names_are_short_where_they_tell_models_apart() -> None:
    assert display_names([Path("a/one.jsonl"), Path("b/two")]) == ["one", "two"]
    assert display_names([Path("a/m"), Path("b/m")]) == ["a/m", "b/m"]


def test_labels_escape_invisible_characters() -> None:
    assert scenes.label("a\x1b[31m\u202e") == "a\\x1b[31m\\u202e"
    persian = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    assert scenes.label(persian) == persian
    assert scenes.label("x" * 50) == "x" * 39 + "…"


@pytest.mark.parametrize("name", SCENES)
def test_the_same_scene_has_the_same_bytes(name: str, vectors: VectorTable) -> None:
    for kind, beginning in (("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")):
        first, second = (pictures.picture(SCENES[name](vectors), kind) for _ in range(2))
        assert first.data == second.data and first.data.startswith(beginning)
        assert not first.missing
    assert b"<dc:date>" not in first.data
    ElementTree.fromstring(first.data)


def test_words_are_text_in_an_svg() -> None:
    words = ("<b>&", "$x$", "a\\x00", "日本", "королева")
    plane = ScatterPlot(words, np.eye(5, 2, dtype=np.float32), np.arange(5), np.ones(5, np.bool_))
    root = ElementTree.fromstring(pictures.picture([plane], "svg").data)
    texts = {"".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")}
    assert set(words) <= texts


def test_no_label_covers_another() -> None:
    rng = np.random.default_rng(5)
    n = 60
    words = tuple("".join(rng.choice(list("abcdefgh"), rng.integers(2, 12))) for _ in range(n))
    plane = ScatterPlot(
        words, rng.standard_normal((n, 2)).astype(np.float32), np.arange(n), np.arange(n) < 10
    )
    from matplotlib.figure import Figure

    figure = pictures._figure([plane], Figure)
    figure.savefig(io.BytesIO(), format="png")
    (axes,) = figure.axes
    boxes = [text.get_window_extent() for text in axes.texts]
    assert [text.get_text() for text in axes.texts] == list(words)
    covered = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
    assert not covered
    inside = axes.get_window_extent()
    assert all(inside.contains(*box.p0) and inside.contains(*box.p1) for box in boxes)


def test_characters_without_a_font_are_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", list)
    found = HeatMap(("日本", "king"), np.eye(2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pictures.picture(found, "png").missing == "日本"
        assert pictures.picture(found, "svg").missing == ""


def test_fonts_of_the_system_help_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from matplotlib import get_data_path

    folder = Path(get_data_path()) / "fonts" / "ttf"
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    paths = [str(broken), *map(str, sorted(folder.glob("STIXGeneral*.ttf"), reverse=True))]
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: paths)
    letter = "\u1d81"  # d with a palatal hook, which DejaVu Sans does not have
    assert fonts.families("king") == (["DejaVu Sans"], "")
    unknown = "\U0010fffd"
    found = fonts.families(f"king {letter} {unknown}")
    assert found == (["DejaVu Sans", "STIXGeneral"], unknown)


SCRIPTS = [
    ("日本", ["fonts-noto-cjk"]),
    ("ひらがな", ["fonts-noto-cjk"]),
    ("한국어", ["fonts-noto-cjk"]),
    ("नमस्ते", ["fonts-noto-core"]),
    ("ไทย", ["fonts-noto-core"]),
    ("አማርኛ", ["fonts-noto-core"]),
    ("🦜", ["fonts-symbola"]),
    ("日न", ["fonts-noto-cjk", "fonts-noto-core"]),
    ("\U0010fffd", []),
]


@pytest.mark.parametrize(("word", "packages"), SCRIPTS)
def test_characters_without_a_font_have_packages(
    word: str, packages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", list)
    missing = fonts.families(f"king {word}")[1]
    assert set(missing) == set(word)
    assert fonts.packages(missing) == packages


def test_invisible_characters_need_no_font(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", list)
    assert fonts.families("a\u200c\u200d\ufe0f\u3000\U000e0100")[1] == ""


def _curves(word: str) -> list[Chart]:
    return [Chart("loss", "epochs", (Curve(word, 0, np.arange(3.0), np.ones(3)),))]


@pytest.mark.parametrize(
    "make",
    [
        lambda v, w: [scenes.neighbourhoods(v, [w], 2, method="pca", seed=1)],
        lambda v, w: [scenes.neighbourhoods(v, ["king"], 5, method="pca", seed=1)],
        lambda v, w: [scenes.analogies(v, [("man", "woman"), ("king", w)])],
        lambda v, w: [scenes.analogies(v, [("man", "woman")], w)],
        lambda v, w: scenes.similarities(v, ["king", w]),
        lambda v, w: _curves(w),
        lambda v, w: scenes.trajectories(v, v, [w], 2, method="pca", seed=1),
        lambda v, w: scenes.trajectories(v, v, ["king"], 2, names=("a", w), method="pca", seed=1),
    ],
    ids=["words", "neighbours", "analogies", "titles", "heat map", "curves", "trajectories",
         "models"],
)  # fmt: skip
@pytest.mark.parametrize("word", ["日本", "नमन"])
def test_all_kinds_of_pictures_report_characters_without_a_font(
    word: str, make: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", list)
    vectors = vectors_of({**WORDS, word: ROYAL + 0.1})
    for kind, missing in (("png", set(word)), ("pdf", set(word)), ("svg", set())):
        assert set(pictures.picture(make(vectors, word), kind).missing) == missing


def test_a_title_is_drawn_and_its_letters_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", list)
    look = pictures.Look(title="Kings of 日本\x1b")
    for name in SCENES:
        scene = SCENES[name](vectors_of(WORDS))
        assert pictures.picture(scene, "png", look).missing == "日本"
        assert "Kings of 日本\\x1b" in pictures.picture(scene, "svg", look).data.decode()


@pytest.mark.parametrize("name", SCENES)
def test_a_picture_has_the_size_and_the_dots_that_are_asked_for(
    name: str, vectors: VectorTable
) -> None:
    look = pictures.Look(size=(7, 5), dpi=60)
    data = pictures.picture(SCENES[name](vectors), "png", look).data
    assert (int.from_bytes(data[16:20]), int.from_bytes(data[20:24])) == (420, 300)
    svg = pictures.picture(SCENES[name](vectors), "svg", pictures.Look(size=(7, 5))).data
    assert b'viewBox="0 0 504 360"' in svg
    pdf = pictures.picture(SCENES[name](vectors), "pdf", pictures.Look(size=(7, 5))).data
    assert b"/MediaBox [ 0 0 504 360 ]" in pdf


def test_impossible_sizes_are_errors(vectors: VectorTable) -> None:
    with pytest.raises(OutputError, match="would have 20,010 dots from side to side, at most"):
        pictures.picture(SCENES["curves"](vectors), "png", pictures.Look(size=(66.7, 2), dpi=300))
    with pytest.raises(OutputError, match="has no room; choose a larger size"):
        pictures.picture(SCENES["curves"](vectors), "png", pictures.Look(size=(0.5, 0.2)))


@pytest.mark.parametrize("name", SCENES)
def test_the_fonts_of_an_svg_end_with_a_generic_one(name: str, vectors: VectorTable) -> None:
    svg = pictures.picture(SCENES[name](vectors), "svg").data.decode()
    found = re.findall("font-family: ([^;]*);|font: ([^;]*);", svg)
    assert found
    for family in ("".join(each) for each in found):
        assert family.startswith("'DejaVu Sans'") or "'DejaVu Sans'" in family
        assert family.endswith("sans-serif")


def test_groups_that_mean_something_have_a_legend_and_shapes(vectors: VectorTable) -> None:
    from matplotlib.figure import Figure

    planes = scenes.trajectories(
        vectors, vectors, ["king"], 2, names=("then", "now"), method="pca", seed=1
    )
    figure = pictures._figure(planes, Figure)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["neighbours in then only", "neighbours in now only", "in both"]
    marks = figure.legends[0].legend_handles
    assert len({mark.get_marker() for mark in marks}) == 3
    assert len({mark.get_color() for mark in marks}) == 3
    (words,) = pictures._figure(SCENES["words"](vectors), Figure).axes
    shapes = [each.get_paths()[0].vertices.shape for each in words.collections[1:]]
    assert len(set(shapes)) == len(shapes) == 2


# Machado, Oliveira & Fernandes (2009): how colours look to those who see no red or no green
BLIND = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "neither": np.eye(3).tolist(),
}  # fmt: skip
TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                   [0.0193339, 0.1191920, 0.9503041]])  # fmt: skip


def linear(colours: tuple[str, ...]) -> np.ndarray:
    values = np.array([[int(each[i : i + 2], 16) / 255 for i in (1, 3, 5)] for each in colours])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    parts = light @ TO_XYZ.T / [0.95047, 1, 1.08883]
    x, y, z = np.where(parts > 216 / 24389, np.cbrt(parts), (24389 / 27 * parts + 16) / 116).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


@pytest.mark.parametrize("kind", BLIND)
def test_colours_differ_for_all_who_look_at_them(kind: str) -> None:
    light = linear(pictures.COLOURS)
    seen = lab(np.clip(light @ np.array(BLIND[kind]).T, 0, 1))
    apart = np.linalg.norm(seen[:, None] - seen, axis=2)
    assert apart[~np.eye(len(seen), dtype=bool)].min() > 25
    contrast = 1.05 / (light @ [0.2126, 0.7152, 0.0722] + 0.05)
    assert contrast.min() >= 4
