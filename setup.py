"""Packaging: `pip install .` gives `import dnc` and `import babi`."""

from setuptools import find_packages, setup

setup(
    name="dnc-tensorflow",
    version="1.1.0.dev0",
    description="The Differentiable Neural Computer as a Keras layer, and its "
                "question-answering experiment on the bAbI tasks",
    license="MIT",
    packages=find_packages(include=["dnc", "dnc.*", "babi", "babi.*"]),
    package_data={"babi.stories": ["official_files.json"],
                  "babi.inspection": ["page_files/*"]},
    python_requires=">=3.10,<3.14",
    install_requires=[
        "tensorflow>=2.16.1,<2.22",
        "keras>=3.6",
        "tensorboard>=2.16",
        "numpy>=1.26",
        "absl-py>=2.1",
        "matplotlib>=3.8",
    ],
    extras_require={
        "onnx": ["tf2onnx>=1.17"],
        "test": ["pytest>=8.0", "pytest-xdist>=3.5", "flake8>=7.0", "tf2onnx>=1.17",
                 "onnxruntime>=1.20"]},
)
