package io.github.lora4j.models.gguf;

import io.github.lora4j.graph.AttentionOp;
import io.github.lora4j.graph.DecoderOp;
import io.github.lora4j.graph.Program;
import io.github.lora4j.graph.ProgramBuilder;
import io.github.lora4j.graph.SiteHooks;
import io.github.lora4j.graph.Sites;
import io.github.lora4j.models.Architecture;
import io.github.lora4j.models.Head;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.PackedInputs;
import io.github.lora4j.vector.AttentionSpec;
import io.github.lora4j.vector.ConfigException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * Whether a model that was written into a GGUF file is read as the same computation: both are recorded, and every op, with its numbers, and every table
 * of rotary positions must agree. So whatever a config.json says that no key of the format does is found, whether anyone thought of it or not.
 */
public final class GgufCheck {

  /** Positions whose angles are compared. */
  private static final int POSITIONS = 48;
  private static final double ANGLES = 1e-3;
  /** What a rotation looks its angles up by. */
  private static final Pattern TABLE = Pattern.compile(" positions=[^\\]]*\\], table=[^\\]]*\\],");
  private static final Pattern NUMBER = Pattern.compile("(?<![\\w.])-?\\d+\\.\\d+(?:E-?\\d+)?");

  private static final Pattern WINDOW = Pattern.compile(" window=\\d+,");
  /** Architectures whose key of a window llama.cpp reads, but ignores. */
  private static final Set<String> WINDOWLESS = Set.of("phi3");

  private GgufCheck() {}

  /**
   * Compares.
   *
   * @throws ConfigException naming the first difference
   */
  public static void require(Architecture model, Architecture read) {
    difference(model, read).ifPresent(difference -> {
      throw new ConfigException(("%s says something that a GGUF file of architecture %s cannot: as a GGUF file the model would compute another thing at %s. "
          + "Write safetensors instead").formatted(model.config().source(), GgufPlaces.of(model).keys().architecture(), difference));
    });
  }

  private static Optional<String> difference(Architecture model, Architecture read) {
    Program a = record(model);
    Program b = record(read);
    List<Program.Node> ours = a.entry("dry").nodes();
    List<Program.Node> theirs = b.entry("dry").nodes();
    for (int i = 0; i < Math.min(ours.size(), theirs.size()); i++) {
      String one = rounded(ours.get(i));
      String other = rounded(theirs.get(i));
      positions(model, ours.get(i), theirs.get(i));
      if (ours.get(i).op() instanceof AttentionOp.Attention x && theirs.get(i).op() instanceof AttentionOp.Attention y) {
        scales(model, x.spec(), y.spec());
        windows(model, x.spec().window(), y.spec().window());
        one = WINDOW.matcher(one).replaceFirst("");
        other = WINDOW.matcher(other).replaceFirst("");
      }
      if (!one.equals(other)) {
        return Optional.of(one + ", which there is " + other);
      }
    }
    if (ours.size() != theirs.size()) {
      return Optional.of("%d operations, which there are %d".formatted(ours.size(), theirs.size()));
    }
    // Divisors that were made by other numbers than Llama 3's are read as ones that may depend on the length: then there is no table to compare.
    return a.constants().keySet().stream().filter(name -> b.constants().containsKey(name) && !near(a.constants(), b.constants(), name)).findFirst();
  }

  /** Rotary positions that one of two models has where the other goes on. */
  private static void positions(Architecture model, Program.Node ours, Program.Node theirs) {
    boolean here = ours.op() instanceof DecoderOp.Rope;
    if (here != theirs.op() instanceof DecoderOp.Rope) {
      throw new ConfigException(("%s: no_rope_layers and no_rope_layer_interval give %s %s rotary positions, and llama.cpp gives it %s in every "
          + "model of architecture %s. Write safetensors instead, which say it").formatted(model.config().source(), ours.region(), here ? "its" : "no",
          here ? "none" : "some", GgufPlaces.of(model).keys().architecture()));
    }
  }

  /** What scores are multiplied by. */
  private static void scales(Architecture model, AttentionSpec ours, AttentionSpec theirs) {
    if (Math.abs(ours.scale() - theirs.scale()) > 1e-5 * ours.scale()) {
      String key = model.config().has("query_pre_attn_scalar") ? "query_pre_attn_scalar" : "the size of a head";
      throw new ConfigException(("%s: %s has scores of attention multiplied by %.6g, and llama.cpp multiplies them by %.6g in a model of "
          + "architecture %s with heads of %d, for which it has no key. Write safetensors instead, which say it").formatted(model.config().source(), key, ours.scale(),
          theirs.scale(), GgufPlaces.of(model).keys().architecture(), ours.headDim()));
    }
  }

  /** A window that no text within the model's positions reaches the end of is none. */
  private static void windows(Architecture model, int ours, int theirs) {
    String architecture = GgufPlaces.of(model).keys().architecture();
    int positions = model.maxPositions();
    int there = WINDOWLESS.contains(architecture) || theirs >= positions ? 0 : theirs;
    int here = ours >= positions ? 0 : ours;
    if (here == there) {
      return;
    }
    throw new ConfigException(here > 0 && there == 0 ? ("%s: sliding_window is %d of %d positions, and llama.cpp lets every token of a model of architecture "
        + "%s see all before it: behind %d tokens it would compute another thing. Write safetensors instead, or merge into a copy of the model whose "
        + "max_position_embeddings is %d: texts that long are the same").formatted(model.config().source(), here, positions, architecture, here, here)
        : "%s: layer_types and sliding_window give a layer a window of %d tokens (0: none), which as a GGUF file of architecture %s would have one of %d. "
        .formatted(model.config().source(), here, architecture, there) + "Write safetensors instead");
  }

  private static boolean near(Map<String, float[]> a, Map<String, float[]> b, String name) {
    float[] x = a.get(name);
    float[] y = b.get(name);
    if (x == null || y == null || x.length != y.length) {
      return false;
    }
    for (int i = 0; i < x.length; i++) {
      if (Math.abs(x[i] - y[i]) > ANGLES) {
        return false;
      }
    }
    return true;
  }

  /** Numbers of a file of floats agree in six digits. */
  private static String rounded(Program.Node node) {
    return NUMBER.matcher(node.region() + ": " + TABLE.matcher(node.op().toString()).replaceFirst("")).replaceAll((MatchResult number) -> "%.5e".formatted(Double.parseDouble(number.group())));
  }

  private static Program record(Architecture architecture) {
    Head head = architecture.facts().classes().containsKey(Head.LanguageModel.class)
        && Objects.requireNonNull(architecture.facts().files().gguf()).containsKey("lm_head") ? new Head.LanguageModel() : new Head.None();
    ProgramBuilder program = new ProgramBuilder();
    PackedInputs in = PackedInputs.declare(program, POSITIONS, 1, Math.min(POSITIONS, architecture.maxPositions()));
    new Model(architecture, head).forward(new Sites(program.entry("dry"), SiteHooks.NONE), in);
    return program.build();
  }
}
