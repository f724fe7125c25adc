package io.github.lora4j.models.families;

import io.github.lora4j.models.ModelConfig;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** Which layers see a window of what is before a token, where {@code layer_types} does not say it: newer files do. */
interface Windows {

  /** No layer. */
  Windows NONE = (config, layers) -> byType(config, layers, i -> false);
  /** All layers, where there is a {@code sliding_window}. */
  Windows ALL = (config, layers) -> byType(config, layers, i -> config.has("sliding_window"));
  /** Layers from {@code max_window_layers} on, where {@code use_sliding_window} says so. */
  Windows UPPER = (config, layers) -> {
    boolean used = config.flag("use_sliding_window", false);
    int first = config.whole("max_window_layers", 28);
    return used ? byType(config, layers, i -> i >= first) : IntStream.range(0, layers).mapToObj(i -> 0).toList();
  };

  /** The window of each layer, 0 where there is none. */
  List<Integer> of(ModelConfig config, int layers);

  /** Windows by layer_types, or for the layers that older files mean. */
  static List<Integer> byType(ModelConfig config, int layers, IntPredicate otherwise) {
    List<String> types = types(config, layers);
    return IntStream.range(0, layers).mapToObj(i -> types.isEmpty() ? otherwise.test(i) : types.get(i).equals("sliding_attention"))
        .map(windowed -> windowed ? config.size("sliding_window") : 0).toList();
  }

  /** What layer_types says, checked; empty where it is missing. */
  static List<String> types(ModelConfig config, int layers) {
    List<String> types = config.texts("layer_types");
    types.stream().filter(type -> !List.of("full_attention", "sliding_attention").contains(type)).findFirst().ifPresent(type -> {
      throw config.error("layer_types \"%s\" is not supported; full_attention and sliding_attention are".formatted(type));
    });
    if (!types.isEmpty() && types.size() != layers) {
      throw config.error("layer_types names %d layers, but num_hidden_layers is %d".formatted(types.size(), layers));
    }
    return types;
  }
}
