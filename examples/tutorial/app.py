"""The Flask client of the tutorials: takes a picture, asks the model server, answers with the digit."""
import os

import requests
from flask import Flask, jsonify, request

# These two are what changes when the model server is Tollgate: its address, and a token.
MODEL_URL = os.environ.get("MODEL_URL", "http://localhost:8501/v1/models/mnist:predict")
TOKEN = os.environ.get("MODEL_TOKEN", "")

app = Flask(__name__)


@app.route("/predict", methods=["POST"])
def predict():
    image = request.get_json()["image"]
    response = requests.post(MODEL_URL, json={"instances": [image]}, headers={"Authorization": f"Bearer {TOKEN}"})
    response.raise_for_status()
    scores = response.json()["predictions"][0]
    return jsonify({"digit": scores.index(max(scores)), "scores": scores})


if __name__ == "__main__":
    app.run(port=5000)
