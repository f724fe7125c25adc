// llama.cpp by node-llama-cpp's build of it: what io.github.lora4j.bench.DecodeTime does, with a GGUF file.
// usage: node llamacpp.mjs FILE.GGUF THREADS CONTEXT TOKENS; see llamacpp.py
import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";
import path from "node:path";
import readline from "node:readline";

// Where the package is installed is not where this file is.
const home = path.join(process.env.LLAMA_HOME ?? process.cwd(), "package.json");
const {getLlama, LlamaLogLevel} = await import(pathToFileURL(createRequire(home).resolve("node-llama-cpp")));
const [file, threads, context, tokens] = process.argv.slice(2);
const llama = await getLlama({gpu: false, build: "never", skipDownload: true, maxThreads: Number(threads), logLevel: LlamaLogLevel.error});
const model = await llama.loadModel({modelPath: file});
const room = await model.createContext({contextSize: Number(context) + Number(tokens) + 8, batchSize: Number(context), threads: Number(threads)});
const sequence = room.getSequence();
const prompt = Array.from({length: Number(context)}, (_, i) => 100 + i);
console.log("llama.cpp %s, %s; %s", llama.llamaCppRelease.release, llama.buildType, llama.systemInfo);
for await (const line of readline.createInterface({input: process.stdin})) {
  await sequence.clearHistory();
  let count = -1;
  let start = 0;
  for await (const token of sequence.evaluate(prompt, {temperature: 0, yieldEogToken: true})) {
    count++;
    if (count === 0)
      start = performance.now();
    if (count === Number(tokens))
      break;
  }
  console.log(count === Number(tokens) ? ((performance.now() - start) / 1e3).toFixed(6) : "nan");
}
process.exit(0);
