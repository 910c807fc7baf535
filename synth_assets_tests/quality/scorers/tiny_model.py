"""A causal model of random weights and a tokenizer, built in place: nothing is downloaded."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

CORPUS = (
    "Name the colours of the flag of Chad.\nThe colours are blue, yellow and red.",
    "Spell harbour backwards.\nThe word harbour backwards is ruobrah.",
    "What is the sum of forty and six?\nForty and six are 46. Größe, 東京, 🙂.",
)
END = "<|endoftext|>"


def tiny_tokenizer(corpus: Iterable[str] = CORPUS, size: int = 320) -> Any:
    """Byte-level BPE as GPT-2 has it, learnt from a few lines."""
    tokenizers, transformers = import_module("tokenizers"), import_module("transformers")
    bytes_of = import_module("tokenizers.pre_tokenizers").ByteLevel
    learnt = tokenizers.Tokenizer(import_module("tokenizers.models").BPE())
    learnt.pre_tokenizer = bytes_of(add_prefix_space=False)
    learnt.decoder = import_module("tokenizers.decoders").ByteLevel()
    trainer = import_module("tokenizers.trainers").BpeTrainer(
        vocab_size=size,
        special_tokens=[END],
        initial_alphabet=bytes_of.alphabet(),
        show_progress=False,
    )
    learnt.train_from_iterator(list(corpus), trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=learnt, eos_token=END, bos_token=END, model_max_length=10_000
    )


def tiny_model(
    vocabulary: int,
    *,
    width: int = 32,
    layers: int = 2,
    positions: int = 128,
    spread: float = 0.3,
) -> Any:
    """A GPT-2 with random weights, spread so widely that its probabilities differ."""
    torch, transformers = import_module("torch"), import_module("transformers")
    torch.manual_seed(1)
    config = transformers.GPT2Config(
        vocab_size=vocabulary,
        n_positions=positions,
        n_embd=width,
        n_layer=layers,
        n_head=4,
        initializer_range=spread,
        bos_token_id=0,
        eos_token_id=0,
    )
    return transformers.GPT2LMHeadModel(config).eval()


def save_tiny_model(folder: Path, *, positions: int = 128) -> Path:
    """Model and tokenizer in a folder, as `from_pretrained` reads it."""
    tokenizer = tiny_tokenizer()
    tokenizer.save_pretrained(folder)
    tiny_model(len(tokenizer), positions=positions).save_pretrained(folder)
    return folder
