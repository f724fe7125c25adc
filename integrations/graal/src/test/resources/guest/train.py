import java

Lora4j = java.type('io.github.lora4j.Lora4j')
Step = java.type('io.github.lora4j.train.TrainEvent$Step')

model = Lora4j.model(tiny, {'threads': 1})
losses = []
recipe = {
    'output': output, 'task': 'causal_lm', 'data': {'train': data},
    'adapter': {'r': 4.0, 'lora_alpha': 8, 'target_modules': ('q_proj', 'v_proj', 'down_proj')},
    'optimizer': {'learning_rate': 0.05, 'schedule': 'constant'}, 'batch_size': 4, 'max_steps': 30, 'log_every': 1, 'threads': 1,
}


def listen(event):
    host.called()
    if isinstance(event, Step):
        losses.append(event.loss())


trained = model.train(recipe, listen)
model.load('a', trained.adapter())

pieces = []


def hear(piece):
    host.called()
    pieces.append(piece)


# "with" is a word of Python's own.
answer = getattr(model, 'with')('a').generate('aa', {'do_sample': False, 'max_new_tokens': 12}, hear)
result = {
    'losses': losses, 'steps': trained.steps(), 'text': answer.text(), 'pieces': ''.join(pieces), 'tokens': answer.tokens(),
    'base': model.generate('aa', {'do_sample': False, 'max_new_tokens': 12}).text(),
}
