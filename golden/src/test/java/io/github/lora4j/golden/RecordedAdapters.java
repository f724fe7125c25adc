package io.github.lora4j.golden;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lora4j.golden.GoldenCases.Tensor;
import io.github.lora4j.lora.parameters.AdapterParameter;
import io.github.lora4j.lora.parameters.AdapterValues;
import io.github.lora4j.lora.plain.LoraAdapter;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Several adapters in one file, under names of their own: {@code adapter.base_model.model.fc1.lora_A.NAME.weight}. */
final class RecordedAdapters {

  private static final Pattern NAME = Pattern.compile("adapter\\..*\\.lora_[A-Za-z_]+\\.([^.]+)(\\.weight)?");

  private RecordedAdapters() {}

  /** The adapters' names, in the order of their ranks: that in which the case's JSON, or else the file, lists their tensors. */
  static List<String> names(JsonNode c, Collection<String> tensors) {
    List<String> listed = new ArrayList<>();
    c.path("tensors").fieldNames().forEachRemaining(listed::add);
    Set<String> names = new LinkedHashSet<>();
    for (String tensor : listed.isEmpty() ? tensors : listed) {
      Matcher matcher = NAME.matcher(tensor);
      if (matcher.matches()) {
        names.add(matcher.group(1));
      }
    }
    // Letters are in order whatever the file's order is.
    List<String> ordered = new ArrayList<>(names);
    if (ordered.stream().allMatch(name -> name.length() == 1)) {
      ordered.sort(null);
    }
    return ordered;
  }

  /** Names as a list, or as a text of letters. */
  static List<String> listed(JsonNode adapters) {
    List<String> names = new ArrayList<>();
    if (adapters.isArray()) {
      adapters.forEach(name -> names.add(name.asText()));
    } else {
      adapters.asText().chars().forEach(letter -> names.add(String.valueOf((char) letter)));
    }
    return names;
  }

  /** Fills in the recorded values of the adapter of this name. */
  static void copy(Map<String, Tensor> t, String name, LoraAdapter adapter, AdapterValues values) {
    for (AdapterParameter p : adapter.parameters()) {
      String key = "adapter." + p.key().replaceFirst("(\\.weight)?$", "." + name.replace("$", "\\$") + "$1");
      values.get(p.slot()).copyFrom(MemorySegment.ofArray(t.get(key).values()));
    }
  }
}
