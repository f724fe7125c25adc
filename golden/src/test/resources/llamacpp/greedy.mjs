// Continues prompts with llama.cpp, greedily, from raw logits, in F32 throughout. Called by LlamaCppParityTest:
//   node greedy.mjs NODE_MODULES_PARENT JOBS.json ANSWERS.json
// A job: {model, lora?, prompts: [[ids]], texts: [text], tokens}. An answer: {ids: [[...]], last: [[logits behind each prompt]], texts: [[ids]]}.
import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";
import {readFileSync, writeFileSync} from "node:fs";
import path from "node:path";

const [home, jobsFile, answersFile] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(home), "package.json"));
const {getLlama} = await import(pathToFileURL(require.resolve("node-llama-cpp")));

// Never built and never downloaded: what the package brings, or an error.
// One thread: llama.cpp's threads wait for each other by spinning, which on a busy machine takes a hundred times as long.
const llama = await getLlama({gpu: false, build: "never", skipDownload: true, logLevel: "error", maxThreads: 1});
const answers = [];
for (const job of JSON.parse(readFileSync(jobsFile, "utf8"))) {
  const model = await llama.loadModel({modelPath: job.model, gpuLayers: 0, useMmap: false});
  const longest = Math.max(...job.prompts.map(prompt => prompt.length)) + job.tokens;
  const context = await model.createContext({
    contextSize: Math.max(64, longest), sequences: 1, batchSize: 512, threads: 1, flashAttention: false, experimentalKvCacheKeyType: "F32",
    experimentalKvCacheValueType: "F32", lora: job.lora ? {adapters: [{filePath: job.lora, scale: 1}]} : undefined
  });
  const sequence = context.getSequence();
  const answer = {ids: [], last: [], texts: job.texts.map(text => Array.from(model.tokenize(text, false)))};
  for (const prompt of job.prompts) {
    await sequence.clearHistory();
    let input = prompt;
    const ids = [];
    while (ids.length < job.tokens) {
      const items = input.map((token, i) => i === input.length - 1 ? [token, {generateNext: {logits: true}}] : token);
      const logits = (await sequence.controlledEvaluate(items)).at(-1).next.logits;
      let best = -1;
      let most = -Infinity;
      const all = [];
      for (const [token, logit] of logits) {
        all[token] = logit;
        if (logit > most || logit === most && token < best) {
          best = token;
          most = logit;
        }
      }
      if (ids.length === 0) {
        answer.last.push(all);
      }
      ids.push(best);
      input = [best];
    }
    answer.ids.push(ids);
  }
  answers.push(answer);
  await context.dispose();
  await model.dispose();
}
writeFileSync(answersFile, JSON.stringify(answers));
await llama.dispose();
process.exit(0);
