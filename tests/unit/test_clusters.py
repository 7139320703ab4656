"""Groups of words, and the colours they are shown in."""

import re
from importlib.resources import files
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from embedtool.mapview import clusters as module
from embedtool.mapview.clusters import N_GROUPS
from embedtool.mapview.map_data import MapData, share_groups
from embedtool.model.vectors import VectorTable

Floats = NDArray[np.float64]

N_CLOUDS, SIZE = 12, 30
RNG = np.random.default_rng(2)
CENTRES = RNG.normal(size=(N_CLOUDS, 16))
WORDS = [f"{chr(97 + cloud)}{i}" for i in range(SIZE) for cloud in range(N_CLOUDS)]
"""The words of twelve clouds, a to l, by turns."""


def vectors(words: list[str], rotation: Floats | None = None, seed: int = 1) -> VectorTable:
    """Vectors for words, each near the middle of the cloud that its first letter names."""
    clouds = np.array([ord(word[0]) - 97 for word in words])
    noise = np.random.default_rng(seed).normal(scale=0.2, size=(len(words), 16))
    rows = CENTRES[clouds] + noise
    return VectorTable(words, (rows if rotation is None else rows @ rotation).astype(np.float32))


def shown(*models: VectorTable) -> list[MapData]:
    found = [MapData(str(i), each, 10_000, "pca", 1) for i, each in enumerate(models)]
    share_groups(found)
    return found


def test_words_in_common_have_the_same_group_in_both_models() -> None:
    rotation = np.linalg.qr(RNG.normal(size=(16, 16)))[0]
    mixed = [str(word) for word in RNG.permutation(WORDS)[:300]]
    alone = [f"{letter}-alone" for letter in "abcdefghijkl"]
    first, second = shown(vectors(WORDS), vectors(mixed + alone, rotation, seed=5))
    group_of = dict(zip(first.words, first.groups.tolist(), strict=True))
    others = dict(zip(second.words, second.groups.tolist(), strict=True))
    assert {group_of[word] for word in WORDS} == set(range(N_GROUPS))
    assert [others[word] for word in mixed] == [group_of[word] for word in mixed]
    # a word of one model alone is with the words of its cloud
    assert [others[word] for word in alone] == [group_of[f"{word[0]}0"] for word in alone]


def test_models_without_a_word_in_common_share_no_colour() -> None:
    first, second = shown(vectors(WORDS), vectors([f"{word}x" for word in WORDS], seed=5))
    assert set(first.groups.tolist()) == set(range(6))
    assert set(second.groups.tolist()) == set(range(6, 12))
    assert len(first.group_names) == 12
    for group, named in enumerate(first.group_names):
        assert all(word.endswith("x") == (group >= 6) for word in named)
    assert first.group_names is second.group_names


def test_a_group_is_named_by_what_sets_it_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "N_GROUPS", N_CLOUDS)
    frequent = [f"{letter}-was" for letter in "abcdefghijkl"]
    model = vectors(frequent + WORDS)
    rows = np.array(model.rows)
    rows[: len(frequent)] = 0.75 * CENTRES.mean(axis=0) + 0.25 * rows[: len(frequent)]
    (only,) = shown(VectorTable(frequent + WORDS, rows))
    for group, named in enumerate(only.group_names):
        members = [w for w, g in zip(only.words, only.groups, strict=True) if g == group]
        assert len(named) == 4
        assert set(named) <= set(members)
        assert not set(named) & set(frequent)
        assert len({word[0] for word in named}) == 1


def test_few_words_have_few_groups() -> None:
    first, second = shown(vectors(["a1"]), vectors(["a1", "b1"]))
    assert first.groups.tolist() == [0]
    assert len(set(second.groups.tolist())) == 2
    assert first.group_names[0] == ["a1"]


MACHADO = {
    "all cones": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}  # fmt: skip
"""What linear sRGB becomes to dichromats (Machado, Oliveira & Fernandes 2009, severity 1)."""
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
     [0.0193339, 0.1191920, 0.9503041]]
)  # fmt: skip
"""Of linear sRGB (IEC 61966-2-1)."""
LEAST_DIFFERENCE = 13
LEAST_CONTRAST = 2


def linear(colour: str) -> Floats:
    """Linear sRGB of `#rrggbb`."""
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: Floats) -> Floats:
    """CIE L*a*b* of linear sRGB under its own white."""
    t = TO_XYZ @ np.clip(rgb, 0, 1) / TO_XYZ.sum(axis=1)
    x, y, z = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def difference(first: Floats, second: Floats) -> float:
    """CIEDE2000, as Sharma, Wu & Dalal (2005) write it."""
    lightness = np.array([first[0], second[0]])
    a, b = np.array([first[1], second[1]]), np.array([first[2], second[2]])
    chroma = np.hypot(a, b).mean()
    a = a * (1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7)))
    chromas, hues = np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360
    hue_difference = (hues[1] - hues[0] + 180) % 360 - 180 if chromas.all() else 0
    hue = (hues[0] + hue_difference / 2) % 360 if chromas.all() else hues.sum()
    light, chroma = lightness.mean(), chromas.mean()
    t = (
        1 - 0.17 * np.cos(np.radians(hue - 30)) + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6)) - 0.2 * np.cos(np.radians(4 * hue - 63))
    )  # fmt: skip
    steps = np.array(
        [
            np.diff(lightness)[0]
            / (1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)),
            np.diff(chromas)[0] / (1 + 0.045 * chroma),
            2
            * np.sqrt(chromas.prod())
            * np.sin(np.radians(hue_difference / 2))
            / (1 + 0.015 * chroma * t),
        ]
    )
    rotation = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    rotation *= np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    return float(np.sqrt(steps @ steps + rotation * steps[1] * steps[2]))


def palette() -> list[str]:
    """The colours of groups in the page's script."""
    script = (files("embedtool.mapview") / "map" / "map.js").read_text("utf-8")
    (block,) = re.findall(r"GROUP_COLOURS = \[(.*?)\]", script, re.DOTALL)
    return re.findall(r'"(#[0-9a-f]{6})"', block)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ],
)
def test_the_difference_of_colours_is_that_of_its_authors(
    first: tuple[float, ...], second: tuple[float, ...], expected: float
) -> None:
    assert difference(np.array(first), np.array(second)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("sight", MACHADO)
def test_no_two_groups_have_one_colour_to_anybody(sight: str) -> None:
    seen = {colour: lab(np.array(MACHADO[sight]) @ linear(colour)) for colour in palette()}
    assert len(seen) == N_GROUPS
    for first, second in combinations(seen, 2):
        assert difference(seen[first], seen[second]) >= LEAST_DIFFERENCE, (first, second)


@pytest.mark.parametrize("background", ["#ffffff", "#12151c"])
def test_groups_are_seen_on_the_light_and_the_dark_page(background: str) -> None:
    back = float((TO_XYZ @ linear(background))[1])
    for colour in palette():
        light, dark = sorted([back, float((TO_XYZ @ linear(colour))[1])], reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= LEAST_CONTRAST, colour
