"""What a sweep leaves: columns that can be read back, pictures, and a page that needs nothing else."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pyarrow.parquet
import pytest

from rayrdma.clusters.nic import NicCache
from rayrdma.results.tradeoff.columns import encode_columns, flat
from rayrdma.results.tradeoff.drawing import draw, encode
from rayrdma.results.tradeoff.page import render
from rayrdma.results.tradeoff.points import Point, Tradeoff
from rayrdma.tradeoff import sweep


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Tradeoff:
    return sweep((10, 20), (3, 4), seed=1, nic=NicCache(entries=8), storage=tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def folder(swept: Tradeoff) -> Path:
    assert swept.folder is not None
    return Path(swept.folder)


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "tradeoff.html").read_text()


def test_everything_is_in_the_run_folder(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [
        "cost.png", "cost.svg", "tolerance.png", "tolerance.svg",
        "tradeoff.csv", "tradeoff.html", "tradeoff.json", "tradeoff.parquet",
    ]  # fmt: skip
    assert (folder.parent / "latest").resolve() == folder.resolve()


def test_the_json_is_read_back(swept: Tradeoff, folder: Path) -> None:
    assert msgspec.json.decode((folder / "tradeoff.json").read_bytes(), type=Tradeoff) == swept


def test_the_parquet_is_read_back_with_its_types(swept: Tradeoff, folder: Path) -> None:
    table = pyarrow.parquet.read_table(folder / "tradeoff.parquet")
    assert table.to_pylist() == [flat(point) for point in swept.points]
    assert str(table.schema.field("beyond_crashed").type) == "int64"
    assert str(table.schema.field("operation_ns").type) == "double"


def test_the_csv_is_read_back(swept: Tradeoff, folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO((folder / "tradeoff.csv").read_text())))
    expected = [flat(point) for point in swept.points]
    assert [[*row] for row in rows] == [[*row] for row in expected]
    for row, point in zip(rows, expected, strict=True):
        for column, value in point.items():
            kind: Any = type(value)
            assert row[column] == "" if value is None else kind(row[column]) == value, column


def test_every_field_has_a_column(swept: Tradeoff) -> None:
    names = set(Point.__struct_fields__) - {"inside", "beyond"}
    columns = flat(swept.points[0])
    assert names < set(columns)
    assert {name.partition("_")[2] for name in set(columns) - names} == {
        "crashed", "verdict", "represented", "rounds", "arrival",
    }  # fmt: skip


def test_columns_without_any_value_keep_their_types(swept: Tradeoff) -> None:
    full = [point for point in swept.points if point.blocked is None]
    encoded = encode_columns(full)["tradeoff.parquet"]
    schema = pyarrow.parquet.read_schema(io.BytesIO(encoded))
    assert str(schema.field("blocked").type) == "int64"
    assert str(schema.field("beyond_verdict").type) == "string"


@pytest.mark.parametrize("name", ["tolerance", "cost"])
def test_pictures_are_whole(name: str, folder: Path) -> None:
    assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG\r\n")
    svg = ElementTree.parse(folder / f"{name}.svg").getroot()
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(list(svg.iter())) > 100


def test_the_same_points_make_the_same_pictures(swept: Tradeoff, folder: Path) -> None:
    for name, figure in draw(swept.points, swept.nic).items():
        assert encode(figure, "svg") == (folder / f"{name}.svg").read_bytes()


class Elements(HTMLParser):
    """Ids, and whatever an element could fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: Counter[str] = Counter()
        self.references: list[str] = []
        self.tags: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attributes:
            if name == "id":
                self.ids[value or ""] += 1
            elif name.endswith(("href", "src")):
                self.references.append(value or "")
            else:
                self.references += re.findall(r"url\((.*?)\)", value or "")


def test_the_page_needs_nothing_else(page: str) -> None:
    elements = Elements()
    elements.feed(page)
    assert "http" not in page
    assert "@import" not in page
    assert elements.tags["svg"] == 2
    assert elements.tags["script"] == 0
    assert set(elements.ids.values()) == {1}
    assert {reference.removeprefix("#") for reference in elements.references} <= set(elements.ids)
    assert all(reference.startswith("#") for reference in elements.references)


def test_the_page_has_every_row(swept: Tradeoff, page: str) -> None:
    assert page.count("<tr>") == 1 + len(swept.processes) + len(swept.points)
    assert "ended as the bounds say" in page
    assert "--processes 10,20 --degrees 3,4 --seed 1 --nic-cache-entries 8" in page


def test_a_page_of_a_run_that_went_wrong_says_so(swept: Tradeoff) -> None:
    [*others, last] = swept.points
    assert last.inside is not None
    wrong = msgspec.structs.replace(last, inside=msgspec.structs.replace(last.inside, verdict="blocked"))
    broken = msgspec.structs.replace(swept, points=[*others, wrong], holds=False)
    page = render(broken, draw(broken.points, broken.nic))
    assert "did not end as its bound says" in page
    assert 'class="number bad"' in page


@pytest.mark.parametrize("entries", [0, 1, 5, 1_000_000])
def test_any_cache_can_be_drawn(swept: Tradeoff, entries: int) -> None:
    figures = draw(swept.points, NicCache(entries=entries))
    assert all(encode(figure, "png") for figure in figures.values())


@pytest.mark.parametrize(("processes", "degrees"), [((5,), (4,)), ((2,), (1,)), ((2000,), (16,))])
def test_small_sweeps_can_be_drawn(processes: tuple[int, ...], degrees: tuple[int, ...], tmp_path: Path) -> None:
    swept = sweep(processes, degrees, nic=NicCache(entries=1, miss_ns=0), storage=tmp_path)
    assert swept.holds
    assert swept.folder is not None
    assert (Path(swept.folder) / "tradeoff.html").stat().st_size > 20_000
