import pytest
from planish.converter.caffe.text import MAX_DEPTH, parse_text
from planish.errors import SourceError


def test_fields_of_every_kind():
    message = parse_text(
        """
        name: 'a' "b\\x41\\n\\060"  # strings join, and have escapes
        shape { dim: 1 dim: -2 } shape < dim: 0x10, dim: 010; >
        list: [1, 2,3] flag: true rate: .5e-1f kind: MAX [fork.field] { x: 1 }
        """,
        "net",
    )
    assert message.string("name") == "abA\n0"
    assert [shape.integers("dim") for shape in message.messages("shape")] == [[1, -2], [16, 8]]
    assert message.message("shape").integers("dim") == [1, -2, 16, 8]
    assert message.integers("list") == [1, 2, 3]
    assert message.boolean("flag")
    assert message.number("rate") == pytest.approx(0.05)
    assert message.enum("kind", ("MIN", "MAX"), "MIN") == "MAX"
    assert message.has("[fork.field]")


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: 1\nb 2", 2, "':' or '{' is expected after 'b'"),
        ("a {\n b: 1\n", 3, "'}' of line 1 is still missing"),
        ("a: 1\n\n}", 3, "field name"),
        ("a: [1 2]", 1, "',' or ']'"),
        ("a: 12x", 1, "value"),
        ('a: "open\n', 1, "no protobuf text"),
        ("a:", 1, "the end of the file"),
        ("a: }", 1, "value"),
        ("a { " * (MAX_DEPTH + 1), 1, "levels deep"),
        ("\x00", 1, "no protobuf text"),
    ],
)
def test_a_syntax_error_names_file_and_line(text, line, problem):
    with pytest.raises(SourceError) as caught:
        parse_text(text, "some.prototxt")
    assert str(caught.value).startswith(f"some.prototxt:{line}: ")
    assert problem in str(caught.value)


def test_the_number_of_values_is_bounded(monkeypatch):
    monkeypatch.setattr("planish.converter.caffe.text.MAX_VALUES", 10)
    with pytest.raises(SourceError, match="more than 10 values"):
        parse_text("a: 1 " * 11, "net")
