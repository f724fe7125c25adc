package io.github.lora4j.train;

import io.github.lora4j.generate.text.Completion;
import io.github.lora4j.graph.Backend;
import io.github.lora4j.tokenizer.Tokenizer;
import io.github.lora4j.train.answers.Answerer;
import io.github.lora4j.train.answers.Question;
import io.github.lora4j.train.data.DataFile;
import io.github.lora4j.train.data.ModelTexts;
import io.github.lora4j.train.data.Row;
import io.github.lora4j.train.data.RowReader;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.tasks.AnsweringTask;
import io.github.lora4j.vector.Lora4jException;
import io.github.lora4j.vector.Memory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Answers to the same questions before a run and after it. The model is loaded a second time for them and closed again; where that cannot be, the run
 * goes on without and says why.
 */
final class SampledAnswers {

  private final Recipe recipe;
  private final PreparedRun run;
  private final List<Question> questions;

  private SampledAnswers(PreparedRun run, List<Question> questions) {
    this.run = run;
    recipe = run.recipe();
    this.questions = questions;
  }

  /** The questions of a run: its prompts, or the first different ones of its evaluation data that leave room for an answer; none for other tasks. */
  static SampledAnswers of(PreparedRun run) {
    Recipe recipe = run.recipe();
    Recipe.Samples wanted = recipe.training().reports().samples();
    if (wanted.count() == 0 || !(recipe.task() instanceof AnsweringTask task)) {
      return new SampledAnswers(run, List.of());
    }
    int room = run.directory().architecture().maxPositions();
    Tokenizer tokenizer = Tokenizer.load(run.directory().path());
    ModelTexts texts = ModelTexts.of(run.directory().path());
    if (!wanted.prompts().isEmpty()) {
      RowReader reader = new RowReader(Path.of("sample_prompts"), tokenizer, room, List.of(), false, texts);
      List<Question> given = new ArrayList<>();
      wanted.prompts().forEach(prompt -> given.add(task.question(new Row(given.size() + 1, prompt, Optional.empty(), List.of()), reader)));
      return new SampledAnswers(run, given);
    }
    Map<List<Integer>, Question> found = new LinkedHashMap<>();
    recipe.data().eval().ifPresent(file -> {
      RowReader reader = new RowReader(file, tokenizer, room, List.of(), true, texts);
      for (Row row : DataFile.read(file, recipe.data().columns())) {
        if (found.size() == wanted.count()) {
          break;
        }
        Question question = task.question(row, reader);
        if (question.prompt().size() < room) {
          found.putIfAbsent(question.prompt(), question);
        }
      }
    });
    return new SampledAnswers(run, List.copyOf(found.values()));
  }

  /**
   * The answers of the model that training starts from; none where there are no questions.
   *
   * @param held bytes that the run holds, about as many as the model needs once more
   */
  Optional<TrainEvent> before(long held, Backend backend) {
    return at(0, held, () -> {
      Optional<Path> start = recipe.adapter().startFrom().isEmpty() ? Optional.empty() : Optional.of(StartingAdapter.of(recipe).directory());
      return new Answerer(run.directory(), start, recipe.computing().weightType(), backend);
    });
  }

  /**
   * The answers of the model with an adapter; none where there are no questions.
   *
   * @param adapter its directory
   * @param held see {@link #before}
   */
  Optional<TrainEvent> at(int step, Path adapter, long held, Backend backend) {
    return at(step, held, () -> new Answerer(run.directory(), Optional.of(adapter), recipe.computing().weightType(), backend));
  }

  private Optional<TrainEvent> at(int step, long held, Supplier<Answerer> answerer) {
    if (questions.isEmpty()) {
      return Optional.empty();
    }
    if (2 * held > Memory.machineBytes()) {
      return Optional.of(new TrainEvent.Note(
          "no samples of answers: the model would be in memory twice, %,d MB; samples: 0 leaves them out".formatted(held >> 19)));
    }
    try {
      List<Completion> answers = answerer.get().answer(questions, Map.of("max_new_tokens", recipe.training().reports().samples().tokens()));
      List<TrainEvent.Sample> samples = new ArrayList<>();
      for (int i = 0; i < answers.size(); i++) {
        Question question = questions.get(i);
        samples.add(new TrainEvent.Sample(question.text(), answers.get(i).text(), question.reference(),
            answers.get(i).reason().name().toLowerCase(Locale.ROOT)));
      }
      return Optional.of(new TrainEvent.Sampled(step, samples));
    } catch (Lora4jException e) {
      return Optional.of(new TrainEvent.Note("no samples of answers: " + e.getMessage()));
    }
  }
}
