"""Makes a tiny Llama with random weights, whose tokenizer is trained on this repository's text."""

import json
import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM

ROOT = Path(__file__).parents[2]
VOCABULARY = 2_048
CONTEXT = 8_192
SPECIAL = ("<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def make(folder: Path, *, width: int = 128, layers: int = 2) -> Path:
    """
    Write a model that vLLM loads, in seconds and the same at each call.

    It answers with nonsense, and never ends by itself under greedy sampling: an answer has
    exactly as many tokens as were asked for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _tokenizer().save(str(folder / "tokenizer.json"))
    described = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": SPECIAL[0],
        "pad_token": SPECIAL[0],
        "model_max_length": CONTEXT,
        "chat_template": TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(described))
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        bos_token_id=0,
        eos_token_id=0,
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        # Special tokens get a logit of nought, which is never the largest of two thousand.
        model.lm_head.weight[: len(SPECIAL)] = 0.0
    model.to(torch.bfloat16).save_pretrained(folder)
    return folder


def _tokenizer() -> Tokenizer:
    """Train a byte-level BPE on the documents and the code of this repository."""
    files = sorted(
        path for name in ("rag", "jobs", "docs", "web") for path in (ROOT / name).rglob("*.py")
    )
    texts = [path.read_text("utf-8") for path in [ROOT / "README.md", *files]]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


if __name__ == "__main__":
    make(Path(sys.argv[1]), **dict(zip(("width", "layers"), map(int, sys.argv[2:]), strict=False)))
