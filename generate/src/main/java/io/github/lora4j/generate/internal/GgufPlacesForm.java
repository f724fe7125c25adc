package io.github.lora4j.generate.internal;

import io.github.lora4j.lora.model.GgufForm;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.gguf.GgufPlaces;
import java.util.Optional;

/** Where a family's parameters lie in GGUF files, for adapters. */
public record GgufPlacesForm(GgufPlaces places) implements GgufForm {

  /** That of a model; {@link GgufForm#NONE} where its family has none. */
  public static GgufForm of(Model model) {
    return GgufPlaces.find(model.architecture()).<GgufForm>map(GgufPlacesForm::new).orElse(GgufForm.NONE);
  }

  @Override
  public String architecture() {
    return places.keys().architecture();
  }

  @Override
  public Optional<String> tensor(String parameter) {
    return places.tensor(parameter);
  }

  @Override
  public long ours(String parameter, long place) {
    return places.ours(parameter, place);
  }
}
