const model = Java.type('io.github.lora4j.Lora4j').model(tiny, {threads: 1});
const Step = Java.type('io.github.lora4j.train.TrainEvent$Step');
const steps = [];
let message = 'not interrupted';
try {
  model.train({output: output, task: 'causal_lm', data: {train: data}, max_steps: 1000, log_every: 1, threads: 1}, event => {
    if (event instanceof Step && steps.push(event.step()) === 3) {
      host.interrupt();
    }
  });
} catch (e) {
  message = String(e.message);
}
var result = {message: message, steps: steps, interrupted: host.interrupted()};
