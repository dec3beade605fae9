#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Uses a gateway through Triton's HTTP client as it is, and ends with an error where anything is not as it should be.

inference_peer.py TENANT-PORT MANAGEMENT-PORT CA KEY ADMIN-KEY BODY-FILE

The models are those of OpenInferenceTests; BODY-FILE is a prediction of one digit for TensorFlow Serving.
"""

import json
import sys

import numpy
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException


def client(port, authority):
    return triton.InferenceServerClient(f"localhost:{port}", ssl=True, ssl_options={"ca_certs": authority})


def tensor(name, array, datatype, binary):
    found = triton.InferInput(name, list(array.shape), datatype)
    found.set_data_from_numpy(array, binary_data=binary)
    return found


def refused(words, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except InferenceServerException as error:
        assert words in str(error), error
        return
    raise AssertionError(f"nothing refused: {words}")


def main(tenant_port, management_port, authority, key, admin_key, body_file):
    server = client(tenant_port, authority)

    def bearer():
        # A new one each time: the client leaves fields of one call in it.
        return {"Authorization": f"Bearer {key}"}

    assert server.is_server_live() and server.is_server_ready()
    assert server.is_server_live(headers=bearer()) and server.is_model_ready("digits", headers=bearer())
    assert server.is_model_ready("digits", "1", headers=bearer())
    assert not server.is_model_ready("nothing", headers=bearer())
    assert not server.is_model_ready("digits", "9", headers=bearer())
    assert "binary_tensor_data" in server.get_server_metadata(headers=bearer())["extensions"]

    metadata = server.get_model_metadata("digits", headers=bearer())
    assert metadata["versions"] == ["1"] and metadata["platform"] == "tensorflow_savedmodel", metadata
    (digits_input,), (digits_output,) = metadata["inputs"], metadata["outputs"]
    assert digits_input["datatype"] == "FP32" and digits_input["shape"] == [-1, 784], digits_input
    config = server.get_model_config("digits", headers=bearer())
    assert config["max_batch_size"] > 1 and config["input"][0]["dims"] == [784], config

    # One digit: JSON and bytes in, JSON and bytes out, compressed or not.
    with open(body_file, "rb") as file:
        image = numpy.array(json.load(file)["instances"], dtype=numpy.float32)
    batch = numpy.repeat(image, 200, axis=0)
    name, scores = digits_input["name"], digits_output["name"]
    expected = None
    for binary_in in (False, True):
        for binary_out in (False, True):
            for coding in (None, "gzip", "deflate"):
                result = server.infer(
                    "digits",
                    [tensor(name, batch, "FP32", binary_in)],
                    outputs=[triton.InferRequestedOutput(scores, binary_data=binary_out)],
                    request_id="seven",
                    headers=bearer(),
                    request_compression_algorithm=coding,
                    response_compression_algorithm=coding,
                )
                answer = result.as_numpy(scores)
                assert answer.shape == (200, 10) and answer.dtype == numpy.float32
                assert result.get_response()["id"] == "seven"
                expected = answer if expected is None else expected
                assert numpy.allclose(answer, expected, atol=1e-6)
    assert (expected.argmax(axis=1) == expected[0].argmax()).all()

    # What is not said otherwise comes as bytes.
    result = server.infer("digits", [tensor(name, image, "FP32", True)], headers=bearer())
    assert numpy.allclose(result.as_numpy(scores), expected[:1], atol=1e-6)

    classes = server.infer(
        "digits",
        [tensor(name, image, "FP32", True)],
        outputs=[triton.InferRequestedOutput(scores, binary_data=True, class_count=3)],
        headers=bearer(),
    ).as_numpy(scores)
    assert classes.shape == (1, 3), classes
    best = [text.decode().split(":") for text in classes[0]]
    assert int(best[0][1]) == expected[0].argmax() and float(best[0][0]) >= float(best[1][0]), best

    # Every numeric type, both ways, twice over; several inputs and outputs with names of any characters.
    kinds = {
        "INT8": numpy.int8, "INT16": numpy.int16, "INT32": numpy.int32, "INT64": numpy.int64, "UINT8": numpy.uint8,
        "UINT16": numpy.uint16, "UINT32": numpy.uint32, "UINT64": numpy.uint64, "FP32": numpy.float32,
        "FP64": numpy.float64, "FP16": numpy.float16,
    }
    for datatype, kind in kinds.items():
        values = numpy.array([[1, 2, 3], [40, 50, 60]], dtype=kind)
        for binary in (False, True) if datatype != "FP16" else (True,):
            result = server.infer(
                f"twice-{datatype.lower()}",
                [tensor("x", values, datatype, binary)],
                outputs=[triton.InferRequestedOutput("y", binary_data=binary)],
                headers=bearer(),
            )
            assert result.as_numpy("y").dtype == kind and (result.as_numpy("y") == 2 * values).all(), datatype
    flags = numpy.array([[True, False], [False, True]])
    for binary in (False, True):
        result = server.infer(
            "twice-bool",
            [tensor("x", flags, "BOOL", binary)],
            outputs=[triton.InferRequestedOutput("y", binary_data=binary)],
            headers=bearer(),
        )
        assert (result.as_numpy("y") == flags).all()

    a, b = numpy.array([[1, 2]], dtype=numpy.int32), numpy.array([[3, -4]], dtype=numpy.int32)
    result = server.infer("pair", [tensor("a", a, "INT32", True), tensor("b", b, "INT32", False)], headers=bearer())
    assert (result.as_numpy('sum "of"/ä&<b>') == a + b).all() and (result.as_numpy("product") == a * b).all()
    result = server.infer(
        "pair",
        [tensor("b", b, "INT32", True), tensor("a", a, "INT32", True)],
        outputs=[triton.InferRequestedOutput("product", binary_data=False)],
        headers=bearer(),
    )
    assert result.as_numpy('sum "of"/ä&<b>') is None and (result.as_numpy("product") == a * b).all()

    texts = numpy.array([b"plain", "ä".encode(), b""], dtype=object)
    for binary in (False, True):
        result = server.infer(
            "text",
            [tensor("x", texts, "BYTES", binary)],
            outputs=[triton.InferRequestedOutput("y", binary_data=binary)],
            headers=bearer(),
        )
        found = [text if isinstance(text, bytes) else text.encode() for text in result.as_numpy("y")]
        assert found == list(texts), found

    scalar = numpy.array(2.5, dtype=numpy.float32)
    result = server.infer("scalar", [tensor("x", scalar, "FP32", True)], headers=bearer())
    assert result.as_numpy("y").shape == () and result.as_numpy("y") == 5, result.as_numpy("y")
    for length in (1, 7):
        row = numpy.arange(2 * length, dtype=numpy.float32).reshape(2, length)
        assert (server.infer("open", [tensor("x", row, "FP32", True)], headers=bearer()).as_numpy("y") == 2 * row).all()
    nan = numpy.array([[numpy.nan, numpy.inf]], dtype=numpy.float32)
    answer = server.infer("open", [tensor("x", nan, "FP32", True)], headers=bearer()).as_numpy("y")
    assert numpy.isnan(answer[0][0]) and numpy.isinf(answer[0][1])

    # Refusals arrive as the client's own exception, with what was wrong.
    refused("unexpected shape for input", server.infer, "digits", [tensor(name, nan, "FP32", True)], headers=bearer())
    refused("unexpected inference input", server.infer, "digits", [tensor("z", nan, "FP32", True)], headers=bearer())
    refused("data-type", server.infer, "digits", [tensor(name, a, "INT32", True)], headers=bearer())
    refused("Servable not found", server.get_model_metadata, "nothing", headers=bearer())
    refused("Bearer", server.infer, "digits", [tensor(name, image, "FP32", True)])
    refused("", server.load_model, "digits", headers=bearer())
    refused("", server.unload_model, "digits", headers=bearer())

    names = {entry["name"] for entry in server.get_model_repository_index(headers=bearer())}
    assert {"digits", "pair", "scalar", "open"} <= names, names
    (stats,) = server.get_inference_statistics("pair", headers=bearer())["model_stats"]
    assert stats["inference_count"] == 2 and stats["inference_stats"]["success"]["count"] == 2, stats
    assert stats["inference_stats"]["compute_infer"]["ns"] > 0 and stats["batch_stats"][0]["batch_size"] == 1, stats
    assert len(server.get_inference_statistics(headers=bearer())["model_stats"]) == len(names)

    # Operators take a model out of service and put it back, on their own listener.
    operator, admin = client(management_port, authority), {"Authorization": f"Bearer {admin_key}"}
    operator.unload_model("pair", headers=admin)
    states = {entry["name"]: entry for entry in operator.get_model_repository_index(headers=admin)}
    assert states["pair"]["state"] == "UNAVAILABLE" and states["pair"]["reason"] == "unloaded", states["pair"]
    assert not server.is_model_ready("pair", headers=bearer()) and server.is_model_ready("open", headers=bearer())
    both = [tensor("a", a, "INT32", True), tensor("b", b, "INT32", True)]
    refused("unloaded", server.infer, "pair", both, headers=bearer())
    operator.load_model("pair", headers=admin)
    result = server.infer("pair", both, headers=bearer())
    assert (result.as_numpy("product") == a * b).all()
    refused("failed to load 'nothing'", operator.load_model, "nothing", headers=admin)


if __name__ == "__main__":
    main(*sys.argv[1:])
