# Fine-tunes a decoder on texts, prints the loss as it falls, and continues a text with and without the adapter.
import java

Lora4j = java.type('io.github.lora4j.Lora4j')
Step = java.type('io.github.lora4j.train.TrainEvent$Step')


def listen(event):
    if isinstance(event, Step):
        print(f'step {event.step()} of {event.steps()}: loss {event.loss():.3f}')


model = Lora4j.model(model_directory)
try:
    trained = model.train({
        'output': output_directory, 'task': 'causal_lm', 'data': {'train': data_file},
        'adapter': {'r': 8, 'lora_alpha': 16, 'target_modules': 'all-linear'},
        'optimizer': {'learning_rate': 0.01}, 'batch_size': 4, 'max_steps': 20, 'log_every': 5,
    }, listen)
    model.load('mine', trained.adapter())
    settings = {'do_sample': False, 'max_new_tokens': 20}
    print('before:', model.generate('Once', settings).text())
    # "with" is a word of Python's own.
    print('after: ', getattr(model, 'with')('mine').generate('Once', settings).text())
finally:
    model.close()
