package io.github.lora4j.serve.page;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.serve.http.Call;
import io.github.lora4j.serve.http.Fields;
import io.github.lora4j.serve.http.Json;
import io.github.lora4j.serve.http.Refusal;
import io.github.lora4j.train.DataPreview;
import io.github.lora4j.train.JsonlListener;
import io.github.lora4j.train.PreparedRun;
import io.github.lora4j.train.TrainingRun;
import io.github.lora4j.train.recipe.Recipe;
import io.github.lora4j.train.recipe.RecipeBuilder;
import io.github.lora4j.train.runs.Resume;
import io.github.lora4j.vector.Lora4jException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** One training at a time, from a form. */
final class Trainings implements AutoCloseable {

  private final Workspace workspace;
  private final Path model;
  private final ReentrantLock lock = new ReentrantLock();
  private @Nullable TrainingRun run;
  private @Nullable Thread thread;
  private String state = "idle";
  private String name = "";

  Trainings(Workspace workspace, Path model) {
    this.workspace = workspace;
    this.model = model;
  }

  private RecipeBuilder recipe(Fields form) {
    Path train = workspace.file("train", form.required("train"));
    Optional<Path> eval = form.text("eval").filter(file -> !file.isEmpty()).map(file -> workspace.file("eval", file));
    String output = form.required("output");
    RecipeBuilder recipe = new RecipeBuilder().set("model", model.toString()).set("output", workspace.child("output", output).toString())
        .set("task", form.text("task").filter(task -> !task.isEmpty()).orElseGet(() -> DataPreview.taskFor(train)))
            .set("data.train", train.toString());
    eval.ifPresent(file -> recipe.set("data.eval", file.toString()));
    for (String column : List.of("text", "text_pair", "label")) {
      form.text(column).filter(value -> !value.isEmpty()).ifPresent(value -> recipe.set("data." + column, value));
    }
    int r = form.whole("r", 1, 4096).orElse(16);
    recipe.set("adapter.r", r).set("adapter.lora_alpha", form.number("lora_alpha", 1e-3, 1e6).orElse(2.0 * r))
        .set("adapter.target_modules", "all-linear");
    recipe.set("optimizer.learning_rate", form.number("learning_rate", 1e-9, 10).orElse(2e-4));
    recipe.set("batch_size", form.whole("batch_size", 1, 1 << 16).orElse(8)).set("epochs", form.number("epochs", 1e-3, 1e4).orElse(1));
    form.whole("max_steps", 1, Integer.MAX_VALUE).ifPresent(steps -> recipe.set("max_steps", steps));
    recipe.set("log_every", 1);
    form.end();
    return recipe;
  }

  /** The recipe that a form makes. */
  void show(Call call) throws IOException {
    RecipeBuilder recipe = recipe(new Fields(call.json(), ""));
    recipe.build();
    call.send(200, Json.object().put("yaml", recipe.toYaml()));
  }

  void start(Call call) throws IOException {
    Fields form = new Fields(call.json(), "");
    Recipe recipe = recipe(form).build();
    lock.lock();
    try {
      if (thread != null && thread.isAlive()) {
        throw Refusal.of(409, "training", "'%s' is being trained; one at a time".formatted(name));
      }
      if (Files.exists(recipe.output())) {
        throw Refusal.invalid("output", "there is something of this name already; choose another");
      }
      TrainingRun open = TrainingRun.open(PreparedRun.open(recipe), Resume.NO, new JsonlListener(recipe.output().resolve("metrics.jsonl")));
      name = String.valueOf(recipe.output().getFileName());
      state = "training";
      run = open;
      thread = Thread.ofPlatform().daemon().name("lora4j-training").start(() -> train(open));
    } finally {
      lock.unlock();
    }
    status(call);
  }

  private void train(TrainingRun open) {
    String end;
    try (open) {
      open.train();
      end = "finished";
    } catch (CancellationException e) {
      end = "stopped";
    } catch (Lora4jException e) {
      end = "failed: " + e.getMessage();
    }
    lock.lock();
    try {
      state = end;
      run = null;
    } finally {
      lock.unlock();
    }
  }

  void stop(Call call) throws IOException {
    stop();
    status(call);
  }

  private void stop() {
    lock.lock();
    try {
      if (run != null) {
        run.stop();
      }
    } finally {
      lock.unlock();
    }
  }

  void status(Call call) throws IOException {
    ObjectNode node = Json.object();
    lock.lock();
    try {
      node.put("state", state).put("run", name);
    } finally {
      lock.unlock();
    }
    call.send(200, node);
  }

  /** Stops what is being trained, and waits for it. */
  @Override
  public void close() {
    stop();
    Thread of;
    lock.lock();
    try {
      of = thread;
    } finally {
      lock.unlock();
    }
    if (of != null) {
      try {
        of.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
