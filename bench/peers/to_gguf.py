"""Writes a Llama's directory (config.json, model.safetensors in F32 or F16, tokenizer.model where there is one) as a GGUF file for llama.cpp.

usage: to_gguf.py MODEL OUT.GGUF f32|f16|q8_0|q4_0|q4_1|q5_0|q5_1
needs: pip install gguf numpy safetensors; sentencepiece for a tokenizer.model (without it the file has pieces that are numbers, which is enough to time it)
llama.cpp turns neighbouring pairs of a head's columns, Hugging Face's files the two halves: rows of q and k are put in its order.
"""
import json
import os
import sys

import gguf
import numpy
from safetensors import safe_open

model, out, kind = sys.argv[1:4]
with open(os.path.join(model, "config.json"), encoding="utf-8") as file:
    config = json.load(file)
heads = config["num_attention_heads"]
kv = config.get("num_key_value_heads", heads)
width = config["hidden_size"]
words = config["vocab_size"]
writer = gguf.GGUFWriter(out, "llama")
writer.add_name(os.path.basename(os.path.abspath(model)))
writer.add_context_length(config["max_position_embeddings"])
writer.add_embedding_length(width)
writer.add_block_count(config["num_hidden_layers"])
writer.add_feed_forward_length(config["intermediate_size"])
writer.add_head_count(heads)
writer.add_head_count_kv(kv)
writer.add_rope_dimension_count(width // heads)
writer.add_rope_freq_base(float(config.get("rope_theta", 10000.0)))
writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
writer.add_vocab_size(words)
writer.add_file_type(gguf.LlamaFileType.ALL_F32 if kind == "f32" else gguf.LlamaFileType["MOSTLY_" + kind.upper()])

pieces, scores, kinds = [b"<unk>", b"<s>", b"</s>"], [0.0] * 3, [2, 3, 3]
sentences = os.path.join(model, "tokenizer.model")
try:
    import sentencepiece
    if not os.path.exists(sentences):
        raise ImportError
    read = sentencepiece.SentencePieceProcessor(model_file=sentences)
    for i in range(3, words):
        pieces.append(read.id_to_piece(i).encode())
        scores.append(read.get_score(i))
        kinds.append(6 if read.is_byte(i) else 1)
except ImportError:
    for i in range(3, words):
        pieces.append(b"<0x%02X>" % (i - 3) if i < 259 else b"%d;" % i)
        scores.append(float(-i))
        kinds.append(6 if i < 259 else 1)
writer.add_tokenizer_model("llama")
writer.add_token_list(pieces)
writer.add_token_scores(scores)
writer.add_token_types(kinds)
writer.add_bos_token_id(config.get("bos_token_id", 1))
writer.add_eos_token_id(config.get("eos_token_id", 2))
writer.add_unk_token_id(0)

NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
         "post_attention_layernorm": "ffn_norm"}


def name(of):
    parts = of.removesuffix(".weight").split(".")
    if parts[1] == "layers":
        return "blk.%s.%s.weight" % (parts[2], NAMES[".".join(parts[3:])])
    return {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}[".".join(parts)] + ".weight"


def neighbours(weight, n):
    return weight.reshape(n, 2, weight.shape[0] // n // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


with safe_open(os.path.join(model, "model.safetensors"), "numpy") as tensors:
    for of in tensors.keys():
        weight = tensors.get_tensor(of)
        if of.endswith("q_proj.weight"):
            weight = neighbours(weight, heads)
        elif of.endswith("k_proj.weight"):
            weight = neighbours(weight, kv)
        type = gguf.GGMLQuantizationType[kind.upper() if weight.ndim == 2 else "F32"]
        writer.add_tensor(name(of), gguf.quants.quantize(numpy.ascontiguousarray(weight.astype(numpy.float32)), type), raw_dtype=type)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
