"""lora4j beside PyTorch + PEFT, or beside DJL on libtorch: both make the same training step in turn, so that whatever else the machine does
falls on both alike.

usage: interleave.py [--llama | --deberta | --djl] [LAYERS HIDDEN HEADS INTERMEDIATE BATCH LENGTH RANK [THREADS [STEPS]]]
       default: MiniLM's shape, 32 x 128 tokens, r = 8, 2 threads, 12 steps after 6 that warm up
needs: a built lora4j (./lora4j doctor builds it; mvn -q -pl bench -am test-compile for bench), Python with torch, transformers, peft;
       for --djl instead of Python's packages mvn -q -Ppeers -pl bench/peers -am process-classes
"""
import os
import statistics
import subprocess
import sys

family = [a for a in ("--llama", "--deberta") if a in sys.argv]
djl = "--djl" in sys.argv
if djl and family:
    sys.exit("--djl has no other family")
sys.argv = [a for a in sys.argv if a not in ("--llama", "--deberta", "--djl")]
shape = sys.argv[1:8] or "6 384 12 1536 32 128 8".split()
threads = sys.argv[8] if len(sys.argv) > 8 else "2"
steps = int(sys.argv[9]) if len(sys.argv) > 9 else 12
warm = 6
here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(os.path.dirname(here))


def class_path(file, *modules):
    with open(os.path.join(root, file)) as libraries:
        return os.pathsep.join([os.path.join(root, module, "target", "classes") for module in modules] + [libraries.read().strip()])


java = os.path.join(os.environ["JAVA_HOME"], "bin", "java") if "JAVA_HOME" in os.environ else "java"


def start(command, **environment):
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})


def step(process):
    try:
        process.stdin.write("step\n")
        process.stdin.flush()
        line = process.stdout.readline()
    except BrokenPipeError:
        line = ""
    if not line:
        sys.exit("%s ended; what it said stands above (JAVA_HOME must be a JDK 25)" % process.args[0])
    return float(line)


def peak(process):
    with open("/proc/%d/status" % process.pid) as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM"))


jvm = [java, "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC", "-Xmn24m"]
ours = start(jvm + ["@" + os.path.join(root, "cli", "jvm-arguments"), "-cp",
                    class_path("cli/target/lora4j.classpath", "bench", "cli"), "io.github.lora4j.bench.StepTime", *shape, threads, "--stdin", *family],
             GLIBC_TUNABLES="glibc.malloc.hugetlb=1")  # as the launcher does
if djl:
    name, peer = "djl", start(jvm + ["-cp", class_path("bench/peers/target/peers.classpath", "bench/peers"),
                                     "io.github.lora4j.bench.peers.DjlStep", *shape, threads])
else:
    name, peer = "torch", start([sys.executable, os.path.join(here, "torch_step.py"), *shape, threads, *family])
print(ours.stdout.readline().strip())
print(peer.stdout.readline().strip())
pairs = []
for i in range(warm + steps):
    pairs.append((step(ours), step(peer)))
    print("%s%d  lora4j %.3f s  %s %.3f s" % ("warm-up " if i < warm else "", i, pairs[-1][0], name, pairs[-1][1]), flush=True)
counted = pairs[warm:]
print("medians: lora4j %.3f s, %s %.3f s; median ratio %.3f" % (statistics.median(a for a, _ in counted), name,
                                                               statistics.median(b for _, b in counted), statistics.median(a / b for a, b in counted)))
if os.path.exists("/proc/self/status"):
    print("most resident memory: lora4j %d MB, %s %d MB" % (peak(ours), name, peak(peer)))
ours.kill()
peer.kill()
