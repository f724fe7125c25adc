const Lora4j = Java.type('io.github.lora4j.Lora4j');
const Step = Java.type('io.github.lora4j.train.TrainEvent$Step');

const model = Lora4j.model(tiny, {threads: 1});
const losses = [];
const recipe = {
  output: output, task: 'causal_lm', data: {train: data},
  adapter: {r: 4.0, lora_alpha: 8, target_modules: ['q_proj', 'v_proj', 'down_proj']},
  optimizer: {learning_rate: 0.05, schedule: 'constant'}, batch_size: 4, max_steps: 30, log_every: 1, threads: 1,
};
const trained = model.train(recipe, event => {
  host.called();
  if (event instanceof Step) {
    losses.push(event.loss());
  }
});
model.load('a', trained.adapter());

const pieces = [];
const answer = model['with']('a').generate('aa', {do_sample: false, max_new_tokens: 12}, piece => {
  host.called();
  pieces.push(piece);
});
var result = {
  losses: losses, steps: trained.steps(), text: answer.text(), pieces: pieces.join(''), tokens: answer.tokens(),
  base: model.generate('aa', {do_sample: false, max_new_tokens: 12}).text(),
};
