# SPDX-License-Identifier: Apache-2.0
"""Train the tutorial's digit classifier and write it in the three formats the gateway serves.

The network is 784 -> Dense 128 relu -> Dense 64 relu -> Dense 10 softmax, trained with adam on
scikit-learn's handwritten digits (8x8, 1797 samples) scaled to 28x28. Every step is seeded, and
the accuracy in `report.json` is computed on the numbers read back from `heldout.ndjson`, so that
anyone who sends those instances to a server can expect the same answers.

Usage: python train.py [--out DIR]     DIR is this file's own directory unless given.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
from pathlib import Path

# Read when TensorFlow is imported. oneDNN picks kernels by CPU; without it other machines come closer.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import onnx
import onnxruntime
import openvino
import sklearn
import tensorflow as tf
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split

SEED = 20
TEST_SHARE = 0.2
EPOCHS = 25
BATCH = 32
DECIMALS = 4
TOLERANCE = 1e-5
INPUT, OUTPUT = "pixels", "probabilities"


# --- data -----------------------------------------------------------------------------------


def bilinear_weights(source: int, target: int) -> tuple[np.ndarray, int]:
    """Integer weights [target, source] of a bilinear scaling on pixel centres, and their common sum.

    The centre of target pixel i lies at (i + 1/2) * source / target - 1/2 in the source, clamped
    to the outermost centres. Doubling by `target` makes that position a whole number, so the whole
    scaling is integer arithmetic and the same on every machine.
    """
    unit = 2 * target
    weights = np.zeros((target, source), dtype=np.int64)
    for i in range(target):
        position = min(max((2 * i + 1) * source - target, 0), (source - 1) * unit)
        left, right_share = divmod(position, unit)
        weights[i, left] += unit - right_share
        if right_share:
            weights[i, left + 1] += right_share
    return weights, unit


def scaled_digits() -> tuple[np.ndarray, np.ndarray]:
    """The digits as [1797, 784] float32 in 0...1, rounded to DECIMALS places, and labels [1797]."""
    digits = load_digits()
    grey = digits.images.astype(np.int64)  # 0...16
    weights, unit = bilinear_weights(8, 28)
    numerators = np.einsum("ia,nab,jb->nij", weights, grey, weights)
    pixels = np.round(numerators / (unit * unit * 16), DECIMALS)
    return pixels.reshape(len(pixels), 784).astype(np.float32), digits.target.astype(np.int64)


def write_heldout(path: Path, pixels: np.ndarray, labels: np.ndarray) -> None:
    """One JSON object a line; each number is the shortest decimal that gives the float32 back."""
    with path.open("w", encoding="ascii", newline="\n") as file:
        for row, label in zip(pixels, labels):
            numbers = ",".join(np.format_float_positional(v, unique=True, trim="-") for v in row)
            file.write(f'{{"label":{label},"instance":[{numbers}]}}\n')


def read_heldout(path: Path) -> tuple[np.ndarray, np.ndarray]:
    rows = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]
    pixels = np.array([row["instance"] for row in rows], dtype=np.float64).astype(np.float32)
    return pixels, np.array([row["label"] for row in rows], dtype=np.int64)


# --- network --------------------------------------------------------------------------------


def build_network() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((784,), name=INPUT),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def trained_network(pixels: np.ndarray, labels: np.ndarray) -> keras.Model:
    model = build_network()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(pixels, labels, epochs=EPOCHS, batch_size=BATCH, verbose=2)
    return model


class TorchTwin(torch.nn.Module):
    """The same network in PyTorch, holding a Keras model's weights."""

    def __init__(self, model: keras.Model):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(784, 128),
            torch.nn.ReLU(),
            torch.nn.Linear(128, 64),
            torch.nn.ReLU(),
            torch.nn.Linear(64, 10),
            torch.nn.Softmax(dim=-1),
        )
        linear = [layer for layer in self.layers if isinstance(layer, torch.nn.Linear)]
        dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
        with torch.no_grad():
            for mine, theirs in zip(linear, dense, strict=True):
                kernel, bias = theirs.get_weights()
                mine.weight.copy_(torch.from_numpy(kernel.T.copy()))  # Keras [in, out], PyTorch [out, in]
                mine.bias.copy_(torch.from_numpy(bias))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.layers(pixels)


# --- formats --------------------------------------------------------------------------------


def emptied(directory: Path) -> Path:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def write_savedmodel(model: keras.Model, directory: Path) -> None:
    """SavedModel with one signature, serving_default: pixels [batch, 784] to probabilities [batch, 10]."""
    # Only the weights are attached, so neither the optimizer's state nor a second copy is written.
    servable = tf.Module()
    servable.weights = [variable.value for variable in model.variables]
    servable.predict = tf.function(
        lambda pixels: {OUTPUT: model(pixels, training=False)},
        input_signature=[tf.TensorSpec((None, 784), tf.float32, name=INPUT)],
    )
    tf.saved_model.save(servable, str(emptied(directory)), signatures={"serving_default": servable.predict})
    # Optional, and it carries a random UUID: without it a second training gives the same bytes.
    (directory / "fingerprint.pb").unlink(missing_ok=True)


def write_onnx(model: keras.Model, path: Path) -> None:
    emptied(path.parent)
    twin = TorchTwin(model).eval()
    program = torch.onnx.export(
        twin,
        (torch.zeros(2, 784),),
        input_names=[INPUT],
        output_names=[OUTPUT],
        dynamic_shapes={"pixels": {0: torch.export.Dim("batch")}},
        dynamo=True,
        verbose=False,
    )
    proto = program.model_proto
    # The exporter notes source lines and file paths on every node; they are of no use to a server.
    del proto.metadata_props[:]
    del proto.graph.metadata_props[:]
    for item in [*proto.graph.node, *proto.graph.value_info, *proto.graph.initializer]:
        del item.metadata_props[:]
    for item in [*proto.graph.input, *proto.graph.output]:
        del item.metadata_props[:]
    onnx.checker.check_model(proto, full_check=True)
    path.write_bytes(proto.SerializeToString(deterministic=True))


def write_tflite(savedmodel: Path, path: Path) -> None:
    emptied(path.parent)
    path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(savedmodel)).convert())


# --- checks ---------------------------------------------------------------------------------


def run_onnx(path: Path, pixels: np.ndarray) -> tuple[np.ndarray, dict]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    put, got = session.get_inputs()[0], session.get_outputs()[0]
    described = {
        "input": {"name": put.name, "shape": put.shape, "dtype": "float32"},
        "output": {"name": got.name, "shape": got.shape, "dtype": "float32"},
    }
    return session.run([got.name], {put.name: pixels})[0], described


def run_tflite(path: Path, pixels: np.ndarray) -> tuple[np.ndarray, dict]:
    interpreter = tf.lite.Interpreter(str(path), num_threads=1)
    put, got = interpreter.get_input_details()[0], interpreter.get_output_details()[0]

    def tensor(detail: dict) -> dict:
        shape = [None if size < 0 else int(size) for size in detail["shape_signature"]]
        return {"name": detail["name"], "shape": shape, "dtype": np.dtype(detail["dtype"]).name}

    described = {"input": tensor(put), "output": tensor(got), "signatures": interpreter.get_signature_list()}
    interpreter.resize_tensor_input(put["index"], pixels.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(put["index"], pixels)
    interpreter.invoke()
    return interpreter.get_tensor(got["index"]), described


def run_savedmodel(path: Path, pixels: np.ndarray) -> tuple[np.ndarray, dict]:
    signature = tf.saved_model.load(str(path)).signatures["serving_default"]
    (put,) = signature.structured_input_signature[1].values()
    ((got_name, got),) = signature.structured_outputs.items()
    described = {
        "input": {"name": put.name, "shape": put.shape.as_list(), "dtype": put.dtype.name},
        "output": {"name": got_name, "shape": got.shape.as_list(), "dtype": got.dtype.name},
        "signature": "serving_default",
    }
    return signature(**{put.name: tf.constant(pixels)})[got_name].numpy(), described


def run_openvino(path: Path, pixels: np.ndarray) -> tuple[np.ndarray, dict]:
    # The default precision may be bf16 where the CPU has it, which errs by 9e-3.
    compiled = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def port(p) -> dict:
        shape = [None if d.is_dynamic else d.get_length() for d in p.get_partial_shape()]
        dtype = np.dtype(p.get_element_type().to_dtype()).name
        return {"names": sorted(p.get_names()), "shape": shape, "dtype": dtype}

    return compiled(pixels)[0], {"input": port(compiled.input(0)), "output": port(compiled.output(0))}


def compact(report: dict) -> str:
    """JSON with a key a line, but with a list of plain values on one line."""
    text = json.dumps(report, indent=1)
    return re.sub(r"\[[^][{}]+\]", lambda found: "[" + " ".join(found[0][1:-1].split()) + "]", text) + "\n"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the digit classifier and export it.")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent, help="where to write")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)

    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    # The number of threads decides the order of sums; one thread makes it the same everywhere.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)

    pixels, labels = scaled_digits()
    train_x, test_x, train_y, test_y = train_test_split(
        pixels, labels, test_size=TEST_SHARE, random_state=SEED, stratify=labels
    )
    heldout = out / "heldout.ndjson"
    write_heldout(heldout, test_x, test_y)
    read_x, read_y = read_heldout(heldout)
    if not (np.array_equal(read_x, test_x) and np.array_equal(read_y, test_y)):
        raise SystemExit(f"{heldout}: the numbers read back differ from those written")
    print(f"{len(train_x)} digits to train on, {len(read_x)} held out")

    model = trained_network(train_x, train_y)
    _, accuracy = model.evaluate(read_x, read_y, batch_size=BATCH, verbose=0)
    expected = model.predict(read_x, batch_size=BATCH, verbose=0)
    guessed = expected.argmax(axis=1)
    correct, total = int((guessed == read_y).sum()), len(read_y)
    if abs(accuracy - correct / total) > 1e-6:
        raise SystemExit(f"Keras reports accuracy {accuracy}, but {correct} of {total} answers are right")
    matrix = confusion_matrix(read_y, guessed, labels=range(10))
    print(f"accuracy on the held-out digits: {correct}/{total} = {accuracy:.4f}")
    print("confusion matrix (row: truth, column: answer)")
    print(matrix)

    savedmodel = out / "models/digits/1"
    onnx_file = out / "models/digits-onnx/1/model.onnx"
    tflite_file = out / "models/digits-tflite/1/model.tflite"
    write_savedmodel(model, savedmodel)
    write_onnx(model, onnx_file)
    write_tflite(savedmodel, tflite_file)

    runs = {
        "savedmodel": {"tensorflow": (run_savedmodel, savedmodel), "openvino": (run_openvino, savedmodel)},
        "onnx": {"onnxruntime": (run_onnx, onnx_file), "openvino": (run_openvino, onnx_file)},
        "tflite": {"tflite": (run_tflite, tflite_file), "openvino": (run_openvino, tflite_file)},
    }
    formats, differences = {}, {}
    for form, runtimes in runs.items():
        formats[form], differences[form] = {}, {}
        for runtime, (run, path) in runtimes.items():
            answer, formats[form][runtime] = run(path, read_x)
            worst = float(np.abs(answer.astype(np.float64) - expected).max())
            differences[form][runtime] = worst
            print(f"{form} in {runtime}: largest difference from Keras {worst:.2e}")
            if worst > TOLERANCE:
                raise SystemExit(f"{path} in {runtime} differs from Keras by {worst}, more than {TOLERANCE}")
            if not np.array_equal(answer.argmax(axis=1), guessed):
                raise SystemExit(f"{path} in {runtime} names other digits than Keras")

    files = [heldout, *sorted(p for p in (out / "models").rglob("*") if p.is_file())]
    weights = b"".join(w.astype("<f4").tobytes() for w in model.get_weights())
    report = {
        "seed": SEED,
        "epochs": EPOCHS,
        "batch_size": BATCH,
        "versions": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
            "onnx": onnx.__version__,
            "onnxruntime": onnxruntime.__version__,
            "openvino": openvino.__version__,
        },
        "n_train": len(train_x),
        "n_test": total,
        "accuracy": accuracy,
        "correct": correct,
        "total": total,
        "confusion_matrix": matrix.tolist(),
        "formats": formats,
        "max_abs_difference_from_keras": differences,
        # float32 widened to float64, so that the decimals give the float32 back bit for bit.
        "keras_probabilities_of_first_5": expected[:5].astype(np.float64).tolist(),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "files_sha256": {p.relative_to(out).as_posix(): sha256(p) for p in files},
    }
    (out / "report.json").write_text(compact(report), encoding="utf-8")


if __name__ == "__main__":
    main()
