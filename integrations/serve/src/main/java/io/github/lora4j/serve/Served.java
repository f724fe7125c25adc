package io.github.lora4j.serve;

import io.github.lora4j.inference.model.ServedModel;
import io.github.lora4j.inference.reading.Reader;
import io.github.lora4j.vector.ConfigException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The models of a server, which have names of their own.
 *
 * @param text continues texts, with its adapters; empty: none does
 * @param readers give vectors, classes and scores
 * @param base directory of the model that the page's trainings begin with
 */
public record Served(Optional<ServedModel> text, List<Reader> readers, Path base) implements AutoCloseable {

  /**
   * Copies the list.
   *
   * @throws ConfigException when two models have the same name for the same use
   */
  public Served {
    readers = List.copyOf(readers);
    Set<String> names = new HashSet<>();
    for (Reader reader : readers) {
      for (String name : reader.names()) {
        if (!names.add(name)) {
          throw new ConfigException("two models are named '%s'; give one of them another name: NAME=DIR".formatted(name));
        }
      }
    }
  }

  /** One that continues texts, alone. */
  public static Served of(ServedModel text) {
    return new Served(Optional.of(text), List.of(), text.directory().path());
  }

  /** Names of the models that read, where they are not those of the text model. */
  List<String> others() {
    List<String> texts = text.map(ServedModel::names).orElse(List.of());
    return readers.stream().flatMap(reader -> reader.names().stream()).filter(name -> !texts.contains(name)).toList();
  }

  /** All names, as clients know them. */
  public List<String> names() {
    List<String> all = new java.util.ArrayList<>(text.map(ServedModel::names).orElse(List.of()));
    all.addAll(others());
    return all;
  }

  @Override
  public void close() {
    text.ifPresent(ServedModel::close);
    readers.forEach(Reader::close);
  }
}
