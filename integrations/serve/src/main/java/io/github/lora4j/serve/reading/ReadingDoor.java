package io.github.lora4j.serve.reading;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.lora4j.inference.reading.Reader;
import io.github.lora4j.serve.http.Call;
import io.github.lora4j.serve.http.Fields;
import io.github.lora4j.serve.http.Json;
import io.github.lora4j.serve.http.Refusal;
import io.github.lora4j.vector.ConfigException;
import io.github.lora4j.vector.FormatException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ThreadLocalRandom;

/** {@code /v1/embeddings} as OpenAI has it; {@code /classify}, {@code /score} and {@code /rerank} as vLLM has them. */
public final class ReadingDoor {

  private static final int MOST = 2048;
  private static final String EMBEDDING = "embedding";

  private final List<Reader> readers;

  /** Of models. */
  public ReadingDoor(List<Reader> readers) {
    this.readers = List.copyOf(readers);
  }

  /** Names of all models. */
  public List<String> names() {
    return readers.stream().flatMap(reader -> reader.names().stream()).toList();
  }

  private record Chosen(Reader reader, String model) {
    boolean embeds() {
      return reader.task(model).equals(EMBEDDING);
    }
  }

  private Chosen chosen(Fields body, boolean embedding) {
    Optional<String> named = body.text("model").filter(name -> !name.isEmpty());
    List<Chosen> able = readers.stream().flatMap(reader -> reader.names().stream().map(name -> new Chosen(reader, name)))
        .filter(one -> !embedding || one.embeds()).toList();
    if (named.isEmpty()) {
      return able.stream().reduce((a, b) -> a.model.equals(b.model) ? a : b).orElseThrow(() -> none(able, "no model"));
    }
    return able.stream().filter(one -> one.model.equals(named.get())).findFirst().orElseThrow(() -> none(able, "The model '" + named.get() + "'"));
  }

  private static Refusal none(List<Chosen> able, String what) {
    return Refusal.noModel("%s does not do this here; there are: %s".formatted(what, able.isEmpty() ? "none" : String.join(", ", able.stream().map(
        Chosen::model).toList())));
  }

  private static Reader.Reading read(Chosen of, String key, List<Reader.Text> texts) {
    try {
      return of.reader.read(of.model, texts);
    } catch (ConfigException | FormatException e) {
      throw Refusal.invalid(key, e.getMessage());
    }
  }

  /** {@code /v1/embeddings}: vectors of length 1. */
  public void embed(Call call) throws IOException {
    Fields body = new Fields(call.json(), "");
    Chosen of = chosen(body, true);
    List<Reader.Text> texts = input(body, "input", true);
    String format = body.text("encoding_format").orElse("float");
    if (!List.of("float", "base64").contains(format)) {
      body.wrong("encoding_format", "\"float\" or \"base64\"", body.node().get("encoding_format"));
    }
    OptionalInt dimensions = body.whole("dimensions", 1, Integer.MAX_VALUE);
    body.ignore("user").end();
    Reader.Reading reading = read(of, "input", texts);
    if (dimensions.isPresent() && dimensions.getAsInt() != reading.outputs()[0].length) {
      throw Refusal.invalid("dimensions", "'dimensions' must be %d: vectors of this model are not shortened".formatted(reading.outputs()[0].length));
    }
    ObjectNode root = Json.object().put("object", "list").put("model", of.model);
    ArrayNode data = root.putArray("data");
    for (float[] vector : reading.outputs()) {
      ObjectNode one = data.addObject().put("object", EMBEDDING).put("index", data.size() - 1);
      if (format.equals("base64")) {
        ByteBuffer bytes = ByteBuffer.allocate(Float.BYTES * vector.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(vector);
        one.put(EMBEDDING, Base64.getEncoder().encodeToString(bytes.array()));
      } else {
        ArrayNode values = one.putArray(EMBEDDING);
        for (float x : vector) {
          values.add(x);
        }
      }
    }
    usage(root, reading);
    call.send(200, root);
  }

  /** {@code /classify}: the likeliest class with the probabilities of all. */
  public void classify(Call call) throws IOException {
    Fields body = new Fields(call.json(), "");
    Chosen of = chosen(body, false);
    List<Reader.Text> texts = input(body, "input", false);
    body.ignore("user").end();
    Reader.Reading reading = read(of, "input", texts);
    ObjectNode root = head("classify", of);
    ArrayNode data = root.putArray("data");
    for (Map<String, Object> fields : reading.fields()) {
      if (!(fields.get("probabilities") instanceof Map<?, ?> probabilities)) {
        throw Refusal.invalid("model", "'%s' was trained for %s, which has no classes; see /score".formatted(of.model, of.reader.task(of.model)));
      }
      ObjectNode one = data.addObject().put("index", data.size() - 1);
      Object label = fields.containsKey("label") ? fields.get("label") : fields.get("labels");
      one.set("label", label == null ? Json.tree(List.of()) : Json.tree(label));
      one.set("probs", Json.tree(probabilities.values()));
      one.set("labels", Json.tree(probabilities.keySet()));
      one.put("num_classes", probabilities.size());
    }
    if (of.embeds()) {
      throw Refusal.invalid("model", "'%s' gives vectors; see /v1/embeddings".formatted(of.model));
    }
    usage(root, reading);
    call.send(200, root);
  }

  /** {@code /score}: how well each second text belongs to the first: the value of a model of numbers, the cosine of vectors. */
  public void score(Call call) throws IOException {
    Fields body = new Fields(call.json(), "");
    Chosen of = chosen(body, false);
    List<Reader.Text> first = input(body, "text_1", false);
    List<Reader.Text> second = input(body, "text_2", false);
    body.ignore("user").end();
    if (first.size() != 1 && first.size() != second.size()) {
      throw Refusal.invalid("text_1", "'text_1' must be one text, or as many as 'text_2': %d and %d".formatted(first.size(), second.size()));
    }
    List<Reader.Text> pairs = new ArrayList<>();
    for (int i = 0; i < second.size(); i++) {
      pairs.add(Reader.Text.of(first.get(first.size() == 1 ? 0 : i).first(), second.get(i).first()));
    }
    double[] scores = scores(of, "text_2", pairs);
    ObjectNode root = head("score", of);
    ArrayNode data = root.putArray("data");
    for (double score : scores) {
      data.addObject().put("index", data.size() - 1).put("object", "score").put("score", score);
    }
    root.putObject("usage");
    call.send(200, root);
  }

  /** {@code /rerank}: documents by their score for a query, the best first. */
  public void rerank(Call call) throws IOException {
    Fields body = new Fields(call.json(), "");
    Chosen of = chosen(body, false);
    String query = body.required("query");
    List<Reader.Text> documents = input(body, "documents", false);
    int most = body.whole("top_n", 0, Integer.MAX_VALUE).orElse(0);
    boolean told = body.any("return_documents").isEmpty() || body.flag("return_documents");
    body.ignore("user").end();
    double[] scores = scores(of, "documents", documents.stream().map(document -> Reader.Text.of(query, document.first())).toList());
    ObjectNode root = head("rerank", of);
    ArrayNode results = root.putArray("results");
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < scores.length; i++) {
      order.add(i);
    }
    order.sort(Comparator.comparingDouble((Integer i) -> -scores[i]));
    for (int i : order.subList(0, most == 0 ? order.size() : Math.min(most, order.size()))) {
      ObjectNode one = results.addObject().put("index", i).put("relevance_score", scores[i]);
      if (told) {
        one.putObject("document").put("text", documents.get(i).first());
      }
    }
    root.putObject("usage");
    call.send(200, root);
  }

  private static double[] scores(Chosen of, String key, List<Reader.Text> pairs) {
    double[] scores = new double[pairs.size()];
    if (of.embeds()) {
      List<Reader.Text> all = new ArrayList<>();
      pairs.forEach(pair -> all.addAll(List.of(Reader.Text.of(pair.first()), Reader.Text.of(pair.second().orElseThrow()))));
      float[][] vectors = read(of, key, all).outputs();
      for (int i = 0; i < scores.length; i++) {
        for (int j = 0; j < vectors[2 * i].length; j++) {
          scores[i] += (double) vectors[2 * i][j] * vectors[2 * i + 1][j];
        }
      }
      return scores;
    }
    List<Map<String, Object>> fields = read(of, key, pairs).fields();
    for (int i = 0; i < scores.length; i++) {
      if (!(fields.get(i).getOrDefault("value", fields.get(i).get("score")) instanceof Number value)) {
        throw Refusal.invalid("model", "'%s' was trained for %s, which gives no score; see /classify".formatted(of.model, of.reader.task(of.model)));
      }
      scores[i] = value.doubleValue();
    }
    return scores;
  }

  private static ObjectNode head(String kind, Chosen of) {
    return Json.object().put("id", "%s-%016x".formatted(kind, ThreadLocalRandom.current().nextLong())).put("object", "list")
        .put("created", System.currentTimeMillis() / 1000).put("model", of.model);
  }

  private static void usage(ObjectNode root, Reader.Reading reading) {
    ObjectNode usage = root.putObject("usage");
    if (reading.tokens() >= 0) {
      usage.put("prompt_tokens", reading.tokens()).put("total_tokens", reading.tokens());
    }
  }

  /** A text, a list of texts, and where {@code ids} says so a list of token ids or of such lists. */
  private static List<Reader.Text> input(Fields body, String key, boolean ids) {
    JsonNode given = body.any(key).orElseThrow(() -> Refusal.invalid(key, "'%s' is required".formatted(key)));
    List<Reader.Text> texts = new ArrayList<>();
    boolean one = given.isTextual() || ids && given.isArray() && given.path(0).isNumber();
    if (!one && (!given.isArray() || given.isEmpty() || given.size() > MOST)) {
      body.wrong(key, "a string or a list of 1 to %,d of them".formatted(MOST), given);
    }
    for (JsonNode text : one ? List.of(given) : given) {
      if (text.isTextual()) {
        texts.add(Reader.Text.of(text.textValue()));
      } else if (ids && text.isArray() && !text.isEmpty()) {
        int[] tokens = new int[text.size()];
        for (int i = 0; i < tokens.length; i++) {
          tokens[i] = text.get(i).isInt() ? text.get(i).intValue() : body.<Integer>wrong(key, "token ids", text.get(i));
        }
        texts.add(new Reader.Text("", Optional.empty(), tokens));
      } else {
        body.wrong("%s[%d]".formatted(key, texts.size()), "a string", text);
      }
    }
    return texts;
  }
}
