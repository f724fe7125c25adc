"""PyTorch + PEFT on what io.github.lora4j.bench.Decoders has written of E2E: LoRA r=8 on all linear modules with the same steps, batch, schedule and learning
rate; loss on the answers and BLEU of greedy answers on the rows held out.

usage: torch_e2e.py MODEL TRAIN.JSONL TEST.JSONL [--seeds 1,2,3] [--steps 60] [--batch 16] [--rate 3e-3] [--threads 2]
needs: pip install torch transformers peft sacrebleu
"""
import argparse
import json
import math
import os
import random
import statistics
import time

import peft
import sacrebleu
import tokenizers
import torch
import transformers

parser = argparse.ArgumentParser(usage=__doc__)
parser.add_argument("model")
parser.add_argument("train")
parser.add_argument("test")
parser.add_argument("--seeds", default="1,2,3")
parser.add_argument("--steps", type=int, default=60)
parser.add_argument("--batch", type=int, default=16)
parser.add_argument("--rate", type=float, default=3e-3)
parser.add_argument("--threads", type=int, default=2)
a = parser.parse_args()
torch.set_num_threads(a.threads)
transformers.logging.set_verbosity_error()
tokenizer = tokenizers.Tokenizer.from_file(os.path.join(a.model, "tokenizer.json"))
with open(os.path.join(a.model, "config.json"), encoding="utf-8") as file:
    end = json.load(file)["eos_token_id"]


def read(name):
    with open(name, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def encoded(row):
    tokens = tokenizer.encode(row["prompt"] + row["completion"])
    labels = [i if to > len(row["prompt"]) else -100 for i, (_, to) in zip(tokens.ids, tokens.offsets)]
    return tokens.ids + [end], labels + [end]


def batch(rows):
    longest = max(len(ids) for ids, _ in rows)
    return {"input_ids": torch.tensor([ids + [end] * (longest - len(ids)) for ids, _ in rows]),
            "attention_mask": torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids, _ in rows]),
            "labels": torch.tensor([labels + [-100] * (longest - len(labels)) for _, labels in rows])}


train = [encoded(row) for row in read(a.train)]
test = read(a.test)
references = {}
for row in test:
    references.setdefault(row["prompt"], []).append(row["completion"])


def measured(model):
    model.eval()
    total = count = 0
    rows = [encoded(row) for row in test]
    with torch.no_grad():
        for at in range(0, len(rows), 32):
            part = batch(rows[at:at + 32])
            n = int((part["labels"] != -100).sum())
            total += n * model(**part).loss.item()
            count += n
        answers = []
        for prompt in references:
            ids = torch.tensor([tokenizer.encode(prompt).ids])
            out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=80, do_sample=False, eos_token_id=end, pad_token_id=end)
            answers.append(tokenizer.decode(out[0, ids.shape[1]:].tolist()).strip())
    most = max(len(texts) for texts in references.values())
    columns = [[texts[i] if i < len(texts) else None for texts in references.values()] for i in range(most)]
    return total / count, sacrebleu.corpus_bleu(answers, columns).score


def interval(values):
    return "%.3f ± %.3f" % (statistics.mean(values), {2: 12.706, 3: 4.303, 5: 2.776}[len(values)] * statistics.stdev(values) / math.sqrt(len(values)))


results = []
for seed in [int(seed) for seed in a.seeds.split(",")]:
    torch.manual_seed(seed)
    model = peft.get_peft_model(transformers.AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32),
                                peft.LoraConfig(task_type="CAUSAL_LM", r=8, lora_alpha=16, target_modules="all-linear"))
    model.train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=a.rate, weight_decay=0.0)
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, math.ceil(0.05 * a.steps), a.steps)
    order = list(range(len(train)))
    random.Random(seed).shuffle(order)
    start = time.perf_counter()
    for step in range(a.steps):
        part = batch([train[i] for i in order[step * a.batch:(step + 1) * a.batch]])
        model(**part).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    seconds = time.perf_counter() - start
    results.append(measured(model))
    print("torch %s, peft %s, seed %d: loss %.4f, BLEU %.2f; %.0f s" % (torch.__version__, peft.__version__, seed, *results[-1], seconds), flush=True)
if len(results) in (2, 3, 5):
    print("loss %s, BLEU %s" % (interval([loss for loss, _ in results]), interval([bleu for _, bleu in results])))
