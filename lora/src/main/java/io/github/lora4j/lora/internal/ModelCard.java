package io.github.lora4j.lora.internal;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** The README.md of an adapter directory: Hugging Face's model card template with PEFT's metadata, which the Hub reads. */
public final class ModelCard {

  private ModelCard() {}

  /**
   * The text.
   *
   * @param config the content of {@code adapter_config.json}
   */
  public static String of(Map<String, Object> config) {
    Object named = config.get("base_model_name_or_path");
    String base = named == null ? "" : named.toString();
    StringBuilder out = new StringBuilder("---\nbase_model: ").append(yaml(base)).append("\nlibrary_name: peft\n");
    if ("CAUSAL_LM".equals(config.get("task_type"))) {
      out.append("pipeline_tag: text-generation\n");
    }
    out.append("tags:\n");
    // PEFT sorts the tags.
    Set<String> tags = new TreeSet<>(List.of("base_model:adapter:" + base, "transformers"));
    if (config.get("peft_type") instanceof String method) {
      tags.add(method.toLowerCase(Locale.ROOT));
    }
    for (String tag : tags) {
      out.append("- ").append(yaml(tag)).append('\n');
    }
    out.append("---\n\n").append(template());
    if (config.get("peft_version") instanceof String version) {
      out.append("### Framework versions\n\n- PEFT ").append(version);
    }
    return out.toString();
  }

  /** A plain scalar where YAML allows one without doubt, quoted otherwise. */
  private static String yaml(String text) {
    boolean plain = text.matches("[A-Za-z/][A-Za-z0-9._/:@-]*") && !text.endsWith(":")
        && !text.matches("(?i)true|false|null|yes|no|on|off|y|n");
    return plain ? text : "'" + text.replace("'", "''").replaceAll("\\R", " ") + "'";
  }

  private static String template() {
    try (InputStream in = ModelCard.class.getResourceAsStream("/io/github/lora4j/lora/model-card.md")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
