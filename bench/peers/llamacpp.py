"""lora4j's decoding of one sequence beside llama.cpp's, of the same weights and with as many threads, in turn: tokens/s behind a short context.

usage: llamacpp.py MODEL FILE.GGUF f32|f16|bf16|q8_0|q4_0|... [THREADS [TOKENS [ROUNDS [CONTEXT]]]]
       defaults: 1 thread, 32 tokens, 15 rounds after 5 that warm up, 32 tokens of context
       llamacpp.py --random DIR     writes a Llama of 110M random weights (12 x 768, 32,000 words) in F32 and F16, as MODEL and for to_gguf.py
needs: a built lora4j (mvn -q -pl bench -am test-compile) or LORA4J_CLASSPATH; node, and `npm install node-llama-cpp` in some folder, named by LLAMA_HOME:
       it brings llama.cpp built for this processor; nothing is downloaded by this script. FILE.GGUF: to_gguf.py MODEL FILE.GGUF f32
What llama.cpp loses to node between two tokens (some 0.05 ms) counts for it as what lora4j loses to Java counts for lora4j.
"""
import json
import os
import statistics
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(os.path.dirname(here))


def write_random(directory):
    import numpy
    from safetensors.numpy import save_file
    random = numpy.random.default_rng(1)
    width, inner, layers = 768, 2048, 12
    tensors = {"model.embed_tokens.weight": (32000, width), "model.norm.weight": (width,)}
    for i in range(layers):
        at = "model.layers.%d." % i
        tensors.update({at + "self_attn.%s_proj.weight" % p: (width, width) for p in "qkvo"})
        tensors.update({at + "mlp.gate_proj.weight": (inner, width), at + "mlp.up_proj.weight": (inner, width), at + "mlp.down_proj.weight": (width, inner),
                        at + "input_layernorm.weight": (width,), at + "post_attention_layernorm.weight": (width,)})
    values = {name: numpy.ones(shape, numpy.float32) if len(shape) == 1 else (0.04 * (random.random(shape) - 0.5)).astype(numpy.float32)
              for name, shape in tensors.items()}
    for kind in ("f32", "f16"):
        part = os.path.join(directory, kind)
        os.makedirs(part, exist_ok=True)
        with open(os.path.join(part, "config.json"), "w") as file:
            json.dump({"model_type": "llama", "hidden_size": width, "intermediate_size": inner, "num_hidden_layers": layers, "num_attention_heads": 12,
                       "num_key_value_heads": 12, "vocab_size": 32000, "max_position_embeddings": 1024, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
                       "tie_word_embeddings": True, "bos_token_id": 1, "eos_token_id": 2}, file)
        save_file({name: value if kind == "f32" else value.astype(numpy.float16) for name, value in values.items()},
                  os.path.join(part, "model.safetensors"))


if len(sys.argv) == 3 and sys.argv[1] == "--random":
    write_random(sys.argv[2])
    sys.exit()
if len(sys.argv) < 4:
    sys.exit(__doc__)
model, file, weights = sys.argv[1:4]
threads, tokens, rounds, context = [int(a) for a in sys.argv[4:8]] + [1, 32, 15, 32][len(sys.argv[4:8]):]
warm = 5


def class_path():
    if "LORA4J_CLASSPATH" in os.environ:
        return os.environ["LORA4J_CLASSPATH"]
    with open(os.path.join(root, "cli/target/lora4j.classpath")) as libraries:
        return os.pathsep.join([os.path.join(root, module, "target", "classes") for module in ("bench", "cli")] + [libraries.read().strip()])


def start(command, **environment):
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
    described = process.stdout.readline().strip()
    if not described:
        sys.exit("%s ended; what it said stands above" % command[0])
    print(described)
    return process


def timed(process):
    process.stdin.write("go\n")
    process.stdin.flush()
    return tokens / float(process.stdout.readline())


java = os.path.join(os.environ["JAVA_HOME"], "bin", "java") if "JAVA_HOME" in os.environ else "java"
ours = start([java, "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC", "-Xmn24m",
              "@" + os.path.join(root, "cli", "jvm-arguments"), "-cp", class_path(), "io.github.lora4j.bench.DecodeTime", model, weights,
              str(threads), str(context), str(tokens)], GLIBC_TUNABLES="glibc.malloc.hugetlb=1")
theirs = start(["node", os.path.join(here, "llamacpp.mjs"), file, str(threads), str(context), str(tokens)])
pairs = [(timed(ours), timed(theirs)) for _ in range(warm + rounds)][warm:]


def shown(values):
    cut = statistics.quantiles(values, n=4)
    return "%.1f tokens/s (quartiles %.1f to %.1f)" % (cut[1], cut[0], cut[2])


print("%s, %s, %d thread(s): lora4j %s, llama.cpp %s; median ratio %.3f" % (
    os.path.basename(file), weights, threads, shown([a for a, _ in pairs]), shown([b for _, b in pairs]), statistics.median(a / b for a, b in pairs)))
ours.kill()
theirs.kill()
