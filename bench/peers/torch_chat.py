"""lora4j beside PyTorch + PEFT on instructions at their real lengths: one epoch over the same rows, a step of each in turn. lora4j packs the rows of a
batch one behind another, PyTorch pads them to the longest; both learn the answers alone.

usage: torch_chat.py MODEL ALPACA.JSON [--rows 1600] [--batch 16] [--length 256] [--threads 2] [--rank 8] [--targets q_proj,v_proj] [--warm 12]
       MODEL is a Llama's directory as on the Hub, ALPACA.JSON a list of instruction, input and output; rows longer than --length are left out
needs: a built lora4j (./lora4j doctor builds it; mvn -q -pl bench -am test-compile for bench), Python with torch, transformers, peft;
       LORA4J_CLASSPATH names classes and libraries to take in place of that build
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

import peft
import tokenizers
import torch
import transformers

parser = argparse.ArgumentParser(usage=__doc__)
parser.add_argument("model")
parser.add_argument("data")
parser.add_argument("--rows", type=int, default=1600)
parser.add_argument("--batch", type=int, default=16)
parser.add_argument("--length", type=int, default=256)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rank", type=int, default=8)
parser.add_argument("--targets", default="q_proj,v_proj")
parser.add_argument("--warm", type=int, default=12, help="steps that are not counted")
a = parser.parse_args()
here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(os.path.dirname(here))
HEAD = "Below is an instruction that describes a task%s. Write a response that appropriately completes the request."

with open(a.data, encoding="utf-8") as file:
    rows = json.load(file)
random.Random(0).shuffle(rows)
tokenizer = tokenizers.Tokenizer.from_file(os.path.join(a.model, "tokenizer.json"))
with open(os.path.join(a.model, "config.json"), encoding="utf-8") as file:
    end = json.load(file)["eos_token_id"]


def tokens(row):
    """Ids and labels: what a token of the answer ends in is learnt, and the end."""
    prompt = HEAD % (", paired with an input that provides further context" if row["input"] else "") + "\n\n### Instruction:\n" + row["instruction"] + (
        "\n\n### Input:\n" + row["input"] if row["input"] else "") + "\n\n### Response:\n"
    encoded = tokenizer.encode(prompt + row["output"])
    labels = [i if to > len(prompt) else -100 for i, (_, to) in zip(encoded.ids, encoded.offsets)]
    return encoded.ids + [end], labels + [end]


rows = [row for row in rows if row["output"] and len(tokens(row)[0]) <= a.length][:a.rows]
part = tempfile.NamedTemporaryFile("w", suffix=".json", delete=False, encoding="utf-8")
with part:
    json.dump(rows, part)


def class_path():
    if "LORA4J_CLASSPATH" in os.environ:
        return os.environ["LORA4J_CLASSPATH"]
    with open(os.path.join(root, "cli/target/lora4j.classpath")) as libraries:
        return os.pathsep.join([os.path.join(root, module, "target", "classes") for module in ("bench", "cli")] + [libraries.read().strip()])


java = os.path.join(os.environ["JAVA_HOME"], "bin", "java") if "JAVA_HOME" in os.environ else "java"
ours = subprocess.Popen([java, "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC", "-Xmn24m",
                         "@" + os.path.join(root, "cli", "jvm-arguments"), "-cp", class_path(), "io.github.lora4j.bench.ChatTime", a.model, part.name,
                         str(a.batch), str(a.length), str(a.threads), str(a.rank), a.targets], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                        env={**os.environ, "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"})  # as the launcher does
described = ours.stdout.readline().strip()
if not described:
    sys.exit("lora4j ended; what it said stands above (JAVA_HOME must be a JDK 25)")
print(described)


def our_step():
    ours.stdin.write("step\n")
    ours.stdin.flush()
    seconds, examples, count = ours.stdout.readline().split()
    return float(seconds), int(examples), int(count)


torch.set_num_threads(a.threads)
torch.manual_seed(0)
base = transformers.AutoModelForCausalLM.from_pretrained(a.model, dtype=torch.float32)
targets = a.targets.split(",") if "," in a.targets else a.targets
model = peft.get_peft_model(base, peft.LoraConfig(task_type="CAUSAL_LM", r=a.rank, lora_alpha=2 * a.rank, target_modules=targets))
model.train()
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=5e-4, weight_decay=0.0)
order = list(range(len(rows)))
random.Random(1).shuffle(order)


def torch_step(at):
    chosen = [tokens(rows[i]) for i in order[at:at + a.batch]]
    start = time.perf_counter()
    longest = max(len(ids) for ids, _ in chosen)
    ids = torch.tensor([i + [end] * (longest - len(i)) for i, _ in chosen])
    mask = torch.tensor([[1] * len(i) + [0] * (longest - len(i)) for i, _ in chosen])
    labels = torch.tensor([n + [-100] * (longest - len(n)) for _, n in chosen])
    model(input_ids=ids, attention_mask=mask, labels=labels).loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return time.perf_counter() - start, len(chosen), int(mask.sum())


print("torch %s, peft %s; %d rows" % (torch.__version__, peft.__version__, len(rows)))


def peak(pid):
    with open("/proc/%d/status" % pid) as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM"))


pairs = []
for at in range(0, len(rows), a.batch):
    memory = peak(ours.pid)  # Before each step: it ends with the last.
    pairs.append((our_step(), torch_step(at)))
counted = pairs[a.warm:]
for name, side in (("lora4j", 0), ("torch", 1)):
    seconds, examples, count = (sum(pair[side][i] for pair in counted) for i in range(3))
    print("%-6s %6.1f rows/s, %7.0f tokens/s, median step %.3f s; %d rows, %d tokens; whole epoch %.1f s" % (
        name, examples / seconds, count / seconds, statistics.median(pair[side][0] for pair in counted), examples, count,
        sum(pair[side][0] for pair in pairs)))
rate = [sum(pair[side][1] for pair in counted) / sum(pair[side][0] for pair in counted) for side in (0, 1)]
print("rows/s of lora4j are %.2f times PyTorch's after %d steps of warm-up; %.2f times with them" % (
    rate[0] / rate[1], a.warm, sum(pair[1][0] for pair in pairs) / sum(pair[0][0] for pair in pairs)))

print("most resident memory: lora4j %d MB, torch %d MB" % (memory, peak(os.getpid())))
ours.kill()
os.unlink(part.name)
