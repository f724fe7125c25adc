package io.github.lora4j.graph;

/**
 * One module of a model's tree, named as Hugging Face transformers names it ("bert.encoder.layer.0.attention.self.query"), in
 * the order of its {@code named_modules()}. Modules that no adapter can change are listed too, so that a selection rule that
 * hits one can be told so.
 *
 * @param in input features of a linear map, entries of an embedding; 0 where it has no meaning
 * @param out output features, embedding dimension
 */
public record ModuleInfo(String name, Kind kind, int in, int out, boolean bias) {

  /** What a module computes, with PyTorch's class names. */
  public enum Kind {
    LINEAR("Linear"), CONV1D("Conv1D"), EMBEDDING("Embedding"), LAYER_NORM("LayerNorm"), DROPOUT("Dropout"), ACTIVATION("Activation"),
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
