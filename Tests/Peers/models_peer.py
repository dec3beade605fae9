#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks a gateway for predictions of models that others published and holds each number against ONNX Runtime in Python.

models_peer.py TENANT-PORT MANAGEMENT-PORT CA KEY ADMIN-KEY MODELS

Every output must have the same shape and type, and every element must be within 1e-4 + 1e-3 × |expected|: the engines add
in different orders.
"""

import http.client
import json
import math
import os
import ssl
import sys

import numpy
import onnxruntime
import tritonclient.http as triton

ABSOLUTE, RELATIVE = 1e-4, 1e-3
DATATYPES = {numpy.dtype("float32"): "FP32", numpy.dtype("int32"): "INT32", numpy.dtype("int64"): "INT64"}
random = numpy.random.default_rng(7)


class Gateway:
    def __init__(self, port, authority, key, models):
        self.server = triton.InferenceServerClient(f"localhost:{port}", ssl=True, ssl_options={"ca_certs": authority})
        self.port, self.models, self.sessions = port, models, {}
        self.context = ssl.create_default_context(cafile=authority)
        self.headers = {"Authorization": f"Bearer {key}"}
        self.compared, self.furthest = 0, 0.0

    def infer(self, name, *arrays):
        """Its answers, in the model's order, once they are those of ONNX Runtime."""
        session = self.sessions.get(name)
        if session is None:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            options.log_severity_level = 4
            session = onnxruntime.InferenceSession(f"{self.models}/{name}/1/model.onnx", options)
            self.sessions[name] = session
        names = [entry.name for entry in session.get_inputs()]
        expected = session.run(None, dict(zip(names, arrays)))
        outputs = [entry.name for entry in session.get_outputs()]
        binary = self.compared % 2 == 0 or sum(array.size for array in arrays) > 20_000
        tensors = []
        for tensor_name, array in zip(names, arrays):
            tensor = triton.InferInput(tensor_name, list(array.shape), DATATYPES[array.dtype])
            tensor.set_data_from_numpy(array, binary_data=binary)
            tensors.append(tensor)
        wanted = [triton.InferRequestedOutput(output, binary_data=binary) for output in outputs]
        answer = self.server.infer(name, tensors, outputs=wanted, headers=dict(self.headers))
        found = [answer.as_numpy(output) for output in outputs]
        for output, ours, theirs in zip(outputs, found, expected):
            assert ours.shape == theirs.shape and ours.dtype == theirs.dtype, (name, output, ours.shape, theirs.shape)
            away = numpy.abs(ours.astype(numpy.float64) - theirs)
            assert (away <= ABSOLUTE + RELATIVE * numpy.abs(theirs)).all(), (name, output, away.max())
            self.furthest = max(self.furthest, float(away.max()))
        self.compared += 1
        return found

    def predict(self, name, body):
        """TensorFlow Serving's predict."""
        connection = http.client.HTTPSConnection("localhost", self.port, context=self.context)
        connection.request("POST", f"/v1/models/{name}:predict", json.dumps(body), self.headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert answer.status == 200, text
        return json.loads(text)


def beep(samples, start=0):
    """Sound at 16 kHz: tones that rise and fall, as a voice does, with some noise."""
    time = (numpy.arange(samples) + start) / 16_000
    pitch = 140 + 40 * numpy.sin(2 * math.pi * 3 * time)
    sound = sum(numpy.sin(2 * math.pi * pitch * part * time) / part for part in range(1, 12))
    loud = numpy.maximum(0, numpy.sin(2 * math.pi * 2.5 * time))
    return (0.2 * sound * loud + 0.01 * random.standard_normal(samples)).astype(numpy.float32)


def file_types(gateway, here):
    """Text: which type a file is of, from its first and last 1,024 bytes."""
    with open(f"{gateway.models}/../files.json") as file:
        labels = json.load(file)["target_labels_space"]

    def tokens(content):
        content = content.strip()
        beginning, end = list(content[:1024]), list(content[-1024:])
        return beginning + [256] * (1024 - len(beginning)) + [256] * (1024 - len(end)) + end

    with open(__file__, "rb") as file:
        python = file.read()
    with open(f"{here}/models.sh", "rb") as file:
        shell = file.read()
    samples = [python, shell, b"<!DOCTYPE html><html><head><title>a</title></head><body><p>b</p></body></html>" * 4,
               b'{"a": [1, 2, 3], "b": {"c": null, "d": "e"}}\n' * 9]
    batch = numpy.array([tokens(sample) for sample in samples], dtype=numpy.int32)
    (scores,) = gateway.infer("files", batch)
    found = [labels[index] for index in scores.argmax(axis=1)]
    assert found == ["python", "shell", "html", "jsonl"], found
    rows = gateway.predict("files", {"instances": batch[:2].tolist()})["predictions"]
    assert numpy.allclose(rows, scores[:2], atol=ABSOLUTE), "the protocols differ"
    for count in (1, 2, 7, 33):
        gateway.infer("files", numpy.repeat(batch[:1], count, axis=0))


def speech(gateway):
    """Whether somebody speaks, piece by piece, with the state handed from answer to request."""
    rate = numpy.array(16_000, dtype=numpy.int64)
    for name in ("speech", "speech-without-if"):
        state = numpy.zeros((2, 1, 128), dtype=numpy.float32)
        context = numpy.zeros((1, 64), dtype=numpy.float32)
        for piece in range(16):
            sound = numpy.concatenate([context, beep(512, piece * 512)[None]], axis=1)
            context = sound[:, -64:]
            arrays = (sound, state, rate) if name == "speech" else (sound, rate, state)
            _, state = gateway.infer(name, *arrays)
        # Another rate takes the other branch; another batch another shape of state.
        eight = numpy.array(8_000, dtype=numpy.int64)
        sound, state = beep(288)[None], numpy.zeros((2, 1, 128), dtype=numpy.float32)
        gateway.infer(name, *((sound, state, eight) if name == "speech" else (sound, eight, state)))
        sound, state = numpy.stack([beep(576), beep(576)]), numpy.zeros((2, 2, 128), dtype=numpy.float32)
        gateway.infer(name, *((sound, state, rate) if name == "speech" else (sound, rate, state)))
    h = c = numpy.zeros((1, 1, 128), dtype=numpy.float32)
    for length in (3, 1, 8):
        _, h, c = gateway.infer("speech-sequence", beep(576 * length).reshape(length, 576), h, c)


def wake_words(gateway):
    """A smart home's wake words: sound, its spectrum, what was heard in it, the word."""
    sound = (beep(16_000 * 4) * 32_767).astype(numpy.float32)
    for samples in (1_280, 5_000, len(sound)):
        (spectrum,) = gateway.infer("spectrogram", sound[None, :samples])
    spectrum = spectrum.reshape(-1, 32) / 10 + 2
    windows = numpy.stack([spectrum[start:start + 76] for start in range(0, len(spectrum) - 76, 8)])
    (heard,) = gateway.infer("sound", windows[..., None].astype(numpy.float32))
    heard = heard.reshape(-1, 96)
    for name, length in (("wake-alexa", 16), ("wake-jarvis", 16), ("wake-timer", 34)):
        for start in range(0, len(heard) - length, 3):
            gateway.infer(name, heard[None, start:start + length])


def pictures(gateway):
    """Reading text in pictures of any size: where it is, which way up, what it says."""
    def page(height, width):
        picture = numpy.full((height, width), 1.0)
        for top in range(8, height - 20, 24):
            for left in range(8, width - 12, 14):
                picture[top:top + 14, left:left + 2] = -1
                picture[top + 6:top + 8, left:left + random.integers(4, 10)] = -1
        return (numpy.repeat(picture[None], 3, axis=0) + random.normal(0, 0.02, (3, height, width))).astype(numpy.float32)

    for height, width in ((64, 96), (160, 320), (320, 64)):
        gateway.infer("text-places", page(height, width)[None])
    for count in (1, 3):
        gateway.infer("text-turned", numpy.stack([page(48, 192) for _ in range(count)]))
        for width in (80, 320):
            gateway.infer("text-read", numpy.stack([page(48, width) for _ in range(count)]))


def main(tenant_port, management_port, authority, key, admin_key, models):
    gateway = Gateway(tenant_port, authority, key, models)
    file_types(gateway, os.path.dirname(os.path.abspath(__file__)))
    speech(gateway)
    wake_words(gateway)
    pictures(gateway)

    # The status says which engine runs what.
    connection = http.client.HTTPSConnection("localhost", management_port, context=gateway.context)
    connection.request("GET", "/admin/v1/models", headers={"Authorization": f"Bearer {admin_key}"})
    statuses = {model["name"]: model for model in json.loads(connection.getresponse().read())["models"]}
    engines = {name: status.get("engine") for name, status in statuses.items()}
    second = {"speech", "wake-jarvis"}
    assert len(engines) == len(os.listdir(models)), engines
    assert engines == {name: "onnxruntime" if name in second else "openvino" for name in engines}, engines
    assert len(gateway.sessions) == len(engines), set(engines) - set(gateway.sessions)
    print(f"{gateway.compared} answers of {len(engines)} models, none further off than {gateway.furthest:.2g}")


if __name__ == "__main__":
    main(*sys.argv[1:])
