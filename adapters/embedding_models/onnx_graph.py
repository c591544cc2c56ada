"""A BERT model with mean pooling as one ONNX graph, in float32 or int8, made from its weights."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rag.errors import Broken

if TYPE_CHECKING:
    from onnx import NodeProto

#: What decides the numbers besides the weights, for each precision. A change of the int8 one makes
#: other vectors, so it is part of the identity of what embeds; raise `version` where the graph
#: changes and none of the rest does.
FLOAT32: Final[Mapping[str, Any]] = {
    "version": 1,
    "word_embeddings": "float32",
    "rest": "float32",
    "texts_of_a_pass": 1,
}
INT8: Final[Mapping[str, Any]] = {
    "version": 2,
    "weights": "integers from -64 to 64, one scale for each column",
    "activations": "uint8, one scale for each text, found as it passes",
    "balance": "0.6 towards activations, by quarter octaves, on the sample",
    "strongest": "32 of the wide numbers of each layer in float32",
    "word_embeddings": "float16",
    "rest": "float32",
    "texts_of_a_pass": 1,
}

#: Processors without an instruction of their own for int8 add two products of a uint8 and an int8
#: up in 16 bits, and 2 * 255 * 64 is the most that fits there: so all processors get the same sums.
_WEIGHT_LIMIT: Final = 64
_BALANCE: Final = 0.6
_STRONGEST: Final = 32
_STEPS_OF_AN_OCTAVE: Final = 4
_SMALLEST: Final = 1e-4

_MICROSOFT: Final = "com.microsoft"
_OPSET: Final = 20  # the first with a Gelu of its own
_IR_VERSION: Final = 10

_Array = NDArray[np.generic]
_Floats = NDArray[np.float32]
Largest = Mapping[str, NDArray[np.float32]]


class _Graph:
    """
    Nodes and constants so far; each call adds one and names what comes out of it.

    Args:
        largest: See `int8_graph`; None makes a graph in float32.
    """

    def __init__(self, largest: Largest | None) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, _Array] = {}
        self.balanced: list[str] = []
        self._largest = largest

    @property
    def in_float32(self) -> bool:
        """Whether nothing is quantized."""
        return self._largest is None

    def constant(self, name: str, value: _Array) -> str:
        """Add a constant."""
        self.constants[name] = np.ascontiguousarray(value)
        return name

    def node(
        self, kind: str, inputs: list[str], *outputs: str, domain: str = "", **options: Any
    ) -> str:
        """Add a node; returns the first of its outputs."""
        from onnx import helper  # noqa: PLC0415 - only needed while a graph is made

        self.nodes.append(helper.make_node(kind, inputs, outputs, domain=domain, **options))
        return outputs[0]

    def linear(self, name: str, source: str, linear: "_Linear", *, balance: bool = True) -> str:
        """Add source @ weight + bias, *source* and weight quantized."""
        weight, bias = linear
        if balance:
            self.balanced.append(source)
        if self._largest is None:
            return self.float_linear(name, source, linear)
        shift = self.constant(f"{name}.bias", bias)
        if balance:
            factor = _balance(self._largest[source], weight)
            weight = weight * factor[:, None]
            divisor = self.constant(f"{name}.balance", 1 / factor)
            source = self.node("Mul", [source, divisor], f"{name}.balanced")
        scale = np.abs(weight).max(axis=0) / _WEIGHT_LIMIT
        scale[scale == 0] = 1
        whole = np.clip(np.round(weight / scale), -_WEIGHT_LIMIT, _WEIGHT_LIMIT).astype(np.int8)
        inputs = [
            source,
            self.constant(f"{name}.weight", whole),
            self.constant(f"{name}.scale", scale),
            "",
            shift,
        ]
        return self.node("DynamicQuantizeMatMul", inputs, name, domain=_MICROSOFT)

    def float_linear(self, name: str, source: str, linear: "_Linear") -> str:
        """Add source @ weight + bias in float32."""
        weight, bias = linear
        inputs = [source, self.constant(f"{name}.weight", weight)]
        if not bias.any():
            return self.node("MatMul", inputs, name)
        self.node("MatMul", inputs, f"{name}.product")
        return self.node("Add", [f"{name}.product", self.constant(f"{name}.bias", bias)], name)

    def bend(self, name: str, source: str, wide: "_Linear", narrow: "_Linear") -> str:
        """
        Add narrow(GELU(wide(source))), the strongest of the numbers between in float32.

        A few of them are many times as large as all others, and so are what the weights hold for
        them after balancing: with them the int8 product keeps few steps for the rest, and this one
        product carries most of the error of the whole form. Without them it carries no more than
        the others, and 32 of 1,536 numbers in float32 cost next to nothing (the observation is
        LLM.int8()'s: Dettmers et al., 2022; here the choice is made once, on the sample).
        """
        bent = f"{name}.bent"
        if self._largest is None:
            self.node("Gelu", [self.linear(f"{name}.wide", source, wide)], bent)
            return self.linear(f"{name}.narrow", bent, narrow)
        strong, rest = _strongest(self._largest[bent], narrow.weight)
        self._largest = {**self._largest, bent: self._largest[bent][rest]}
        self.node("Gelu", [self.linear(f"{name}.wide", source, wide.columns(rest))], bent)
        most = self.linear(f"{name}.narrow", bent, narrow.rows(rest))
        few = self.float_linear(f"{name}.wide_strong", source, wide.columns(strong))
        self.node("Gelu", [few], f"{name}.bent_strong")
        without_bias = _Linear(narrow.weight[strong], np.zeros_like(narrow.bias))
        few = self.float_linear(f"{name}.narrow_strong", f"{name}.bent_strong", without_bias)
        return self.node("Add", [most, few], f"{name}.both")

    def normalized_sum(self, name: str, first: str, second: str, weights: "_Weights") -> str:
        """
        Add layer normalisation of a sum.

        Two nodes and not ONNX Runtime's fused one, which takes five times as long on a processor.
        """
        total = self.node("Add", [first, second], f"{name}.sum")
        gain = self.constant(f"{name}.gain", weights.of("weight"))
        shift = self.constant(f"{name}.shift", weights.of("bias"))
        return self.node(
            "LayerNormalization", [total, gain, shift], name, axis=-1, epsilon=weights.epsilon
        )


class _Weights:
    """The tensors of a model under one prefix."""

    def __init__(
        self,
        tensors: Mapping[str, _Array],
        prefix: str = "",
        *,
        epsilon: float,
        parts: Sequence[str] = (),
    ) -> None:
        self._tensors = tensors
        self._prefix = prefix
        self.epsilon = epsilon
        self.parts = parts

    def under(self, prefix: str, *, parts: Sequence[str] = ()) -> "_Weights":
        """Return those under a longer prefix; *parts* are linear maps side by side there."""
        longer = f"{self._prefix}{prefix}."
        return _Weights(self._tensors, longer, epsilon=self.epsilon, parts=parts)

    def of(self, name: str) -> _Floats:
        """Return one tensor."""
        try:
            return self._tensors[self._prefix + name].astype(np.float32)
        except KeyError as error:
            raise Broken(f"the model's weights lack {self._prefix}{name}") from error

    def linear(self) -> "_Linear":
        """Return a linear map; of several side by side."""
        each = [self.under(part) for part in self.parts] if self.parts else [self]
        # PyTorch stores (outputs, inputs).
        weight = np.concatenate([part.of("weight").T for part in each], axis=1)
        return _Linear(weight, np.concatenate([part.of("bias") for part in each]))


class _Linear(NamedTuple):
    """A linear map: *weight* of shape (inputs, outputs), *bias* of shape (outputs,)."""

    weight: _Floats
    bias: _Floats

    def columns(self, which: NDArray[np.intp]) -> "_Linear":
        """Return the map to some of the outputs."""
        return _Linear(self.weight[:, which], self.bias[which])

    def rows(self, which: NDArray[np.intp]) -> "_Linear":
        """Return the map from some of the inputs."""
        return _Linear(self.weight[which], self.bias)


def _strongest(largest: _Floats, weight: _Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return which inputs can contribute most to an output, and which are the rest; in order."""
    reach = np.maximum(largest, _SMALLEST) * np.maximum(np.abs(weight).max(axis=1), _SMALLEST)
    # Rounded as `_balance` is, and for the same reason.
    order = np.argsort(-np.round(np.log2(reach) * _STEPS_OF_AN_OCTAVE), kind="stable")
    return np.sort(order[:_STRONGEST]), np.sort(order[_STRONGEST:])


def _balance(largest: _Floats, weight: _Floats) -> _Floats:
    """
    Return what to divide each input by, and to multiply its row of the weights with.

    A few inputs are ten times as large as the rest, and the one scale of a text's activations
    would leave the others a handful of steps. This moves the difference into the weights, which
    have a scale for each column. The rule is SmoothQuant's (Xiao et al., 2023, eq. 4); rounded, so
    that the last bit of a measurement does not show.
    """
    inputs = np.maximum(largest, _SMALLEST) ** _BALANCE
    rows = np.maximum(np.abs(weight).max(axis=1), _SMALLEST) ** (1 - _BALANCE)
    steps = np.round(np.log2(inputs / rows) * _STEPS_OF_AN_OCTAVE)
    factor: _Floats = np.exp2(steps / _STEPS_OF_AN_OCTAVE).astype(np.float32)
    return factor


def float_graph(folder: Path) -> bytes:
    """
    Return the model in *folder* as an ONNX file: int64 ids (1, tokens) to `vectors` (1, dimension).

    Another output is `states` (1, tokens, dimension), of which the vector is the average,
    normalised. The ids are one text's, special tokens included. A graph for one text needs no
    attention mask and wastes nothing on padding.

    Raises:
        Broken: The model is not a BERT with absolute positions, GELU and mean pooling, or its
            weights are incomplete.
    """
    return _graph(folder, None, measured=False)


def measuring_graph(folder: Path) -> bytes:
    """Return the graph of `float_graph`, each input of a balanced product an output too."""
    return _graph(folder, None, measured=True)


def int8_graph(folder: Path, largest: Largest) -> bytes:
    """
    Return the graph of `float_graph` with int8 products (uint8 x int8 into int32).

    The scales of the activations are found for one text alone, so no vector depends on which texts
    came with it. The sums of the products are exact on every processor: see `_WEIGHT_LIMIT`.

    The nodes are written here rather than exported and optimised: fewer steps that could make
    another graph with another version, and the ones that are fastest on a processor.

    Args:
        folder: The model as sentence-transformers keeps it.

        largest: The largest magnitude of each number that goes into a balanced product, by the
            name of the output of `measuring_graph`.

    Raises:
        Broken: As `float_graph` does.
    """
    return _graph(folder, largest, measured=False)


def _graph(folder: Path, largest: Largest | None, *, measured: bool) -> bytes:
    """Return the model as an ONNX file."""
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415 - only needed here
    from safetensors.numpy import load_file  # noqa: PLC0415 - the same

    config = _supported(folder)
    heads, layers = config["num_attention_heads"], config["num_hidden_layers"]
    weights = _Weights(load_file(folder / "model.safetensors"), epsilon=config["layer_norm_eps"])
    graph = _Graph(largest)
    states = _embeddings(graph, weights.under("embeddings"))
    for n in range(layers):
        states = _layer(graph, f"layer{n}", states, weights.under(f"encoder.layer.{n}"), heads)
    tokens = graph.constant("tokens_axis", np.array([1], np.int64))
    graph.node("ReduceMean", [states, tokens], "mean", keepdims=0)
    graph.node("LpNormalization", ["mean"], "vectors", axis=-1, p=2)
    graph.node("Identity", [states], "states")
    width = config["hidden_size"]
    outputs = {"vectors": [1, width], "states": [1, "tokens", width]}
    if measured:
        outputs |= {name: [1, "tokens", "numbers"] for name in graph.balanced}
    made = helper.make_graph(
        graph.nodes,
        "embedder",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "tokens"])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in outputs.items()
        ],
        [numpy_helper.from_array(value, name) for name, value in graph.constants.items()],
    )
    operators = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_MICROSOFT, 1)]
    model = helper.make_model(made, opset_imports=operators, producer_name="quern")
    model.ir_version = _IR_VERSION
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _embeddings(graph: _Graph, weights: _Weights) -> str:
    """Add the sum of word, position and segment embeddings, normalised."""
    from onnx import TensorProto  # noqa: PLC0415 - only needed while a graph is made

    words = weights.of("word_embeddings.weight")
    # All of a text is in the first segment.
    places = (
        weights.of("position_embeddings.weight") + weights.of("token_type_embeddings.weight")[0]
    )
    if graph.in_float32:
        graph.node("Gather", [graph.constant("words", words), "ids"], "word")
    else:
        halves = graph.constant("words", words.astype(np.float16))
        graph.node("Gather", [halves, "ids"], "word_halves")
        graph.node("Cast", ["word_halves"], "word", to=TensorProto.FLOAT)
    graph.node("Shape", ["ids"], "length", start=1, end=2)
    zero = graph.constant("zero", np.array([0], np.int64))
    graph.node("Slice", [graph.constant("places", places), zero, "length", zero], "place")
    return graph.normalized_sum("embedded", "word", "place", weights.under("LayerNorm"))


def _layer(graph: _Graph, name: str, states: str, weights: _Weights, heads: int) -> str:
    """Add one layer: attention, then two products with GELU between, each added to its input."""
    three = ("query", "key", "value")
    graph.linear(f"{name}.qkv", states, weights.under("attention.self", parts=three).linear())
    parts = [f"{name}.{which}" for which in three]
    graph.node("Split", [f"{name}.qkv"], *parts, axis=-1, num_outputs=3)
    context = graph.node(
        "MultiHeadAttention", parts, f"{name}.context", domain=_MICROSOFT, num_heads=heads
    )
    output = weights.under("attention.output")
    # What attention has averaged has no outliers: nothing to balance.
    mixed = graph.linear(f"{name}.mixed", context, output.under("dense").linear(), balance=False)
    states = graph.normalized_sum(f"{name}.attended", mixed, states, output.under("LayerNorm"))
    wide, output = weights.under("intermediate.dense").linear(), weights.under("output")
    narrow = graph.bend(name, states, wide, output.under("dense").linear())
    return graph.normalized_sum(f"{name}.done", narrow, states, output.under("LayerNorm"))


def _supported(folder: Path) -> Mapping[str, Any]:
    """Return the model's configuration, if it is one that this graph computes."""
    config: dict[str, Any] = _json(folder / "config.json")
    modules = [module["type"].rpartition(".")[2] for module in _json(folder / "modules.json")]
    pooling = _json(folder / "1_Pooling" / "config.json") if "Pooling" in modules else {}
    pooled = sorted(name for name in pooling if name.startswith("pooling_mode") and pooling[name])
    wanted = {
        "model_type": (config.get("model_type"), "bert"),
        "hidden_act": (config.get("hidden_act"), "gelu"),
        "position_embedding_type": (config.get("position_embedding_type", "absolute"), "absolute"),
        "modules": (modules[:2], ["Transformer", "Pooling"]),
        "further modules": ([name for name in modules[2:] if name != "Normalize"], []),
        "pooling": (pooling.get("pooling_mode", pooled), ["pooling_mode_mean_tokens"]),
    }
    if wanted["pooling"][0] == "mean":  # as newer versions write it
        del wanted["pooling"]
    for name, (found, expected) in wanted.items():
        if found != expected:
            raise Broken(f"{folder} has {name} {found}; an ONNX form is made for {expected} only")
    if not (folder / "model.safetensors").is_file():
        raise Broken(f"{folder} has no model.safetensors to make an ONNX form from")
    return config


def _json(path: Path) -> Any:
    """Read a JSON file of the model."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Broken(f"{path} is not readable: {error}") from error
