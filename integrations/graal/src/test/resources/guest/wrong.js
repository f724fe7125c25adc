const Lora4j = Java.type('io.github.lora4j.Lora4j');
const model = Lora4j.model(tiny, {threads: 1});

function error(call) {
  try {
    return 'nothing wrong: ' + call();
  } catch (e) {
    return String(e.message);
  }
}

const recipe = {output: output, task: 'causal_lm', data: {train: data}, max_steps: 4, log_every: 1, threads: 1};
const train = changed => error(() => model.train({...recipe, ...changed}));
const steps = [];
const Step = Java.type('io.github.lora4j.train.TrainEvent$Step');
var result = {
  number_as_text: error(() => model.generate(5)),
  text_as_map: error(() => model.generate('a', 'greedy')),
  text_as_number: error(() => Lora4j.model(tiny, {threads: 'many'})),
  fraction: train({batch_size: 1.5}),
  not_a_number: train({batch_size: NaN}),
  list_as_number: train({batch_size: [4]}),
  function_as_map: train({adapter: () => 1}),
  unknown_key: train({batchsize: 4}),
  unknown_setting: error(() => model.generate('a', {max_tokens: 3})),
  listener: error(() => model.train(recipe, 5)),
  no_text: error(() => model.embedAll(['a', 5])),
  stopped: error(() => model.train(recipe, event => {
    if (event instanceof Step) {
      steps.push(event.step());
      throw new Error('that is enough');
    }
  })),
  steps: steps,
  after: model.generate('aa', {do_sample: false, max_new_tokens: 12}).tokens(),
};
