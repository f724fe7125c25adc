package io.github.lora4j;

import io.github.lora4j.inference.reading.Kind;
import io.github.lora4j.inference.reading.Reader;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** A model alone, or with one of its adapters. */
record Voice(Opened opened, String name) implements LanguageModel {

  private static final int TOGETHER = 64;

  private boolean alone() {
    return name.equals(opened.name());
  }

  /** Refuses what the adapter was not trained for. */
  private void require(Kind kind, String what) {
    if (!alone()) {
      requireThere();
      Kind own = opened.kind(name);
      if (own != kind) {
        throw new ConfigException("'%s' %s; it was not trained %s".formatted(name, switch (own) {
          case TEXT -> "continues texts (generate, chat)";
          case VECTORS -> "gives vectors (embed, score)";
          case JUDGEMENT -> "judges texts (classify, score, predict)";
        }, what));
      }
    } else if (kind == Kind.JUDGEMENT) {
      throw new ConfigException("'%s' has no adapter that was trained %s; load one, and ask the model with it".formatted(name, what));
    }
  }

  private void requireThere() {
    if (!opened.adapters().contains(name)) {
      throw new ConfigException("there is no adapter '%s' any more".formatted(name));
    }
  }

  @Override
  public Generated generate(String prompt, Map<String, ?> settings, Consumer<String> listener) {
    return opened.use(() -> {
      require(Kind.TEXT, "to continue texts");
      return new Texts(opened.text(), name).generate(prompt, Plain.map(settings), listener);
    });
  }

  @Override
  public Generated chat(List<? extends Map<String, ?>> messages, Map<String, ?> settings, Consumer<String> listener) {
    return opened.use(() -> {
      require(Kind.TEXT, "to converse");
      return new Texts(opened.text(), name).chat(Plain.maps("messages", messages), Plain.map(settings), listener);
    });
  }

  @Override
  public int countChatTokens(List<? extends Map<String, ?>> messages) {
    return opened.use(() -> {
      require(Kind.TEXT, "to converse");
      return new Texts(opened.text(), name).render(Plain.maps("messages", messages), Map.of()).prompt().length;
    });
  }

  @Override
  public int countTokens(String text) {
    return opened.use(() -> opened.tokenizer().encode(text, false).length());
  }

  @Override
  public List<List<Double>> embedAll(List<String> texts) {
    return opened.use(() -> {
      require(Kind.VECTORS, "for vectors");
      List<List<Double>> vectors = new ArrayList<>();
      for (float[] vector : vectors(Plain.texts("texts", texts))) {
        vectors.add(new Doubles(vector));
      }
      return vectors;
    });
  }

  private List<float[]> vectors(List<String> texts) {
    List<float[]> vectors = new ArrayList<>();
    read(opened.embedder(), texts.stream().map(Reader.Text::of).toList(), reading -> vectors.addAll(List.of(reading.outputs())));
    return vectors;
  }

  private List<Map<String, Object>> judged(List<Reader.Text> texts) {
    List<Map<String, Object>> all = new ArrayList<>();
    read(opened.judge(name), texts, reading -> all.addAll(reading.fields()));
    return all;
  }

  /** Reads so many texts at a time that an interrupt is soon seen. */
  private void read(Reader reader, List<Reader.Text> texts, Consumer<Reader.Reading> of) {
    for (int at = 0; at < texts.size(); at += TOGETHER) {
      if (Thread.currentThread().isInterrupted()) {
        throw Interrupted.now("reading texts");
      }
      of.accept(reader.read(name, texts.subList(at, Math.min(texts.size(), at + TOGETHER))));
    }
  }

  @Override
  public List<Classification> classifyAll(List<String> texts) {
    return opened.use(() -> {
      require(Kind.JUDGEMENT, "for classes");
      return judged(Plain.texts("texts", texts).stream().map(Reader.Text::of).toList()).stream().map(this::classification).toList();
    });
  }

  private Classification classification(Map<String, Object> fields) {
    if (!(fields.get("probabilities") instanceof Map<?, ?> probabilities)) {
      throw new ConfigException("'%s' was not trained for classes; see score and predict".formatted(name));
    }
    Map<String, Double> all = new LinkedHashMap<>();
    probabilities.forEach((label, probability) -> all.put(String.valueOf(label), ((Number) probability).doubleValue()));
    List<String> labels = fields.get("label") != null ? List.of(String.valueOf(fields.get("label")))
        : fields.get("labels") instanceof List<?> several ? several.stream().map(String::valueOf).toList() : List.of();
    return new Classification(labels, all);
  }

  @Override
  public List<Double> scoreAll(String text, List<String> others) {
    return opened.use(() -> {
      List<String> second = Plain.texts("others", others);
      if (!alone() && opened.adapters().contains(name) && opened.kind(name) == Kind.JUDGEMENT) {
        return judged(second.stream().map(other -> Reader.Text.of(text, other)).toList()).stream().map(this::value).toList();
      }
      require(Kind.VECTORS, "for scores");
      List<String> all = new ArrayList<>(List.of(text));
      all.addAll(second);
      List<float[]> vectors = vectors(all);
      return vectors.subList(1, vectors.size()).stream().map(vector -> cosine(vectors.getFirst(), vector)).toList();
    });
  }

  private Double value(Map<String, Object> fields) {
    if (!(fields.getOrDefault("value", fields.get("score")) instanceof Number value)) {
      throw new ConfigException("'%s' was trained for classes; see classify".formatted(name));
    }
    return value.doubleValue();
  }

  /** Of vectors of length 1. */
  private static double cosine(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (double) a[i] * b[i];
    }
    return sum;
  }

  @Override
  public List<Map<String, Object>> predict(List<String> texts) {
    return opened.use(() -> {
      require(Kind.JUDGEMENT, "for a task");
      return judged(Plain.texts("texts", texts).stream().map(Reader.Text::of).toList());
    });
  }
}
