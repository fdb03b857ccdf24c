import pytest
from planish.converter.caffe.structure import read_structure
from planish.converter.caffe.text import parse_text
from planish.errors import SourceError

CONV = 'layer { name: "c" type: "Convolution" bottom: "data" top: "c" }'


def structure(text, **options):
    return read_structure(parse_text(text, "net.prototxt"), **options)


@pytest.mark.parametrize(
    ("header", "shapes"),
    [
        ('input: "data" input_dim: 1 input_dim: 3 input_dim: 5 input_dim: 7', {"data": (1, 3, 5, 7)}),
        ('input: "data" input_shape { dim: 2 dim: 3 }', {"data": (2, 3)}),
        ('input: "data" input: "b" input_shape { dim: 2 } input_shape { dim: 4 }', {"data": (2,), "b": (4,)}),
        ('layer { type: "Input" top: "data" top: "b" input_param { shape { dim: 2 } } }', {"data": (2,), "b": (2,)}),
        ('layer { type: "Data" top: "data" top: "label" }', {"data": None}),
        (
            'layer { type: "MemoryData" top: "data" '
            "memory_data_param { batch_size: 1 channels: 3 height: 5 width: 7 } }",
            {"data": (1, 3, 5, 7)},
        ),
    ],
)
def test_inputs_in_every_form(header, shapes):
    assert {entry.name: entry.shape for entry in structure(f"{header} {CONV}").inputs} == shapes


def test_layers_of_other_phases_and_what_reads_their_labels_are_left_out():
    net = structure(
        """
        layer { name: "data" type: "Input" top: "data" }
        layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TRAIN } }
        layer { name: "c" type: "InnerProduct" bottom: "data" top: "c" }
        layer { name: "l2" type: "Power" bottom: "label" top: "l2" }
        layer { name: "loss" type: "SoftmaxWithLoss" bottom: "c" bottom: "l2" top: "loss" }
        layer { name: "acc" type: "Accuracy" bottom: "c" bottom: "label" top: "acc" include { phase: TEST } }
        """
    )
    assert [layer.name for layer in net.layers] == ["c"]
    assert [entry.name for entry in net.inputs] == ["data"]
    assert len(net.notes) == 3
    assert "layer 'loss' (SoftmaxWithLoss): left out" in net.notes[1]


@pytest.mark.parametrize(
    ("rule", "options", "runs"),
    [
        ("include { phase: TEST }", {}, True),
        ("include { phase: TRAIN }", {}, False),
        ("include { phase: 1 }", {}, True),
        ("exclude { phase: TEST }", {}, False),
        ("include { phase: TRAIN } include { stage: 'deploy' }", {"stages": ["deploy"]}, True),
        ("include { stage: 'deploy' }", {}, False),
        ("include { stage: 'a' stage: 'b' }", {"stages": ["a"]}, False),
        ("include { not_stage: 'a' }", {"stages": ["a"]}, False),
        ("include { min_level: 2 }", {"level": 1}, False),
        ("include { min_level: 2 max_level: 3 }", {"level": 3}, True),
        ("exclude { max_level: 0 }", {}, False),
        ("", {}, True),
    ],
)
def test_include_and_exclude_rules(rule, options, runs):
    layer = f'layer {{ name: "x" type: "ReLU" bottom: "data" top: "x" {rule} }}'
    net = structure('input: "data" input_shape { dim: 1 }' + CONV + layer, **options)
    assert ("x" in [entry.name for entry in net.layers]) == runs


def test_the_files_own_state_counts():
    rule = 'layer { name: "x" type: "ReLU" bottom: "data" top: "x" include { min_level: 1 stage: "s" } }'
    net = structure('input: "data" input_shape { dim: 1 } state { level: 1 stage: "s" }' + rule)
    assert [layer.name for layer in net.layers] == ["x"]


def test_v1_layers_in_todays_words():
    net = structure(
        'input: "data" input_shape { dim: 1 } layers { name: "c" type: CONVOLUTION bottom: "data" top: "c" param: "w" }'
        'layers { name: "p" type: 17 bottom: "c" top: "p" } layers { name: "n" type: NEW bottom: "p" top: "n" }'
    )
    assert [layer.type for layer in net.layers] == ["Convolution", "Pooling", "NEW"]
    assert net.layers[0].parameter_names == ["w"]


def test_v0_padding_goes_into_the_convolution():
    net = structure(
        """
        input: "data" input_dim: 1 input_dim: 3 input_dim: 5 input_dim: 7
        layers { layer { name: "p" type: "padding" pad: 2 } bottom: "data" top: "p" }
        layers { layer { name: "c" type: "conv" num_output: 4 kernelsize: 3 biasterm: false } bottom: "p" top: "c" }
        """
    )
    (layer,) = net.layers
    params = layer.message.message("convolution_param")
    assert (layer.type, layer.bottoms) == ("Convolution", ("data",))
    assert (params.integer("pad"), params.integer("kernel_size"), params.boolean("bias_term")) == (2, 3, False)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "holds no layers"),
        ('layer { name: "x" }', "layer 'x' has no type"),
        ("layer { type: 'ReLU' } layers { type: RELU }", "mixes 'layer' and 'layers'"),
        ("input: 'a' input_dim: 1 " + CONV, "1 input_dim for 1 inputs"),
        ("layer { type: 'ReLU' bottom: '' top: 'x' }", "without a name"),
        (
            "layers { layer { type: 'padding' pad: 1 } bottom: 'a' top: 'p' }"
            "layers { layer { name: 'r' type: 'relu' } bottom: 'p' top: 'r' }",
            "only conv and pool may follow a padding layer",
        ),
    ],
)
def test_a_net_that_contradicts_itself_is_refused(text, problem):
    with pytest.raises(SourceError) as caught:
        structure(text)
    assert problem in str(caught.value)
    assert str(caught.value).startswith("net.prototxt:")
