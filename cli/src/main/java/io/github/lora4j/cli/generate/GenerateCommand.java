package io.github.lora4j.cli.generate;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.generate.BeamSearch;
import io.github.lora4j.generate.Request;
import io.github.lora4j.generate.settings.GenerationConfig;
import io.github.lora4j.generate.text.Completion;
import io.github.lora4j.generate.text.TextListener;
import io.github.lora4j.lora.sets.AdapterSet;
import io.github.lora4j.train.data.Utf8;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code lora4j generate}. */
@Command(name = "generate", mixinStandardHelpOptions = true, sortOptions = false,
    description = {"Continues texts: --prompt, --file, or a prompt a line from standard input. T5 and BART make a text from each instead.",
        "Settings go by their names in transformers; what is not given comes from the model's generation_config.json."})
public final class GenerateCommand implements Callable<Integer> {

  private static final int MOST_TOGETHER = 1024;
  private static final int MOST_BEAMS = 256;
  private static final ObjectMapper JSON = new ObjectMapper();

  @Spec
  private CommandSpec spec;

  @Mixin
  private ModelOptions model;

  @Option(names = "--prompt", paramLabel = "TEXT", description = "A text to continue (repeatable); \"\" begins a new one.")
  private List<String> prompts = new ArrayList<>();

  @Option(names = "--file", paramLabel = "FILE", description = "A prompt a line.")
  private Optional<Path> file;

  @Option(names = "--compare", description = "Answer each prompt with the base model and with each adapter.")
  private boolean compare;

  @Option(names = "--together", paramLabel = "N", defaultValue = "1",
      description = "Prompts answered at a time (default: ${DEFAULT-VALUE}, as text comes; more are faster together).")
  private int together;

  @Option(names = "--json", description = "Print one JSON object for each answer.")
  private boolean json;

  /** An answer to be given. */
  private record Task(String prompt, String voice) {}

  /** Adds an option for each setting. */
  public static void addSettings(CommandSpec spec) {
    SettingOptions.add(spec);
  }

  @Override
  public Integer call() {
    if (file.isPresent() && !prompts.isEmpty()) {
      throw new ConfigException("give --prompt or --file, not both");
    }
    if (together < 1 || together > MOST_TOGETHER) {
      throw new ConfigException("--together must be from 1 to %d, got %d".formatted(MOST_TOGETHER, together));
    }
    Map<String, Object> given = SettingOptions.given(spec);
    int beams = given.get("num_beams") instanceof Integer n ? Math.max(1, n) : 1;
    if (beams > MOST_BEAMS) {
      throw new ConfigException("--num-beams must be at most %d, got %d".formatted(MOST_BEAMS, beams));
    }
    try (OpenModel open = new OpenModel(model, Math.max(together, beams), compare)) {
      if (compare && open.names().isEmpty()) {
        throw new ConfigException("--compare compares the base model with adapters, and there is none; add --adapter");
      }
      open.alone().ifPresent(reason -> {
        throw new ConfigException("--compare: " + reason);
      });
      GenerationConfig config = open.config(given);
      if (prompts.isEmpty()) {
        lines(open, config);
      } else {
        answer(open, config, prompts);
      }
    }
    return 0;
  }

  private List<String> voices(OpenModel open) {
    if (!compare) {
      return List.of(open.chooses() ? open.names().getFirst() : "");
    }
    List<String> voices = new ArrayList<>(List.of(AdapterSet.BASE));
    voices.addAll(open.names());
    return voices;
  }

  private void answer(OpenModel open, GenerationConfig config, List<String> texts) {
    List<Task> tasks = texts.stream().flatMap(text -> voices(open).stream().map(voice -> new Task(text, voice))).toList();
    if (config.beams().beams() > 1) {
      tasks.forEach(task -> search(open, config, task));
      return;
    }
    for (int from = 0; from < tasks.size(); from += together) {
      answerTogether(open, config, tasks.subList(from, Math.min(tasks.size(), from + together)));
    }
  }

  private void answerTogether(OpenModel open, GenerationConfig config, List<Task> tasks) {
    PrintWriter out = spec.commandLine().getOut();
    boolean streaming = !json && tasks.size() == 1;
    List<Request> requests = tasks.stream().map(task -> open.text().request(task.prompt, config, task.voice)).toList();
    if (streaming) {
      header(out, tasks.getFirst());
      out.print(before(open, tasks.getFirst()));
      out.flush();
    }
    List<Completion> answers = open.text().complete(requests, streaming ? (sequence, text) -> {
      out.print(text);
      out.flush();
    } : TextListener.NONE);
    for (int i = 0; i < tasks.size(); i++) {
      if (json) {
        out.println(json(open, tasks.get(i), answers.get(i), config));
      } else if (streaming) {
        out.println();
      } else {
        header(out, tasks.get(i));
        out.println(before(open, tasks.get(i)) + answers.get(i).text());
      }
    }
    out.flush();
  }

  /** Answers of a beam search, the best one first. */
  private void search(OpenModel open, GenerationConfig config, Task task) {
    PrintWriter out = spec.commandLine().getOut();
    Request request = open.text().request(task.prompt, config, task.voice);
    for (BeamSearch.Beam beam : BeamSearch.run(open.text().generator(), request)) {
      String text = open.text().continuation(request, beam.answer(request.prompt().size()));
      if (json) {
        out.println(JSON.createObjectNode().put("prompt", task.prompt).put("text", text).put("score", beam.score())
            .set("token_ids", JSON.valueToTree(beam.answer(request.prompt().size()))));
      } else {
        header(out, task);
        out.println(before(open, task) + text);
      }
    }
    out.flush();
  }

  /** What an answer goes on from; nothing where it is a text of its own. */
  private static String before(OpenModel open, Task task) {
    return open.text().readsSource() ? "" : task.prompt;
  }

  private void header(PrintWriter out, Task task) {
    if (compare) {
      out.printf("--- %s%n", task.voice.equals(AdapterSet.BASE) ? "base model" : task.voice);
    }
  }

  private static ObjectNode json(OpenModel open, Task task, Completion answer, GenerationConfig config) {
    String adapter = task.voice.isEmpty() && !open.names().isEmpty() ? open.names().getFirst() : task.voice;
    ObjectNode node = JSON.createObjectNode().put("prompt", task.prompt).put("text", answer.text());
    if (!adapter.isEmpty() && !adapter.equals(AdapterSet.BASE)) {
      node.put("adapter", adapter);
    }
    node.put("finish_reason", answer.reason().name().toLowerCase(Locale.ROOT)).put("prompt_tokens", tokens(answer.sequence().request()))
        .put("new_tokens", answer.sequence().generatedCount());
    if (config.sampling().doSample()) {
      node.put("seed", config.sampling().seed());
    }
    return node.set("token_ids", JSON.valueToTree(answer.sequence().generated()));
  }

  private static int tokens(Request request) {
    return request.source().isEmpty() ? request.prompt().size() : request.source().size();
  }

  /** Prompts of the file or of standard input, line by line where a person types. */
  private void lines(OpenModel open, GenerationConfig config) {
    String source = file.map(Path::toString).orElse("standard input");
    boolean typed = file.isEmpty() && System.console() != null && System.console().isTerminal();
    List<String> lines = new ArrayList<>();
    try (InputStream in = file.isPresent() ? Files.newInputStream(file.get()) : System.in) {
      Utf8 reader = new Utf8(in);
      try {
        for (Optional<String> line = reader.line(); line.isPresent(); line = reader.line()) {
          lines.add(line.get());
          if (typed || lines.size() == together) {
            answer(open, config, lines);
            lines.clear();
          }
        }
      } catch (CharacterCodingException e) {
        throw new FormatException("%s, line %d: is not UTF-8 text; convert it first, for example by `iconv -f ENCODING -t UTF-8`"
            .formatted(source, reader.number()), e);
      }
    } catch (IOException e) {
      throw new ResourceException("%s cannot be read: %s".formatted(source, e.getMessage()), e);
    }
    answer(open, config, lines);
  }
}
