"""`python -m trainer.tiny OUT`: makes the embedded model again, from nothing, on one core.

    python -m trainer.tiny /tmp/tiny --seed 1

The shipped weights came from these phases, launched one by one with a look at validation between them; they are frozen,
since another run or another machine's floating point gives other weights of the same kind.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import torch

from trainer.tiny.build import build_model, build_processor, build_tokenizer
from trainer.tiny.pretrain import Pretraining, save


def main(argv: list[str]) -> int:
    """Exit code 0 once the weights are written."""
    parser = argparse.ArgumentParser(prog="python -m trainer.tiny", description="Train the embedded model again.")
    parser.add_argument("out", type=Path, help="directory for weights, tokenizer and processor")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--snapshots", type=Path, default=None, help="also keep the weights of every validation here")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    torch.set_num_threads(1)
    tokenizer = build_tokenizer()
    processor = build_processor(tokenizer)
    model = build_model(tokenizer, seed=arguments.seed)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"{parameters} parameters, {len(tokenizer)} tokens", flush=True)
    pretraining = Pretraining(model, processor, seed=arguments.seed)
    pretraining.see()
    pretraining.run(snapshots=arguments.snapshots)
    save(model.eval(), processor, arguments.out)
    print(f"written to {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
