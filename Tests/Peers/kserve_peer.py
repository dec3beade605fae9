#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Uses a gateway through KServe's Python client as it is, and ends with an error where anything is not as it should be.

kserve_peer.py TENANT-PORT CA KEY BODY-FILE

The models are those of OpenInferenceTests; BODY-FILE is a prediction of one digit for TensorFlow Serving.
"""

import asyncio
import json
import ssl
import sys

import httpx
import numpy
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput


async def refused(status, words, call):
    try:
        await call
    except httpx.HTTPStatusError as error:
        assert error.response.status_code == status and words in error.response.text, error.response.text
        return
    raise AssertionError(f"nothing refused: {words}")


async def main(port, authority, key, body_file):
    base, headers = f"https://localhost:{port}", {"Authorization": f"Bearer {key}"}
    context = ssl.create_default_context(cafile=authority)
    client = InferenceRESTClient(RESTConfig(protocol="v2", verify=context, retries=0))
    assert await client.is_server_live(base) and await client.is_server_ready(base)
    assert await client.is_model_ready(base, "digits", headers=headers)
    with open(body_file, "rb") as file:
        body = json.load(file)
    digit = numpy.array(body["instances"], dtype=numpy.float32)
    metadata = httpx.get(f"{base}/v2/models/digits", headers=headers, verify=context).json()
    name, scores = metadata["inputs"][0]["name"], metadata["outputs"][0]["name"]

    # JSON and bytes in, JSON and bytes out.
    answers = []
    for binary_in in (False, True):
        for binary_out in (False, True):
            tensor = InferInput(name, list(digit.shape), "FP32")
            tensor.set_data_from_numpy(digit, binary_data=binary_in)
            request = InferRequest(
                "digits", [tensor], request_id="seven",
                request_outputs=[RequestedOutput(scores, parameters={"binary_data": binary_out})],
            )
            response = await client.infer(base, request, "digits", headers=dict(headers))
            assert response.id == "seven" and response.model_name == "digits", response
            answers.append(response.outputs[0].as_numpy())
            assert answers[-1].shape == (1, 10) and answers[-1].dtype == numpy.float32
    assert all(numpy.allclose(answer, answers[0], atol=1e-6) for answer in answers)

    a, b = numpy.array([[1, 2]], dtype=numpy.int32), numpy.array([[3, -4]], dtype=numpy.int32)
    tensors = [InferInput("a", [1, 2], "INT32"), InferInput("b", [1, 2], "INT32")]
    tensors[0].set_data_from_numpy(a, binary_data=True)
    tensors[1].set_data_from_numpy(b, binary_data=False)
    response = await client.infer(base, InferRequest("pair", tensors), "pair", headers=dict(headers))
    found = {output.name: output.as_numpy() for output in response.outputs}
    assert (found["product"] == a * b).all() and len(found) == 2, found

    texts = numpy.array(["plain", "ä", ""], dtype=object)
    tensor = InferInput("x", [3], "BYTES")
    tensor.set_data_from_numpy(texts, binary_data=True)
    response = await client.infer(base, InferRequest("text", [tensor]), "text", headers=dict(headers))
    assert [str(text) for text in response.outputs[0].data] == list(texts), response.outputs[0].data

    # Refusals arrive as the client's own exception, with what was wrong.
    tensor = InferInput("x", [1, 2], "FP32")
    tensor.set_data_from_numpy(numpy.zeros((1, 2), numpy.float32))
    await refused(404, "Servable not found", client.infer(base, InferRequest("n", [tensor]), "n", headers=dict(headers)))
    await refused(401, "Bearer", client.infer(base, InferRequest("open", [tensor]), "open"))
    tensor = InferInput("x", [1, 2], "INT32")
    tensor.set_data_from_numpy(numpy.zeros((1, 2), numpy.int32))
    await refused(400, "data-type", client.infer(base, InferRequest("open", [tensor]), "open", headers=dict(headers)))

    # The V1 protocol is TensorFlow Serving's predict.
    client = InferenceRESTClient(RESTConfig(protocol="v1", verify=context, retries=0))
    answer = await client.infer(base, body, "digits", headers=dict(headers))
    assert numpy.allclose(answer["predictions"], answers[0], atol=1e-6), answer


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
