"""Asks app.py, by Flask's own test client, for digits and holds its answers against Keras: compare.py"""
import json
import pathlib
import time

import keras
import numpy

import app

with open(pathlib.Path(__file__).parent.parent / "digits/heldout.ndjson") as file:
    images = [json.loads(line)["instance"] for line in file][:100]
client = app.app.test_client()
expected = keras.models.load_model("mnist.keras").predict(numpy.array(images, dtype="float32"), verbose=0)
furthest = 0.0
start = time.monotonic()
for image, scores in zip(images, expected):
    answer = client.post("/predict", json={"image": image}).get_json()
    assert answer["digit"] == scores.argmax(), (answer, scores)
    furthest = max(furthest, float(numpy.abs(numpy.array(answer["scores"]) - scores).max()))
took = time.monotonic() - start
assert furthest < 1e-5, furthest
print(f"{len(images)} digits as Keras has them, no score further off than {furthest:.1g}; {took / len(images) * 1e3:.1f} ms each")
