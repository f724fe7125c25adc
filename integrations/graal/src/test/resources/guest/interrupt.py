import java

model = java.type('io.github.lora4j.Lora4j').model(tiny, {'threads': 1})
Step = java.type('io.github.lora4j.train.TrainEvent$Step')
steps = []
message = 'not interrupted'


def listen(event):
    if isinstance(event, Step):
        steps.append(event.step())
        if len(steps) == 3:
            host.interrupt()


try:
    model.train({'output': output, 'task': 'causal_lm', 'data': {'train': data}, 'max_steps': 1000, 'log_every': 1, 'threads': 1}, listen)
except BaseException as e:
    message = str(e)
result = {'message': message, 'steps': steps, 'interrupted': host.interrupted()}
