"""PyTorch + PEFT: the training step that lora4j's StepTime makes, with the same shapes; a step for each line on stdin, its seconds on stdout.

usage: torch_step.py LAYERS HIDDEN HEADS INTERMEDIATE BATCH LENGTH RANK THREADS [--llama | --deberta] [--cuda]
needs: pip install torch transformers peft
"""
import sys
import time

import peft
import torch
import transformers

layers, hidden, heads, intermediate, batch, length, rank, threads = [int(a) for a in sys.argv[1:9]]
torch.set_num_threads(threads)
torch.manual_seed(0)
device = "cuda" if "--cuda" in sys.argv else "cpu"
if "--llama" in sys.argv:
    config = transformers.LlamaConfig(vocab_size=32000, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
                                      intermediate_size=intermediate, max_position_embeddings=512, tie_word_embeddings=True)
    base, task, targets = transformers.LlamaForCausalLM(config), "CAUSAL_LM", ["q_proj", "v_proj"]
elif "--deberta" in sys.argv:
    config = transformers.DebertaV2Config(vocab_size=30522, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
                                          intermediate_size=intermediate, num_labels=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
                                          relative_attention=True, pos_att_type=["p2c", "c2p"], position_buckets=256, share_att_key=True,
                                          norm_rel_ebd="layer_norm", position_biased_input=False, max_position_embeddings=512)
    base, task = transformers.DebertaV2ForSequenceClassification(config), "SEQ_CLS"
    targets = ["query_proj", "key_proj", "value_proj", "attention.output.dense", "intermediate.dense", "output.dense"]
else:
    config = transformers.BertConfig(vocab_size=30522, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
                                 intermediate_size=intermediate, num_labels=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    base, task, targets = transformers.BertForSequenceClassification(config), "SEQ_CLS", ["query", "value"]
if "--deberta" in sys.argv:
    adapter = peft.AdaLoraConfig(task_type=task, init_r=rank, target_r=rank // 2, tinit=2, tfinal=100, deltaT=10, total_step=1000, lora_alpha=2 * rank,
                                 target_modules=targets)
else:
    adapter = peft.LoraConfig(task_type=task, r=rank, lora_alpha=2 * rank, target_modules=targets)
model = peft.get_peft_model(base, adapter)
model.to(device).train()
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
ids = torch.randint(0, 30522, (batch, length), device=device)
mask = torch.ones_like(ids)
labels = ids if task == "CAUSAL_LM" else torch.arange(batch, device=device) % 2
print(f"torch {torch.__version__}, peft {peft.__version__}, transformers {transformers.__version__}", flush=True)
for step, line in enumerate(sys.stdin):
    start = time.perf_counter()
    loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
    loss.backward()
    optimizer.step()
    if "--deberta" in sys.argv:
        model.base_model.update_and_allocate(step + 1)
    optimizer.zero_grad()
    loss.item()  # A step ends when its loss is known, also where the device works on its own.
    print(f"{time.perf_counter() - start:.4f}", flush=True)
