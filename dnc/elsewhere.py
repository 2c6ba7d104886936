"""Lets Keras load models of packages that are built on this one.

Keras imports nothing that a `.keras` file names: it finds a class by the name under
which its module has registered it, or not at all. So a stand-in is registered here for
each model, and imports the module when a file asks for the model.
"""

import importlib

import keras

# {registered name: module and class}, of packages in the same distribution.
_MODELS = {"babi>QuestionAnswerer": ("babi.model.answerer", "QuestionAnswerer")}


class _StandIn:
    """What Keras finds under a name until the class itself is imported."""

    def __init__(self, module, name):
        self._module, self._name = module, name

    def from_config(self, config):
        """The model of a `.keras` file's config."""
        model = getattr(importlib.import_module(self._module), self._name)
        return model.from_config(config)


def register():
    """Registers the stand-ins, but for classes that are there."""
    for name, place in _MODELS.items():
        keras.saving.get_custom_objects().setdefault(name, _StandIn(*place))
