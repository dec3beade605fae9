# SPDX-License-Identifier: Apache-2.0
"""The quickest inference server in Python: no TLS, no identity, no limits; orjson in and out, ONNX Runtime on one thread."""

import os

import numpy
import onnxruntime
import orjson
from fastapi import FastAPI, Request, Response

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
app = FastAPI()


@app.post("/predict")
async def predict(request: Request):
    instances = numpy.array(orjson.loads(await request.body())["instances"], dtype=numpy.float32)
    result = session.run(None, {name: instances})[0]
    return Response(orjson.dumps({"predictions": result}, option=orjson.OPT_SERIALIZE_NUMPY),
                    media_type="application/json")


@app.post("/binary")
async def binary(request: Request):
    instances = numpy.frombuffer(await request.body(), dtype=numpy.float32).reshape(-1, 784)
    return Response(session.run(None, {name: instances})[0].tobytes(), media_type="application/octet-stream")
