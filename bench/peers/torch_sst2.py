"""PyTorch + PEFT: one epoch of SST-2 on MiniLM's shape, as `lora4j train examples/sst2.yaml` does it: batches of 32, padded to their longest.

usage: torch_sst2.py TOKENIZER.JSON TRAIN.TSV [ROWS [THREADS]]
needs: pip install torch transformers peft
The weights are random (time does not depend on them, accuracy does); what is timed is the loop over batches, tokenising included.
"""
import random
import resource
import sys
import time

import peft
import tokenizers
import torch
import transformers

rows = int(sys.argv[3]) if len(sys.argv) > 3 else 16000
torch.set_num_threads(int(sys.argv[4]) if len(sys.argv) > 4 else 2)
torch.manual_seed(0)
tokenizer = tokenizers.Tokenizer.from_file(sys.argv[1])
tokenizer.enable_truncation(128)
tokenizer.enable_padding()
with open(sys.argv[2], encoding="utf-8") as file:
    data = [line.rstrip("\n").split("\t") for line in file][1:rows + 1]
random.Random(0).shuffle(data)
config = transformers.BertConfig(vocab_size=tokenizer.get_vocab_size(), hidden_size=384, num_hidden_layers=6, num_attention_heads=12,
                                 intermediate_size=1536, num_labels=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
model = peft.get_peft_model(transformers.BertForSequenceClassification(config),
                            peft.LoraConfig(task_type="SEQ_CLS", r=8, lora_alpha=16, target_modules=["query", "value"]))
model.train()
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=5e-4)
tokens = 0
start = time.perf_counter()
for i in range(0, len(data), 32):
    part = data[i:i + 32]
    encoded = tokenizer.encode_batch([text for text, _ in part])
    ids = torch.tensor([e.ids for e in encoded])
    mask = torch.tensor([e.attention_mask for e in encoded])
    model(input_ids=ids, attention_mask=mask, labels=torch.tensor([int(label) for _, label in part])).loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    tokens += int(mask.sum())
seconds = time.perf_counter() - start
print(f"torch {torch.__version__}, peft {peft.__version__}: {len(data)} rows in {seconds:.1f} s, {len(data) / seconds:.0f} rows/s, "
      f"{tokens / seconds:.0f} tokens/s, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
