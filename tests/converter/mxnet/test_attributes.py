import pytest
from planish.converter.mxnet.attributes import Attributes
from planish.errors import SourceError


def read(**values):
    return Attributes(values, "net.json: operator 'c' (Convolution)")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("(3, 3)", (3, 3)),
        ("[3,3]", (3, 3)),
        ("(3,)", (3,)),
        ("3", (3,)),
        ("()", ()),
        ("(3L, 4L)", (3, 4)),
        (" ( -1 , 0 ) ", (-1, 0)),
    ],
)
def test_tuples_as_every_release_wrote_them(text, wanted):
    assert read(kernel=text).integers("kernel") == wanted


def test_none_within_a_tuple():
    assert read(begin="(0, None, -1)").optional_integers("begin") == (0, None, -1)
    with pytest.raises(SourceError, match="begin is"):
        read(begin="(0, None)").integers("begin")


def test_numbers():
    options = read(eps="1e-05", sizes="(0.2, .5)", count="7", lower="2.5f")
    assert options.number("eps") == 1e-5
    assert options.numbers("sizes") == (0.2, 0.5)
    assert options.integer("count") == 7
    assert options.number("lower") == 2.5


@pytest.mark.parametrize(
    ("text", "wanted"), [("True", True), ("true", True), ("1", True), ("False", False), ("0", False)]
)
def test_truth_values(text, wanted):
    assert read(no_bias=text).boolean("no_bias", default=not wanted) is wanted


def test_absent_and_none_are_the_default():
    assert read().integer("num_group", 1) == 1
    assert read(num_group="None").integer("num_group", 1) == 1
    assert read(axis="None").optional_integer("axis") is None
    assert read().boolean("no_bias", default=True)
    assert read().integers("pad", ()) == ()


@pytest.mark.parametrize("flag", ["int32", "4"])
def test_types_by_name_or_number(flag):
    assert read(dtype=flag).dtype("dtype") == "int32"


@pytest.mark.parametrize(
    ("method", "text"),
    [
        ("integer", "three"),
        ("integer", "1.5"),
        ("integer", "9" * 40),
        ("integer", "__import__('os').getpid()"),
        ("integers", "(3, 3"),
        ("integers", "((1, 2), 3)"),
        ("integers", "(" + "1," * 90_000 + ")"),
        ("number", "nan"),
        ("number", "1e999"),
        ("number", "0x10"),
        ("dtype", "complex64"),
    ],
)
def test_malformed_values_name_node_and_key(method, text):
    with pytest.raises(SourceError, match=r"operator 'c' \(Convolution\): key is '") as caught:
        getattr(read(key=text), method)("key")
    assert len(str(caught.value)) < 300


def test_a_wrong_word_suggests_the_right_one():
    with pytest.raises(SourceError, match="did you mean 'valid'"):
        read(pooling_convention="vaild").text("pooling_convention", ("valid", "full"))


@pytest.mark.parametrize("method", ["integer", "number", "integers", "numbers", "dtype"])
def test_what_must_be_there(method):
    with pytest.raises(SourceError, match="has no kernel"):
        getattr(read(), method)("kernel")


def test_used_keys_are_remembered():
    options = read(a="1", b="2")
    options.integer("a")
    assert options.used == {"a"}
