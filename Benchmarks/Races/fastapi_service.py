"""The peer of `POST /v1/evaluate`: FastAPI with onnxruntime, as such services are commonly written.

The network comes with the service; a request carries the inputs alone, which is less work than Crease's.
"""

import numpy as np
import onnxruntime
from fastapi import FastAPI
from onnxruntime_evaluation import model
from pydantic import BaseModel

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(
    model([2, 16, 1], np.random.default_rng(1)).SerializeToString(), options, providers=["CPUExecutionProvider"]
)
app = FastAPI()


class Inputs(BaseModel):
    inputs: list[list[float]]


@app.post("/v1/evaluate")
def evaluate(body: Inputs):
    outputs = session.run(None, {"x": np.array(body.inputs)})[0]
    return {"outputs": outputs.tolist()}
