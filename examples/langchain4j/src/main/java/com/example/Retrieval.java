package com.example;

import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.store.embedding.EmbeddingSearchRequest;
import dev.langchain4j.store.embedding.inmemory.InMemoryEmbeddingStore;
import io.github.lora4j.LocalModel;
import io.github.lora4j.Lora4j;
import io.github.lora4j.langchain4j.Lora4jEmbeddingModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * Colleagues ask for services by nicknames that no embedding model has heard of. It learns them from pairs of a question and the document that
 * answers it, and is then asked other questions.
 */
final class Retrieval {

  /** MODEL RUN: an encoder such as all-MiniLM-L6-v2, a directory to be made. */
  public static void main(String[] args) throws IOException {
    List<TextSegment> documents = Files.readAllLines(Path.of("documents.txt")).stream().map(TextSegment::from).toList();
    List<String[]> questions = Files.readAllLines(Path.of("questions.tsv")).stream().map(line -> line.split("\t")).toList();
    try (LocalModel model = Lora4j.model(args[0])) {
      EmbeddingModel before = Lora4jEmbeddingModel.builder().model(model).build();
      System.out.printf("before: %d of %d questions find their document first%n", found(before, documents, questions), questions.size());
      model.load("nicknames", model.train(Map.of(
          "output", args[1],
          "task", "embedding",
          "data", Map.of("train", "pairs.tsv", "text", "query", "text_pair", "document"),
          "adapter", Map.of("r", 16, "lora_alpha", 32, "target_modules", "all-linear"),
          "optimizer", Map.of("learning_rate", 2e-3),
          "batch_size", 12,
          "epochs", 10)).adapter());
      EmbeddingModel after = Lora4jEmbeddingModel.builder().model(model).adapter("nicknames").build();
      System.out.printf("after: %d of %d%n", found(after, documents, questions), questions.size());
    }
  }

  private static long found(EmbeddingModel model, List<TextSegment> documents, List<String[]> questions) {
    InMemoryEmbeddingStore<TextSegment> store = new InMemoryEmbeddingStore<>();
    store.addAll(model.embedAll(documents).content(), documents);
    return questions.stream().filter(question -> store.search(EmbeddingSearchRequest.builder().queryEmbedding(model.embed(question[0]).content())
        .maxResults(1).build()).matches().getFirst().embedded().text().equals(question[1])).count();
  }
}
