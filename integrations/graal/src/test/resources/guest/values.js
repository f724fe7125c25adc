const model = Java.type('io.github.lora4j.Lora4j').model(bert, {threads: 1});
const trained = model.train({
  output: output, task: 'classification', data: {train: data, text: 'sentence', label: 'mood'}, batch_size: 8, max_steps: 8,
  adapter: new Map([['r', 2], ['target_modules', ['query', 'value']]]), optimizer: {learning_rate: 0.05},
});
model.load('moods', trained.adapter());
const vector = model.embed('the film is nice');
const vectors = model.embedAll(['good', 'bad']);
const moods = model['with']('moods');
const read = moods.predict(['the plot is very awful'])[0];
var result = {
  number: typeof vector[0] === 'number' && !Number.isInteger(vector[0]), length: vector.length,
  norm: vector.reduce((sum, x) => sum + x * x, 0), rows: vectors.length, columns: vectors[1].length,
  score: model.score('good', 'good'),
  label: read.get('label'), classified: moods.classify('the plot is very awful').label(),
  keys: [...moods.classify('the plot is very awful').probabilities().keySet()].length,
  sum: [...moods.classify('the plot is very awful').probabilities().values()].reduce((a, b) => a + b, 0),
};
