package io.github.lora4j.graph;

import java.util.Optional;

/**
 * One module of a model's tree, named as Hugging Face transformers names it ("bert.encoder.layer.0.attention.self.query"), in
 * the order of its {@code named_modules()}. Modules that no adapter can change are listed too, so that a selection rule that
 * hits one can be told so.
 *
 * @param in input features of a linear map, entries of an embedding, channels times kernel of a convolution; 0 where it has no meaning
 * @param out output features, embedding dimension
 * @param convolution of a {@link Kind#CONVOLUTION}
 */
public record ModuleInfo(String name, Kind kind, int in, int out, boolean bias, Optional<Convolution> convolution) {

  /** What a module computes, with PyTorch's class names. */
  public enum Kind {
    /** x·Wᵀ + b with W [out, in]. */
    LINEAR("Linear"),
    /** x·W + b with W [in, out]: GPT-2's linear map. */
    CONV1D("Conv1D"),
    /** A convolution in one, two or three dimensions. */
    CONVOLUTION("ConvNd"),
    /** A row of a table for each id. */
    EMBEDDING("Embedding"),
    /** A layer norm, or a root-mean-square norm, which has no bias. */
    LAYER_NORM("LayerNorm"),
    /** Dropout; no parameters. */
    DROPOUT("Dropout"),
    /** A function of each element; no parameters. */
    ACTIVATION("Activation"),
    /** A module that holds others. */
    CONTAINER("Module");

    private final String torchName;

    Kind(String torchName) {
      this.torchName = torchName;
    }

    /** PyTorch's name of the class. */
    public String torchName() {
      return torchName;
    }
  }

  /** A module that is no convolution. */
  public ModuleInfo(String name, Kind kind, int in, int out, boolean bias) {
    this(name, kind, in, out, bias, Optional.empty());
  }

  /** A convolution of any number of dimensions: {@code Conv1d}, {@code Conv2d}, {@code Conv3d}. */
  public static ModuleInfo convolution(String name, Convolution convolution, int out, boolean bias) {
    return new ModuleInfo(name, Kind.CONVOLUTION, convolution.features(), out, bias, Optional.of(convolution));
  }

  /** A linear map. */
  public static ModuleInfo linear(String name, int in, int out, boolean bias) {
    return new ModuleInfo(name, Kind.LINEAR, in, out, bias);
  }

  /** A linear map of GPT-2 with bias; files hold its weight as [in, out]. */
  public static ModuleInfo conv1d(String name, int in, int out) {
    return new ModuleInfo(name, Kind.CONV1D, in, out, true);
  }

  /** An embedding table. */
  public static ModuleInfo embedding(String name, int entries, int dim) {
    return new ModuleInfo(name, Kind.EMBEDDING, entries, dim, false);
  }

  /** A layer norm with weight and bias. */
  public static ModuleInfo layerNorm(String name, int dim) {
    return new ModuleInfo(name, Kind.LAYER_NORM, dim, dim, true);
  }

  /** A root-mean-square norm, which has a weight alone. */
  public static ModuleInfo rmsNorm(String name, int dim) {
    return new ModuleInfo(name, Kind.LAYER_NORM, dim, dim, false);
  }

  /** A module that no adapter changes. */
  public static ModuleInfo other(String name, Kind kind) {
    return new ModuleInfo(name, kind, 0, 0, false);
  }

  /** The last part of the name. */
  public String leaf() {
    return name.substring(name.lastIndexOf('.') + 1);
  }
}
