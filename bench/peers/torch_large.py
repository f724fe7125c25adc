"""PyTorch + PEFT: LoRA steps on a Llama of 1.1 billion parameters in bf16 with recomputed layers, beside lora4j's in NF4.

usage: torch_large.py [STEPS [LENGTH [THREADS]]]; or torch_large.py --write DIRECTORY, which writes such a model with random weights for lora4j:
  model: DIRECTORY           task: causal_lm          weights: nf4
  adapter: {r: 8, target_modules: all-linear}         recompute: layers
  data: {max_length: 512}    batch_size: 1            max_steps: 3
(a tokenizer.json of 32,000 words must be put beside it). Prints seconds and processor seconds of each step, and the most memory that was resident:
on a machine that others use, processor seconds for a token are what can be compared.
needs: pip install torch transformers peft
"""
import os
import resource
import sys
import time

import torch
import transformers

config = transformers.LlamaConfig(vocab_size=32000, hidden_size=2048, num_hidden_layers=22, num_attention_heads=32, num_key_value_heads=4,
                                  intermediate_size=5632, max_position_embeddings=2048, tie_word_embeddings=False)
torch.manual_seed(0)
torch.set_default_dtype(torch.bfloat16)
if sys.argv[1:2] == ["--write"]:
    transformers.LlamaForCausalLM(config).save_pretrained(sys.argv[2])
    sys.exit()
import peft

steps, length, threads = (list(map(int, sys.argv[1:])) + [3, 512, 2][len(sys.argv) - 1:])[:3]
torch.set_num_threads(threads)
with torch.no_grad():
    base = transformers.LlamaForCausalLM(config)
base.gradient_checkpointing_enable({"use_reentrant": False})
base.enable_input_require_grads()
base.config.use_cache = False
model = peft.get_peft_model(base, peft.LoraConfig(task_type="CAUSAL_LM", r=8, lora_alpha=16, target_modules="all-linear"))
model.train()
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-4)
ids = torch.randint(0, 32000, (1, length))
print(f"torch {torch.__version__}, peft {peft.__version__}, {threads} threads, load {os.getloadavg()[0]:.1f}", flush=True)
for step in range(steps):
    start, worked = time.perf_counter(), time.process_time()
    loss = model(input_ids=ids, labels=ids).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    loss.item()
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(f"step {step + 1}: {seconds:.1f} s, {length / seconds:.1f} tokens/s; {worked:.1f} s of processors, {1000 * worked / length:.1f} ms a token; "
          f"{peak:,.0f} MB resident at most", flush=True)
