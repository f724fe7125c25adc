package io.github.lora4j.generate;

import io.github.lora4j.generate.sampling.LogitsProcessor;
import io.github.lora4j.generate.sampling.Sampler;
import io.github.lora4j.generate.sampling.Scores;
import io.github.lora4j.generate.settings.GenerationConfig;
import io.github.lora4j.generate.settings.GenerationSettings;
import io.github.lora4j.vector.ConfigException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Beam search as transformers does it: of all continuations of the beams those with the highest sum of log-probabilities are kept, and one that ends
 * competes with others that have by that sum over its length to the power of the length penalty.
 */
public final class BeamSearch {

  private static final GenerationConfig ONE = GenerationSettings.of(Map.of("max_new_tokens", 1));

  private final Generator generator;
  private final Request request;
  private final GenerationConfig config;
  private final int beams;
  private final int prompt;
  private final int limit;
  private final List<LogitsProcessor> processors;
  private final Scores scores;
  /** The generator's sequences, one for each beam at most. */
  private final List<Sequence> seats = new ArrayList<>();
  private List<Beam> running;
  private List<Beam> finished = List.of();

  /**
   * A continuation.
   *
   * @param tokens prompt and answer
   * @param score of a running one the sum of log-probabilities; of one that has ended that over its length to the power of the penalty
   */
  public record Beam(List<Integer> tokens, double score) {

    /** Copies the list. */
    public Beam {
      tokens = List.copyOf(tokens);
    }

    /** The tokens behind a prompt of this length. */
    public int[] answer(int prompt) {
      return tokens.stream().skip(prompt).mapToInt(Integer::intValue).toArray();
    }

    private Beam and(int token, double more) {
      List<Integer> longer = new ArrayList<>(tokens);
      longer.add(token);
      return new Beam(longer, more);
    }
  }

  private BeamSearch(Generator generator, Request request, int room) {
    this.generator = generator;
    this.request = request;
    config = request.config();
    beams = config.beams().beams();
    prompt = request.prompt().size();
    limit = Math.min(room, config.length().limit(prompt));
    processors = Sampler.processors(config, limit);
    scores = new Scores(generator.model().architecture().vocabSize());
    running = List.of(new Beam(request.prompt(), 0));
  }

  /**
   * Continues a prompt; the generator must have room for a sequence for each beam, which have left it afterwards.
   *
   * @return the best answers, as many as the request asks for
   * @throws ConfigException when the request draws tokens, or for what {@link Generator#add} refuses
   */
  public static List<Beam> run(Generator generator, Request request) {
    if (request.config().sampling().doSample()) {
      throw new ConfigException("num_beams %d with do_sample: beams are not drawn here; leave one of them out".formatted(
          request.config().beams().beams()));
    }
    BeamSearch search = new BeamSearch(generator, request, generator.maxLength());
    try {
      return search.search();
    } finally {
      search.seats.forEach(generator::remove);
    }
  }

  /** The same; the best answer as a sequence that has ended and is part of no generator. */
  public static Sequence best(Generator generator, Request request) {
    Sequence sequence = new Sequence(0, request, generator.maxLength());
    for (int token : run(generator, request).getFirst().answer(request.prompt().size())) {
      sequence.append(token);
    }
    return sequence;
  }

  private List<Beam> search() {
    boolean more = true;
    while (more) {
      List<Beam> candidates = candidates();
      List<Boolean> ended = candidates.stream().map(this::ends).toList();
      running = IntStream.range(0, candidates.size()).filter(i -> !ended.get(i)).mapToObj(candidates::get).limit(beams).toList();
      finish(IntStream.range(0, Math.min(beams, candidates.size())).filter(ended::get).mapToObj(candidates::get).toList());
      boolean full = finished.size() == beams;
      more = !running.isEmpty() && !(full && config.beams().earlyStopping())
          && (!full || penalised(running.getFirst()) > finished.getLast().score);
    }
    return finished.stream().limit(config.beams().returned()).toList();
  }

  private void finish(List<Beam> just) {
    if (finished.size() == beams && config.beams().earlyStopping()) {
      return;
    }
    finished = Stream.concat(finished.stream(), just.stream().map(beam -> new Beam(beam.tokens, penalised(beam))))
        .sorted(Comparator.comparingDouble(beam -> -beam.score)).limit(beams).toList();
  }

  private double penalised(Beam beam) {
    return beam.score / Math.pow(beam.tokens.size() - prompt, config.beams().lengthPenalty());
  }

  private boolean ends(Beam beam) {
    return beam.tokens.size() >= limit || config.stop().eosTokenIds().contains(beam.tokens.getLast());
  }

  /** The best continuations of all running beams: enough that as many as there are beams are left if every end token is among them. */
  private List<Beam> candidates() {
    int kept = Math.max(2, 1 + config.stop().eosTokenIds().size()) * beams;
    List<Beam> all = new ArrayList<>();
    Map<Beam, float[]> logits = logits();
    for (Beam beam : running) {
      float[] values = scores.values();
      System.arraycopy(logits.get(beam), 0, values, 0, values.length);
      normalise(values);
      scores.after(beam.tokens.stream().mapToInt(Integer::intValue).toArray(), beam.tokens.size(), prompt);
      request.suppressed().forEach(token -> values[token] = Float.NEGATIVE_INFINITY);
      processors.forEach(processor -> processor.process(scores));
      IntStream.range(0, values.length).filter(i -> values[i] > Float.NEGATIVE_INFINITY).boxed()
          .sorted(Comparator.comparingDouble(i -> -values[i])).limit(kept).forEach(i -> all.add(beam.and(i, beam.score + values[i])));
    }
    return all.stream().sorted(Comparator.comparingDouble(beam -> -beam.score)).limit(kept).toList();
  }

  private static void normalise(float[] values) {
    double max = IntStream.range(0, values.length).mapToDouble(i -> values[i]).max().orElse(0);
    double shift = max + Math.log(IntStream.range(0, values.length).mapToDouble(i -> Math.exp(values[i] - max)).sum());
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (values[i] - shift);
    }
  }

  /** Logits behind all running beams, each computed by the sequence that has most of it. */
  private Map<Beam, float[]> logits() {
    Map<Sequence, Beam> of = new HashMap<>();
    List<Sequence> free = new ArrayList<>(seats);
    for (Beam beam : running) {
      Request next = request.continued(beam.tokens, ONE);
      Sequence seat = free.stream().max(Comparator.comparingInt(s -> s.common(next))).orElse(null);
      if (seat == null) {
        seat = generator.add(request.continued(beam.tokens, room()));
        seats.add(seat);
      } else {
        free.remove(seat);
      }
      generator.resume(seat, next);
      of.put(seat, beam);
    }
    free.forEach(Sequence::cancel);
    Map<Beam, float[]> found = new HashMap<>();
    while (found.size() < of.size()) {
      generator.step((sequence, token) -> {
        if (of.containsKey(sequence)) {
          found.put(of.get(sequence), generator.logits());
        }
      });
    }
    return found;
  }

  /** With room for the whole answer, so that no sequence moves. */
  private GenerationConfig room() {
    return GenerationSettings.of(Map.of("max_length", limit));
  }
}
