# SPDX-License-Identifier: Apache-2.0
"""A model that takes long for a body of one number: square matrices one after the other, in OpenVINO's own format."""

import struct

BODY = '{"instances":[[3]]}'


def write(folder, width=1024, layers=16):
    """Writes model.xml and model.bin; `x` of shape [any, 1] comes out as `y`."""
    def port(number, shape, names=""):
        names = f' names="{names}"' if names else ""
        return (f'<port id="{number}" precision="FP32"{names}>'
                + "".join(f"<dim>{size}</dim>" for size in shape) + "</port>")

    def constant(number, shape, offset):
        size = 4 * shape[0] * shape[1]
        return (f'<layer id="{number}" name="c{number}" type="Const" version="opset1"><data element_type="f32" '
                f'shape="{shape[0]},{shape[1]}" offset="{offset}" size="{size}"/>'
                f"<output>{port(0, shape)}</output></layer>")

    def product(number, a, b, result, names=""):
        return (f'<layer id="{number}" name="m{number}" type="MatMul" version="opset1">'
                f'<data transpose_a="false" transpose_b="false"/><input>{port(0, a)}{port(1, b)}</input>'
                f"<output>{port(2, result, names)}</output></layer>")

    wide = [-1, width]
    nodes = [f'<layer id="0" name="x" type="Parameter" version="opset1"><data shape="?,1" element_type="f32"/>'
             f'<output>{port(0, [-1, 1], "x")}</output></layer>',
             constant(1, [width, width], 0), constant(2, [1, width], 4 * width * width),
             product(3, [-1, 1], [1, width], wide)]
    edges = [(0, 0, 3, 0), (2, 0, 3, 1)]
    for layer in range(4, 4 + layers):
        nodes.append(product(layer, wide, [width, width], wide))
        edges += [(layer - 1, 2, layer, 0), (1, 0, layer, 1)]
    last = 4 + layers
    nodes += [constant(last, [width, 1], 0), product(last + 1, wide, [width, 1], [-1, 1], "y"),
              f'<layer id="{last + 2}" name="result" type="Result" version="opset1">'
              f"<input>{port(0, [-1, 1])}</input></layer>"]
    edges += [(last - 1, 2, last + 1, 0), (last, 0, last + 1, 1), (last + 1, 2, last + 2, 0)]
    lines = [f'<edge from-layer="{a}" from-port="{b}" to-layer="{c}" to-port="{d}"/>' for a, b, c, d in edges]
    folder.mkdir(parents=True)
    (folder / "model.xml").write_text(
        f'<?xml version="1.0"?><net name="chain" version="11"><layers>{"".join(nodes)}</layers>'
        f'<edges>{"".join(lines)}</edges></net>')
    average, one = struct.pack("<f", 1 / width), struct.pack("<f", 1)
    (folder / "model.bin").write_bytes(average * (width * width) + one * width)
