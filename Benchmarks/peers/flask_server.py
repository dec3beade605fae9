# SPDX-License-Identifier: Apache-2.0
"""The tutorials' own server: Flask's, which calls Keras for each request; no TLS, no identity, no limits."""

import os

import keras
import numpy
from flask import Flask, jsonify, request

layer = keras.layers.TFSMLayer(os.environ["MODEL"], call_endpoint="serving_default")
model = keras.Sequential([keras.Input(shape=(784,)), layer])
app = Flask(__name__)


@app.route("/predict", methods=["POST"])
def predict():
    instances = numpy.array(request.get_json()["instances"], dtype="float32")
    scores = model.predict(instances, verbose=0)
    return jsonify({"predictions": next(iter(scores.values())).tolist() if isinstance(scores, dict) else scores.tolist()})


if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]))
