# SPDX-License-Identifier: Apache-2.0
"""Triton's server as PyPI has it, in nvidia-pytriton: its own HTTP front and batcher, and a function in Python behind them.

The wheel's Triton has no backend for ONNX, so ONNX Runtime is called from the function.
"""

import os

import numpy
import onnxruntime
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])


@batch
def infer(pixels):
    return [session.run(None, {"pixels": pixels})[0]]


port = int(os.environ["PORT"])
config = TritonConfig(http_port=port, grpc_port=int(os.environ["GRPC_PORT"]),
                      metrics_port=int(os.environ["METRICS_PORT"]), log_verbose=0)
with Triton(config=config) as triton:
    triton.bind(
        model_name="digits",
        infer_func=infer,
        inputs=[Tensor(name="pixels", dtype=numpy.float32, shape=(784,))],
        outputs=[Tensor(name="probabilities", dtype=numpy.float32, shape=(10,))],
        config=ModelConfig(max_batch_size=128, batcher=DynamicBatcher(max_queue_delay_microseconds=0)),
    )
    triton.serve()
