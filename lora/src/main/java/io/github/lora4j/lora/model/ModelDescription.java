package io.github.lora4j.lora.model;

import io.github.lora4j.graph.Convolution;
import io.github.lora4j.graph.ModuleInfo;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What an adapter needs to know about a base model: its modules and which of them are special.
 *
 * @param modelType Hugging Face's {@code model_type}: "bert"
 * @param modules all modules, adaptable or not, in the order of {@code named_modules()}
 * @param outputModule the layer over the vocabulary ("lm_head"), which 'all-linear' leaves out
 * @param tied parameters that are the same tensor as another: alias to source
 * @param places where adapters go if nothing is said
 * @param gguf how GGUF names its parameters
 */
public record ModelDescription(String modelType, List<ModuleInfo> modules, Optional<String> outputModule, Map<String, String> tied,
    DefaultPlaces places, GgufForm gguf) {

  /** Copies the collections. */
  public ModelDescription {
    modules = List.copyOf(modules);
    tied = Map.copyOf(tied);
  }

  /** A model that has no form in GGUF. */
  public ModelDescription(String modelType, List<ModuleInfo> modules, Optional<String> outputModule, Map<String, String> tied, DefaultPlaces places) {
    this(modelType, modules, outputModule, tied, places, GgufForm.NONE);
  }

  /** A model whose family says nothing of places for adapters: those of PEFT's tables. */
  public ModelDescription(String modelType, List<ModuleInfo> modules, Optional<String> outputModule, Map<String, String> tied) {
    this(modelType, modules, outputModule, tied, DefaultPlaces.ofPeft(modelType));
  }

  /** A model without an output layer over the vocabulary and without tied weights. */
  public static ModelDescription of(String modelType, List<ModuleInfo> modules) {
    return new ModelDescription(modelType, modules, Optional.empty(), Map.of());
  }

  /** The module of this name, if there is one. */
  public Optional<ModuleInfo> module(String name) {
    return modules.stream().filter(m -> m.name().equals(name)).findFirst();
  }

  /** The parameter that one of this name is: another's if it is tied, itself otherwise. */
  public String source(String parameter) {
    return tied.getOrDefault(parameter, parameter);
  }

  /** The parameters of a module with their shapes as Hugging Face stores them; empty where the module has none or its sizes are unknown. */
  public static Map<String, List<Long>> parameters(ModuleInfo module) {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    long in = module.in();
    long out = module.out();
    if (out == 0) {
      return shapes;
    }
    switch (module.kind()) {
      case LINEAR -> shapes.put("weight", List.of(out, in));
      case CONV1D, EMBEDDING -> shapes.put("weight", List.of(in, out));
      case CONVOLUTION -> {
        Convolution c = module.convolution().orElseThrow();
        List<Long> shape = new ArrayList<>(List.of(out, (long) c.channels() / c.groups()));
        c.kernel().forEach(k -> shape.add((long) k));
        shapes.put("weight", shape);
      }
      case LAYER_NORM -> shapes.put("weight", List.of(out));
      default -> { }
    }
    if (module.bias()) {
      shapes.put("bias", List.of(out));
    }
    Map<String, List<Long>> named = new LinkedHashMap<>();
    shapes.forEach((name, shape) -> named.put(module.name() + "." + name, shape));
    return named;
  }
}
