"""Files as they are published, for recipes and downloads."""

import hashlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from embedtool.corpus import recipes as recipes_module
from embedtool.corpus.recipes import recipes

CONTENT = bytes(range(256)) * 1024


HALF = len(CONTENT) // 2


def change_recipe(monkeypatch: pytest.MonkeyPatch, name: str, **changes: object) -> None:
    """Replace fields of a recipe."""
    changed = {**recipes(), name: replace(recipes()[name], **changes)}
    monkeypatch.setattr(recipes_module, "recipes", lambda: changed)


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def n_tokens(name: str, text: str) -> int:
    """Words of a text, rounded to the second digit where the recipe has a round number."""
    n = len(text.split())
    return round(n, 2 - len(str(n))) if recipes()[name].approximate else n


def zipped(*contents: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for i, content in enumerate(contents):
            archive.writestr(f"file{i}", content)
    return file.getvalue()


SITE = """<siteinfo><sitename>Wikipedia</sitename><namespaces>
<namespace key="-2">Medium</namespace><namespace key="0" /><namespace key="1">Diskussion</namespace>
<namespace key="6">Datei</namespace><namespace key="14">Kategorie</namespace>
</namespaces></siteinfo>"""


DUMP = f"""<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" xml:lang="de">{SITE}
<page><title>Katze</title><ns>0</ns><id>1</id><revision><id>7</id><text xml:space="preserve">
{{{{Infobox|name={{{{lang|la|Felis}}}}}}}}
Die '''Katze''' ist ein [[Tier]].&lt;ref&gt;Buch, S. 3&lt;/ref&gt;

Sie jagt [[Hausmaus|Mäuse]].
[[Datei:Katze.jpg|mini|Eine [[Hauskatze]]]]
[[Kategorie:Tier]]</text></revision></page>
<page><title>Kater</title><ns>0</ns><redirect title="Katze" /><revision>
<text>#WEITERLEITUNG [[Katze]]</text></revision></page>
<page><title>Diskussion:Katze</title><ns>1</ns><revision><text>Gerede</text></revision></page>
<page><title>Leer</title><ns>0</ns><revision><text /></revision></page>
<page><title>Hund</title><ns>0</ns><revision><text>Der Hund bellt.</text></revision></page>
</mediawiki>
"""


DUMP_TEXT = "die katze ist ein tier\nsie jagt mäuse\nder hund bellt\n"
