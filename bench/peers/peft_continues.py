"""Trains an adapter of each method by the lora4j command, and has PEFT load it and go on greedily: are the tokens those of `lora4j generate`?

usage: peft_continues.py MODEL DATA.JSONL [--command ./lora4j] [--work DIR] [--steps 8] [--tokens 40] [--only NAME;NAME]
       MODEL is a decoder's directory, DATA.JSONL rows of prompt and completion
needs: a built lora4j, Python with torch, transformers, peft
Where lora4j does not generate with a method, the mean loss of the first 20 rows is compared instead.
"""
import argparse
import json
import os
import subprocess
import sys

import peft
import tokenizers
import torch
import transformers

LINEAR = {"r": 8, "lora_alpha": 16, "target_modules": "all-linear"}
QV = {"r": 8, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"]}
METHODS = {
    "lora all-linear": ("lora", LINEAR, 5e-3),
    "lora q,v": ("lora", QV, 5e-3),
    "dora": ("lora", {**LINEAR, "use_dora": True}, 5e-3),
    "rslora": ("lora", {**LINEAR, "use_rslora": True}, 3e-3),
    "lora with biases": ("lora", {**QV, "lora_bias": True}, 5e-3),
    "lora, pissa": ("lora", {**QV, "init_lora_weights": "pissa"}, 1e-3),
    "adalora": ("adalora", {"init_r": 12, "target_r": 8, "target_modules": "all-linear"}, 1e-2),
    "ia3": ("ia3", {}, 3e-2),
    "lora on embedding and head": ("lora", {"r": 8, "lora_alpha": 16, "target_modules": ["embed_tokens", "lm_head"]}, 5e-3),
    "lora, modules_to_save norm": ("lora", {**QV, "modules_to_save": ["norm"]}, 5e-3),
    "lora, modules_to_save lm_head": ("lora", {**QV, "modules_to_save": ["lm_head"]}, 1e-3),
    "lora, modules_to_save embed_tokens": ("lora", {**QV, "modules_to_save": ["embed_tokens"]}, 1e-3),
    "lora, trainable tokens": ("lora", {**QV, "trainable_token_indices": [1024, 29871, 584]}, 5e-3),
    "prompt tuning": ("prompt-tuning", {"num_virtual_tokens": 8}, 1e-1),
    "prefix tuning": ("prefix-tuning", {"num_virtual_tokens": 8}, 1e-1),
}
PROMPTS = ["Once upon a time, there was a little girl named Lily.", "name : Strada | Type : pub | food : English | near : Yippee Noodle Bar\n"]

parser = argparse.ArgumentParser(usage=__doc__)
parser.add_argument("model")
parser.add_argument("data")
parser.add_argument("--command", default="./lora4j")
parser.add_argument("--work", default="peft-continues")
parser.add_argument("--steps", type=int, default=8)
parser.add_argument("--tokens", type=int, default=40)
parser.add_argument("--only", default="", help="names, separated by semicolons")
a = parser.parse_args()
transformers.logging.set_verbosity_error()
tokenizer = tokenizers.Tokenizer.from_file(os.path.join(a.model, "tokenizer.json"))
with open(os.path.join(a.model, "config.json"), encoding="utf-8") as file:
    end = json.load(file)["eos_token_id"]
with open(a.data, encoding="utf-8") as file:
    rows = [json.loads(line) for line in file][:20]
os.makedirs(a.work, exist_ok=True)
held = os.path.join(a.work, "eval.jsonl")
with open(held, "w", encoding="utf-8") as file:
    file.writelines(json.dumps(row) + "\n" for row in rows)


def lora4j(*arguments):
    ran = subprocess.run([*a.command.split(), *arguments], capture_output=True, text=True)
    return ran.stdout if ran.returncode == 0 else None, ran.stderr.strip().splitlines()


def trained(name):
    method, adapter, rate = METHODS[name]
    run = os.path.join(a.work, name.replace(" ", "-").replace(",", ""))
    if not os.path.exists(os.path.join(run, "adapter", "adapter_config.json")):
        recipe = run + ".yaml"
        with open(recipe, "w", encoding="utf-8") as file:
            json.dump({"model": a.model, "output": run, "task": "chat", "chat_template": "none", "method": method, "adapter": adapter,
                       "data": {"train": a.data, "eval": held, "max_length": 200}, "optimizer": {"learning_rate": rate}, "batch_size": 8,
                       "max_steps": a.steps, "samples": 0}, file)
        out, problems = lora4j("train", recipe)
        if out is None:
            sys.exit("%s: %s" % (name, "\n".join(problems)))
    return run


def loss(model):
    """Of the answers' tokens of all rows, as lora4j's eval has it."""
    total = count = 0
    for row in rows:
        encoded = tokenizer.encode(row["prompt"] + row["completion"])
        ids = encoded.ids + [end]
        labels = [i if to > len(row["prompt"]) else -100 for i, (_, to) in zip(encoded.ids, encoded.offsets)] + [end]
        n = sum(label != -100 for label in labels)
        with torch.no_grad():  # Not by giving it labels: AdaLoRA in PEFT 0.21 fails then when it does not train.
            logits = model(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long)).logits
        total += torch.nn.functional.cross_entropy(logits[0, -len(ids):-1], torch.tensor(labels[1:]), ignore_index=-100, reduction="sum").item()
        count += n
    return total / count


def continued(model, prompt):
    ids = torch.tensor([tokenizer.encode(prompt).ids])
    out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=a.tokens, do_sample=False, eos_token_id=end, pad_token_id=end)
    # With virtual tokens as embeddings, generate gives the new tokens alone or with the prompt, depending on the version.
    out = out[0].tolist()
    return out[ids.shape[1]:] if out[:ids.shape[1]] == ids[0].tolist() else out


def before(tokens):
    return tokens[:tokens.index(end)] if end in tokens else tokens


print("| adapter | PEFT's class | the same tokens | loss: lora4j | PEFT | differs from the base model |")
print("|---|---|---|--:|--:|---|")
plain = transformers.AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32).eval()
base = [before(continued(plain, prompt)) for prompt in PROMPTS]
for name in METHODS:
    if a.only and name not in a.only.split(";"):
        continue
    run = trained(name)
    model = peft.PeftModel.from_pretrained(transformers.AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32), os.path.join(run, "adapter"))
    model.eval()
    theirs = [before(continued(model, prompt)) for prompt in PROMPTS]
    out, problems = lora4j("generate", "--model", run, *sum((["--prompt", prompt] for prompt in PROMPTS), []), "--max_new_tokens", str(a.tokens),
                           "--json")
    if out is None:
        said = "lora4j: " + problems[-1]
    else:
        ours = [before(json.loads(line)["token_ids"]) for line in out.splitlines() if line.startswith("{")]
        same = [next((i for i, (x, y) in enumerate(zip(x + [end], y + [end])) if x != y), max(len(x), len(y))) for x, y in zip(ours, theirs)]
        said = ", ".join("%d of %d" % (n, len(t)) for n, t in zip(same, theirs))
    out, problems = lora4j("eval", run, "--json")
    measured = json.loads(next(line for line in out.splitlines() if line.startswith("{")))["adapter"]["loss"] if out else float("nan")
    print("| %s | %s | %s | %.6f | %.6f | %s |" % (name, type(model.peft_config["default"]).__name__, said, measured, loss(model),
                                                  "yes" if theirs != base else "no"), flush=True)
