import java

model = java.type('io.github.lora4j.Lora4j').model(bert, {'threads': 1})
trained = model.train({
    'output': output, 'task': 'classification', 'data': {'train': data, 'text': 'sentence', 'label': 'mood'}, 'batch_size': 8, 'max_steps': 8,
    'adapter': dict(r=2, target_modules=['query', 'value']), 'optimizer': {'learning_rate': 0.05},
})
model.load('moods', trained.adapter())
vector = model.embed('the film is nice')
vectors = model.embedAll(['good', 'bad'])
moods = getattr(model, 'with')('moods')
read = moods.predict(['the plot is very awful'])[0]
probabilities = moods.classify('the plot is very awful').probabilities()
result = {
    'number': isinstance(vector[0], float), 'length': len(vector),
    'norm': sum(x * x for x in vector), 'rows': len(vectors), 'columns': len(vectors[1]),
    'score': model.score('good', 'good'),
    'label': read['label'], 'classified': moods.classify('the plot is very awful').label(),
    'keys': len(list(probabilities)), 'sum': sum(probabilities[key] for key in probabilities),
}
