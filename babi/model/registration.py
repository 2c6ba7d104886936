"""Lets Keras load the question answerer wherever `babi` was imported.

Keras finds a class by its registered name. To register the class itself would import
TensorFlow with `babi`, and take seconds from every script's `--help`; so a stand-in
is registered as soon as Keras is there, and imports the class when a file asks for it.
`dnc.elsewhere` does so where `dnc` alone was imported.
"""

import importlib.abc
import importlib.machinery
import sys

_NAME = "babi>QuestionAnswerer"


class _StandIn:
    """What Keras finds under the name until the class itself is imported."""

    @staticmethod
    def from_config(config):
        """The model of a `.keras` file's config."""
        from babi.model.answerer import QuestionAnswerer

        return QuestionAnswerer.from_config(config)


class _KerasFinder(importlib.abc.MetaPathFinder):
    """Finds Keras as Python does, and registers the stand-in once it is imported."""

    def find_spec(self, name, path=None, target=None):
        """The spec of Keras, or None for another module."""
        if name != "keras":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                _register()

            spec.loader.exec_module = exec_module
        return spec


def register():
    """Registers the stand-in, now or when Keras is imported."""
    if "keras" in sys.modules:
        _register()
    else:
        sys.meta_path.insert(0, _KerasFinder())


def _register():
    import keras

    keras.saving.get_custom_objects().setdefault(_NAME, _StandIn)
