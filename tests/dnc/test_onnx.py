"""Export to ONNX: the same numbers in onnxruntime, batch and length free."""

import keras
import numpy as np
import pytest

from dnc import DNC
from helpers import assert_close, randomize
from small_layers import D, Y, sizes

pytest.importorskip("tf2onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def _exported(layer, path, rng):
    """(a model of the layer, with random weights; what it gives in onnxruntime)."""
    model = keras.Sequential([keras.Input((None, D)), layer])
    randomize(model, rng)
    model(np.zeros((1, 2, D), "float32"))  # Keras asks for a call before
    model.export(str(path), format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(str(path))
    name = session.get_inputs()[0].name
    return model, lambda x: session.run(None, {name: x})[0]


@pytest.mark.parametrize("options", [
    {}, pytest.param({"jit": False}, marks=pytest.mark.slow),
    pytest.param({"num_write_heads": 2, "masked_content": True, "deallocation": True,
                  "sharpened_links": True, "layer_norm": True, "interface_norm": True,
                  "jit": False}, marks=pytest.mark.slow),
    pytest.param({"controller": ["gru", "feedforward"], "temporal_links": False,
                  "memory_size": 300, "jit": False}, marks=pytest.mark.slow)])
def test_onnxruntime_gives_the_same_numbers(options, tmp_path, rng, caplog):
    layer = DNC(Y, **{**sizes(1), **options}, return_sequences=True)
    model, run = _exported(layer, tmp_path / "model.onnx", rng)
    assert ("the export to ONNX looks at each" in caplog.text) == bool(layer.jit)
    for batch, steps in ((1, 2), (2, 7), (3, 1)):
        x = rng.normal(size=(batch, steps, D)).astype("float32")
        expected = layer.trajectory(x).outputs.numpy()
        assert expected.shape == (batch, steps, Y)
        assert_close(run(x), expected, 1e-5)
