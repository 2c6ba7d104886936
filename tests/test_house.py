"""The shape of the code: imports go one way, between packages and inside them."""

import ast
import graphlib
import hashlib
import pathlib
import re
import shutil
import subprocess

import pytest

import babi
import dnc
from babi.evaluation import results

ROOT = pathlib.Path(__file__).parents[1]
SETTINGS = {"config", "checks", "presets", "phases", "command_line"}


def imports(path):
    """Modules of `babi` and `dnc` that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:  # a module, or a name of one
                below = f"{node.module}.{alias.name}"
                yield below if is_module(below) else node.module


def is_module(name):
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def modules(package):
    """{name: modules of the same package that it imports}."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        name = name.removesuffix(".__init__")
        found[name] = {other for other in imports(path)
                       if other.split(".")[0] == package and other != name}
    return found


@pytest.mark.parametrize("package", ["babi", "dnc", "examples"])
def test_no_imports_go_in_a_circle(package):
    graph = modules(package)
    assert len(graph) > 20
    tuple(graphlib.TopologicalSorter(graph).static_order())


def test_packages_import_only_those_that_stand_before_them():
    order = re.findall(r"^  (\w+) {2,}\S", babi.__doc__, re.M)
    assert sorted(order) == sorted(path.parent.name for path in
                                   (ROOT / "babi").glob("*/__init__.py"))
    order.insert(order.index("model"), "settings")

    def rank(module):
        parts = module.split(".")
        room = "settings" if parts[1] in SETTINGS else parts[1]
        return order.index(room) if room in order else len(order)

    wrong = [f"{module} imports {other}" for module, others in modules("babi").items()
             if module != "babi" for other in others if rank(other) > rank(module)]
    assert not wrong


def test_the_layer_imports_nothing_of_the_experiment():
    for path in (ROOT / "dnc").rglob("*.py"):
        assert not [name for name in imports(path) if name.startswith("babi")]


def test_experiments_share_only_what_is_there_for_all():
    """Of the folders of examples only `lessons` is imported by another."""
    rooms = {path.parent.name for path in (ROOT / "examples").glob("*/__init__.py")}
    assert {"lessons", "graphs", "shrdlu", "recall"} == rooms
    for module, others in modules("examples").items():
        room = module.split(".")[1] if module.count(".") > 1 else None
        across = {other.split(".")[1] for other in others} & rooms - {room, "lessons"}
        assert not (room and across), (module, across)


@pytest.mark.parametrize("path, pattern", [
    ("setup.py", r'^    version="(.+)",$'), ("CITATION.cff", r"^version: (.+)$")])
def test_the_version_is_the_same_wherever_it_stands(path, pattern):
    assert re.findall(pattern, (ROOT / path).read_text(), re.M) == [dnc.__version__]


def test_the_model_card_has_the_table_of_the_readme():
    """`make results` writes both."""
    texts = [(ROOT / path).read_text() for path in ("README.md", "results/README.md")]
    tables = [results.TABLE_START + text.split(results.TABLE_START)[1].split(
        results.TABLE_END)[0] for text in texts]
    assert tables[0] == tables[1] and "mean error" in tables[0]


RECALL = {"dnc.csv", "dnc.weights.h5", "lstm.csv", "lstm.weights.h5"}
TRAINED = {"dnc.weights.h5", "log.csv"}
EXPERIMENTS = {"associative_recall": RECALL, "key_value": RECALL, "repeat_copy": RECALL,
               "family_tree": TRAINED, "mini_shrdlu": TRAINED, "shortest_path": TRAINED,
               "underground": TRAINED | {"lstm.weights.h5"}}


@pytest.mark.parametrize("name", sorted(
    path.name for path in (ROOT / "results").iterdir() if path.is_dir()))
def test_what_is_shipped_is_whole_and_small(name):
    folder = ROOT / "results" / name
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    digests = dict(line.split()[::-1] for line in lines)
    there = {path.name for path in folder.iterdir()} - {"SHA256SUMS"}
    assert there == {file for file in digests if not file.startswith("..")}
    assert there == EXPERIMENTS.get(name, there)
    most = 1e6 if EXPERIMENTS.get(name) is RECALL else 4e6
    for file, digest in digests.items():
        data = (folder / file).read_bytes()
        assert hashlib.sha256(data).hexdigest() == digest and len(data) < most


def test_every_experiment_is_shipped():
    assert all((ROOT / "results" / name).is_dir() for name in EXPERIMENTS)


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize("arguments, fault", [
    ("--seed=2 --data_dir=/x/y", None), ("--data_dir /x", "ARGS has --data_dir: give"),
    ('--data_dir="/a b"', 'ARGS has ": give'), ("--data_dir='/a'", "ARGS has ': give"),
    ("--checkpoint_dir=x", "ARGS has -checkpoint_dir: give"),
    ("-checkpoint_dir=x", "ARGS has -checkpoint_dir: give"),
    ("-data_dir=/x", "ARGS has -data_dir=/x: give"),
    ("--data_dir=a\\ b", "ARGS has \\: give"), ("--flagfile=f", "ARGS has -flagfile")])
def test_what_is_reproduced_is_what_is_tested(arguments, fault):
    done = subprocess.run(
        ["make", "--dry-run", "reproduce", "PRESET=joint", f"ARGS={arguments}"],
        cwd=ROOT, capture_output=True, text=True)
    if fault:
        assert done.returncode and fault in done.stderr
        return
    train, test = re.findall(r"babi/(?:train|test)\.py(?:.*\\\n)*.*", done.stdout)
    assert {"--preset=joint", "--checkpoint_dir=reproduced/joint", "--seed=2",
            "--data_dir=/x/y"} <= set(train.split())
    assert set(test.split()) - {"\\"} == {
        "babi/test.py", "--checkpoint_file=reproduced/joint", "--data_dir=/x/y"}


def test_an_installed_package_has_the_files_that_are_no_code():
    given = {}
    for node in ast.walk(ast.parse((ROOT / "setup.py").read_text())):
        if isinstance(node, ast.keyword) and node.arg == "package_data":
            given = ast.literal_eval(node.value)
    packed = {path for package, patterns in given.items() for pattern in patterns
              for path in (ROOT / package.replace(".", "/")).glob(pattern)}
    there = {path for package in ("babi", "dnc") for path in (ROOT / package).rglob("*")
             if path.is_file() and path.suffix != ".py" and path.name[0] != "."
             and "__pycache__" not in path.parts}
    assert packed == there and len(there) > 3
