"""The tables in docs/converters.md are those of the registries."""

from pathlib import Path

from planish.converter.tables import BEGIN, END, markdown, updated

PAGE = Path(__file__).parents[2] / "docs" / "converters.md"


def test_the_page_is_up_to_date():
    page = PAGE.read_text()
    assert page == updated(page), "run: python -m planish.converter.tables docs/converters.md"


def test_tables_name_every_layer_and_stand_between_the_marks():
    made = updated(f"before {BEGIN} old {END} after")
    assert made.startswith(f"before {BEGIN}")
    assert made.endswith(f"{END} after")
    assert "old" not in made.partition("###")[0]
    assert "| `Convolution` |" in markdown()
    assert "| `BatchNorm` |" in markdown()
