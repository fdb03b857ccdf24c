import pytest
from planish.converter.caffe.text import parse_text
from planish.errors import SourceError


def message(text):
    return parse_text(text, "net.prototxt")


def test_absent_fields_give_the_default():
    empty = message("")
    assert empty.integer("a", 3) == 3
    assert empty.number("a", 0.5) == 0.5
    assert empty.boolean("a", default=True)
    assert empty.string("a", "x") == "x"
    assert empty.enum("a", ("P", "Q"), "Q") == "Q"
    assert empty.message("a").fields == {}
    assert empty.integers("a") == empty.numbers("a") == empty.strings("a") == empty.messages("a") == []


def test_the_last_of_several_values_counts():
    assert message("a: 1 a: 2").integer("a") == 2


@pytest.mark.parametrize("value", ["1", "SECOND"])
def test_an_enum_may_be_a_name_or_a_number(value):
    assert message(f"a: {value}").enum("a", ("FIRST", "SECOND"), "FIRST") == "SECOND"


@pytest.mark.parametrize(
    ("text", "read", "problem"),
    [
        ("\na: 1.5", lambda m: m.integer("a"), "2: a: 1.5 is not a 64-bit integer"),
        ("a: 99999999999999999999", lambda m: m.integer("a"), "not a 64-bit integer"),
        ("a: '1'", lambda m: m.integer("a"), "not a 64-bit integer"),
        ("a: x", lambda m: m.number("a"), "x is not a finite 32-bit number"),
        ("a: nan", lambda m: m.number("a"), "nan is not a finite 32-bit number"),
        ("a: 1e300", lambda m: m.number("a"), "1e300 is not a finite 32-bit number"),
        ("a: yes", lambda m: m.boolean("a"), "yes is not a boolean"),
        ("a: MEX", lambda m: m.enum("a", ("MAX", "AVE"), "MAX"), "did you mean 'MAX'"),
        ("a: 1", lambda m: m.message("a"), "where a { ... } is expected"),
        ("a { }", lambda m: m.integer("a"), "where a: VALUE is expected"),
    ],
)
def test_a_value_of_another_kind_is_refused(text, read, problem):
    with pytest.raises(SourceError) as caught:
        read(message(text))
    assert problem in str(caught.value)
    assert str(caught.value).startswith("net.prototxt:")
