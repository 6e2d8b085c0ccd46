#!/usr/bin/env python3
"""Forward pass and LoRA step of SmolLM2-135M in transformers + PEFT, for benchmarks/causal_lm_bench.cc.

    python benchmarks/peers/causal_lm_step.py [--threads 1] [--steps 5] [--clock wall|cpu] [--checkpoint DIR]

bf16, SDPA, batch 8 of 128-token prompts, logits over 3,000 items at the last position, LoRA of rank 8 on q
and v, fused AdamW. Without a checkpoint the weights are random: the time does not depend on them.
`--clock cpu` counts the process's processor time instead of wall time (one thread on a machine that does
other work).
"""
import argparse
import resource
import statistics
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig

PROMPTS, TOKENS, ITEMS, DIM = 8, 128, 3000, 576


def make_model(checkpoint):
    options = dict(dtype=torch.bfloat16, attn_implementation="sdpa")
    if checkpoint:
        return AutoModelForCausalLM.from_pretrained(checkpoint, **options)
    config = LlamaConfig(vocab_size=49152, hidden_size=DIM, intermediate_size=1536, num_hidden_layers=30,
                         num_attention_heads=9, num_key_value_heads=3, max_position_embeddings=8192,
                         tie_word_embeddings=True)
    return AutoModelForCausalLM.from_config(config, **options)


def milliseconds(run, steps, clock):
    run()
    times = []
    for _ in range(steps):
        begin = clock()
        run()
        times.append(1e3 * (clock() - begin))
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--checkpoint")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    clock = time.process_time if args.clock == "cpu" else time.perf_counter
    model = make_model(args.checkpoint)
    items = (0.1 * torch.randn(ITEMS, DIM)).to(torch.bfloat16)
    tokens = torch.randint(0, 49152, (PROMPTS, TOKENS))
    targets = torch.randint(0, ITEMS, (PROMPTS,))

    def forward():
        with torch.no_grad():
            return model.model(tokens, use_cache=False).last_hidden_state[:, -1] @ items.T

    def report(what, run):
        ms = milliseconds(run, args.steps, clock)
        print(f"threads {args.threads} {what}: {ms:.0f} ms, {ms / PROMPTS:.1f} a prompt", flush=True)

    report("forward", forward)
    peft = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"]))
    trained = [p for p in peft.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=2e-4, fused=True)

    def step():
        optimiser.zero_grad(set_to_none=True)
        hidden = peft.base_model.model.model(tokens, use_cache=False).last_hidden_state[:, -1]
        torch.nn.functional.cross_entropy((hidden @ items.T).float(), targets).backward()
        optimiser.step()

    report("LoRA step", step)
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
