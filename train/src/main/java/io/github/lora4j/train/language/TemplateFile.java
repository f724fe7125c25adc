package io.github.lora4j.train.language;

import io.github.lora4j.lora.files.PeftFormat;
import io.github.lora4j.tokenizer.chat.ChatTemplate;
import io.github.lora4j.train.recipe.AdapterTask;
import io.github.lora4j.vector.ResourceException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** The chat template that an adapter was trained with, where its recipe named a file: it goes along, for the base model has another one. */
public final class TemplateFile {

  private TemplateFile() {}

  /** The file that a task names, if it is there as it was trained with: the model's own and named templates are the model's to keep. */
  public static Optional<String> of(AdapterTask task) {
    String choice = String.valueOf(task.settings().getOrDefault("chat_template", ""));
    if (choice.isEmpty() || !Files.isRegularFile(Path.of(choice))) {
      return Optional.empty();
    }
    String source = read(Path.of(choice));
    return Optional.of(source).filter(text -> Writing.hash(ChatTemplate.of(text, choice)).equals(task.settings().get("template_hash")));
  }

  /** The one beside an adapter, or that its task names. */
  public static Optional<String> of(Path adapter) {
    Path own = adapter.resolve(PeftFormat.TEMPLATE);
    return Files.isRegularFile(own) ? Optional.of(read(own)) : AdapterTask.read(adapter).flatMap(TemplateFile::of);
  }

  private static String read(Path file) {
    try {
      return Files.readString(file, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new ResourceException("%s cannot be read: %s".formatted(file, e.getMessage()), e);
    }
  }
}
