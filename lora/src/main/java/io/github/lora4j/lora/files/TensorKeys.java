package io.github.lora4j.lora.files;

import io.github.lora4j.checkpoint.Checkpoint;
import io.github.lora4j.lora.StoredCopy;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.settings.Problems;
import io.github.lora4j.vector.FormatException;
import io.github.lora4j.vector.Names;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Finds each of an adapter's parameters in a file; what does not fit exactly is one error that lists all of it. */
public final class TensorKeys {

  private TensorKeys() {}

  /**
   * What a file should hold.
   *
   * @param tables slots of embeddings and of output layers over the vocabulary, which grow with new tokens
   */
  public record Expected(List<AdapterParameter> parameters, List<StoredCopy> copies, Set<String> tables) {}

  /**
   * The key of each slot. Where PEFT's wrapper of a module that trains whole is in the names, {@code modules_to_save} is the trained one and
   * {@code original_module} the base's, which says nothing new.
   *
   * @throws FormatException when something is missing, unexpected or of another shape
   */
  public static Map<String, String> match(String where, Checkpoint file, Expected expected, Map<String, ?> config) {
    List<AdapterParameter> parameters = expected.parameters;
    Map<String, String> slots = new LinkedHashMap<>();
    parameters.forEach(p -> slots.put(p.key(), p.slot()));
    Map<String, StoredCopy> allowed = new LinkedHashMap<>();
    expected.copies.forEach(copy -> allowed.put(copy.key(), copy));
    resized(where, file, expected);
    Map<String, String> found = new LinkedHashMap<>();
    List<String> unexpected = new ArrayList<>();
    List<String> shapesOfCopies = new ArrayList<>();
    for (String key : file.names()) {
      String plain = slots.containsKey(key) ? key : withoutAdapterName(key, slots);
      String slot = slots.get(plain);
      if (slot == null && allowed.containsKey(plain)) {
        copied(key, allowed.get(plain), file, shapesOfCopies);
      } else if (slot == null && !slots.containsKey(unwrapped(key))) {
        unexpected.add(key);
      } else if (slot != null && found.putIfAbsent(slot, key) != null) {
        unexpected.add(key);
      }
    }
    for (String key : file.names()) {
      if (key.contains(".modules_to_save.") && slots.containsKey(unwrapped(key))) {
        found.putIfAbsent(slots.get(unwrapped(key)), key);
      }
    }
    List<String> missing = parameters.stream().filter(p -> !found.containsKey(p.slot())).map(AdapterParameter::key).toList();
    List<String> shapes = new ArrayList<>();
    for (AdapterParameter p : parameters) {
      String key = found.get(p.slot());
      if (key != null && !file.info(key).shape().equals(p.shape())) {
        shapes.add("%s is %s, expected %s".formatted(p.key(), file.info(key).shape(), p.shape()));
      }
    }
    shapes.addAll(shapesOfCopies);
    List<String> problems = new ArrayList<>();
    add(problems, missing, "missing");
    add(problems, unexpected, "unexpected");
    add(problems, shapes, "of another shape");
    if (!problems.isEmpty()) {
      throw new FormatException("%s: %s\n%s".formatted(where, Problems.text(problems), advice(missing, unexpected, shapes, file, parameters,
          config)));
    }
    return found;
  }

  /** An embedding in the file that has other entries than the model's says more than the shapes that follow from it. */
  private static void resized(String where, Checkpoint file, Expected expected) {
    Map<String, List<Long>> tables = new LinkedHashMap<>();
    expected.parameters.stream().filter(p -> expected.tables.contains(p.slot())).forEach(p -> tables.put(p.key(), p.shape()));
    expected.copies.stream().filter(copy -> copy.key().endsWith("weight") && !copy.key().contains(".lora_"))
        .forEach(copy -> tables.put(copy.key(), copy.shape()));
    for (String key : file.names()) {
      List<Long> wanted = tables.get(tables.containsKey(key) ? key : unwrapped(key));
      List<Long> got = file.info(key).shape();
      if (wanted != null && got.size() == 2 && !got.getFirst().equals(wanted.getFirst()) && got.getLast().equals(wanted.getLast())) {
        throw new FormatException(("%s: %s has %d entries, the base model %d: the adapter was trained after the embeddings were resized "
            + "for new tokens; resize the base model to %d entries, save it, and use that").formatted(where, key, got.getFirst(),
                wanted.getFirst(), got.getFirst()));
      }
    }
  }

  private static void copied(String key, StoredCopy copy, Checkpoint file, List<String> shapes) {
    if (!file.info(key).shape().equals(copy.shape())) {
      shapes.add("%s is %s, expected %s".formatted(key, file.info(key).shape(), copy.shape()));
    }
  }

  private static void add(List<String> problems, List<String> names, String what) {
    if (!names.isEmpty()) {
      problems.add("%d of the tensors %s %s: %s".formatted(names.size(), names.size() == 1 ? "is" : "are", what, Names.list(names)));
    }
  }

  /** Some tools save the adapter's name in the keys (…lora_A.default.weight); PEFT reads those too. */
  private static String withoutAdapterName(String key, Map<String, String> slots) {
    String plain = key.replaceFirst("\\.default(?=\\.weight$|\\.bias$|$)", "");
    return slots.containsKey(plain) ? plain : key;
  }

  /** The name without PEFT's wrapper of a module that trains whole. */
  private static String unwrapped(String key) {
    return key.replaceFirst("\\.(original_module|modules_to_save)(\\.default)?(?=\\.)", "");
  }

  private static String advice(List<String> missing, List<String> unexpected, List<String> shapes, Checkpoint file,
      List<AdapterParameter> parameters, Map<String, ?> config) {
    if (!missing.isEmpty() && unexpected.isEmpty() && shapes.isEmpty() && "lora_only".equals(config.get("bias"))
        && missing.stream().allMatch(key -> key.endsWith(".bias"))) {
      return "bias is \"lora_only\", but the file holds no bias: some releases of PEFT (0.19.1 is one) do not save them with it. They are lost; to "
          + "use the "
          + "adapter without them, set bias to \"none\" in adapter_config.json, or save it again with a newer PEFT.";
    }
    if (!unexpected.isEmpty() && unexpected.stream().noneMatch(key -> key.startsWith(AdapterParameter.PREFIX))) {
      return "Keys of an adapter begin with '" + AdapterParameter.PREFIX
          + "'; these do not, so the file was not saved by PEFT's save_pretrained.";
    }
    boolean onlyRank = !shapes.isEmpty() && parameters.stream().filter(p -> file.names().contains(p.key())).allMatch(p -> {
      List<Long> got = file.info(p.key()).shape();
      int side = p.key().endsWith(".lora_A.weight") ? 1 : 0;
      return got.equals(p.shape()) || got.size() == 2 && p.key().matches(".*\\.lora_[AB]\\.weight") && got.get(side).equals(p.shape()
          .get(side));
    });
    if (onlyRank) {
      return "Only the rank differs: r and rank_pattern of adapter_config.json do not belong to these tensors.";
    }
    return shapes.isEmpty() && unexpected.isEmpty() ? "The file is incomplete, or target_modules and modules_to_save of "
        + "adapter_config.json were changed."
        : "The adapter was trained on another base model (its config says '" + config.get("base_model_name_or_path")
        + "'), or its config was changed.";
  }
}
