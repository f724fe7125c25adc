// Fine-tunes a decoder on texts, prints the loss as it falls, and continues a text with and without the adapter.
const Lora4j = Java.type('io.github.lora4j.Lora4j');
const Step = Java.type('io.github.lora4j.train.TrainEvent$Step');

const model = Lora4j.model(model_directory);
try {
  const trained = model.train({
    output: output_directory, task: 'causal_lm', data: {train: data_file},
    adapter: {r: 8, lora_alpha: 16, target_modules: 'all-linear'},
    optimizer: {learning_rate: 0.01}, batch_size: 4, max_steps: 20, log_every: 5,
  }, event => {
    if (event instanceof Step) {
      console.log(`step ${event.step()} of ${event.steps()}: loss ${event.loss().toFixed(3)}`);
    }
  });
  model.load('mine', trained.adapter());
  const settings = {do_sample: false, max_new_tokens: 20};
  console.log(`before: ${model.generate('Once', settings).text()}`);
  console.log(`after:  ${model.with('mine').generate('Once', settings).text()}`);
} finally {
  model.close();
}
