import java

Lora4j = java.type('io.github.lora4j.Lora4j')
Step = java.type('io.github.lora4j.train.TrainEvent$Step')
model = Lora4j.model(tiny, {'threads': 1})


def error(call):
    try:
        return 'nothing wrong: ' + str(call())
    except BaseException as e:
        return str(e)


recipe = {'output': output, 'task': 'causal_lm', 'data': {'train': data}, 'max_steps': 4, 'log_every': 1, 'threads': 1}


def train(**changed):
    return error(lambda: model.train({**recipe, **changed}))


steps = []


def stop(event):
    if isinstance(event, Step):
        steps.append(event.step())
        raise ValueError('that is enough')


result = {
    'number_as_text': error(lambda: model.generate(5)),
    'text_as_map': error(lambda: model.generate('a', 'greedy')),
    'text_as_number': error(lambda: Lora4j.model(tiny, {'threads': 'many'})),
    'fraction': train(batch_size=1.5),
    'not_a_number': train(batch_size=float('nan')),
    'list_as_number': train(batch_size=[4]),
    'function_as_map': train(adapter=lambda: 1),
    'unknown_key': train(batchsize=4),
    'unknown_setting': error(lambda: model.generate('a', {'max_tokens': 3})),
    'listener': error(lambda: model.train(recipe, 5)),
    'no_text': error(lambda: model.embedAll(['a', 5])),
    'stopped': error(lambda: model.train(recipe, stop)),
    'steps': steps,
    'after': model.generate('aa', {'do_sample': False, 'max_new_tokens': 12}).tokens(),
}
