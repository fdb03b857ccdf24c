"""Writes a net in Caffe's text format, one layer to a line, so that an architecture can be read as the paper's table.

Field names are those of BVLC's caffe.proto.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Field = str | int | float | bool
"""Strings are written as enumerators (MAX, AVE), without quotes."""


class Prototxt:
    """A net under construction: every method appends a layer and returns the name of its top.

    Args:
        name: the net's name.
        channels: of the input `data`.
        size: height and width of the input in pixels.
    """

    def __init__(self, name: str, channels: int, size: int) -> None:
        self._lines = [f'name: "{name}"']
        shape = f"shape {{ dim: 1 dim: {channels} dim: {size} dim: {size} }}"
        self._lines.append(f'layer {{ name: "data" type: "Input" top: "data" input_param {{ {shape} }} }}')

    def __str__(self) -> str:
        return "\n".join(self._lines) + "\n"

    def layer(
        self,
        kind: str,
        name: str,
        bottoms: Sequence[str],
        top: str = "",
        params: tuple[str, Mapping[str, Field | None]] | None = None,
    ) -> str:
        """Append a layer of any type.

        Args:
            kind: Caffe's `type`.
            name: the layer's name; published weights are found by it.
            bottoms: the blobs it reads.
            top: the blob it writes, by default its name; its first bottom for a layer that works in place.
            params: name and fields of its parameter message; fields that are None are left out.
        """
        top = top or name
        words = [f'name: "{name}"', f'type: "{kind}"', *(f'bottom: "{bottom}"' for bottom in bottoms), f'top: "{top}"']
        if params is not None:
            fields = " ".join(f"{key}: {_value(value)}" for key, value in params[1].items() if value is not None)
            words.append(f"{params[0]} {{ {fields} }}")
        self._lines.append(f"layer {{ {' '.join(words)} }}")
        return top

    def convolution(
        self,
        name: str,
        bottom: str,
        filters: int,
        kernel: int,
        *,
        pad: int = 0,
        stride: int = 1,
        group: int = 1,
        bias: bool = True,
    ) -> str:
        """A square convolution; values that are Caffe's defaults are left out."""
        fields: dict[str, Field | None] = {
            "num_output": filters,
            "kernel_size": kernel,
            "pad": pad or None,
            "stride": None if stride == 1 else stride,
            "group": None if group == 1 else group,
            "bias_term": None if bias else False,
        }
        return self.layer("Convolution", name, [bottom], params=("convolution_param", fields))

    def inner_product(self, name: str, bottom: str, outputs: int) -> str:
        """A fully connected layer."""
        return self.layer("InnerProduct", name, [bottom], params=("inner_product_param", {"num_output": outputs}))

    def relu(self, name: str, bottom: str) -> str:
        """A ReLU in place."""
        return self.layer("ReLU", name, [bottom], bottom)

    def dropout(self, name: str, bottom: str, ratio: float) -> str:
        """Dropout in place; it does nothing at inference."""
        return self.layer("Dropout", name, [bottom], bottom, ("dropout_param", {"dropout_ratio": ratio}))

    def batch_norm(self, name: str, scale_name: str, bottom: str) -> str:
        """BatchNorm with its stored statistics, then the Scale that holds its gain and bias; both in place."""
        self.layer("BatchNorm", name, [bottom], bottom, ("batch_norm_param", {"use_global_stats": True}))
        return self.layer("Scale", scale_name, [bottom], bottom, ("scale_param", {"bias_term": True}))

    def lrn(self, name: str, bottom: str) -> str:
        """Local response normalization with the constants of Krizhevsky et al. 2012, section 3.3."""
        fields: dict[str, Field | None] = {"local_size": 5, "alpha": 0.0001, "beta": 0.75}
        return self.layer("LRN", name, [bottom], params=("lrn_param", fields))

    def max_pool(self, name: str, bottom: str, kernel: int, stride: int, pad: int = 0) -> str:
        """Max pooling."""
        fields: dict[str, Field | None] = {"pool": "MAX", "kernel_size": kernel, "stride": stride, "pad": pad or None}
        return self.layer("Pooling", name, [bottom], params=("pooling_param", fields))

    def average_pool(self, name: str, bottom: str, kernel: int | None = None) -> str:
        """Average pooling with stride 1, over the whole image where no kernel is given."""
        fields: dict[str, Field | None] = (
            {"pool": "AVE", "global_pooling": True}
            if kernel is None
            else {"pool": "AVE", "kernel_size": kernel, "stride": 1}
        )
        return self.layer("Pooling", name, [bottom], params=("pooling_param", fields))

    def softmax(self, name: str, bottom: str) -> str:
        """Softmax over the channels."""
        return self.layer("Softmax", name, [bottom])


def _value(value: Field) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
