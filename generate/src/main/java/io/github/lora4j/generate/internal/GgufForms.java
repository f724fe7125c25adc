package io.github.lora4j.generate.internal;

import io.github.lora4j.lora.model.GgufForm;
import io.github.lora4j.models.Model;
import io.github.lora4j.models.gguf.GgufPlaces;
import java.util.Optional;

/** How adapters of a model lie in GGUF files. */
public final class GgufForms {

  private GgufForms() {}

  /** That of a model; none where its family has no names there. */
  public static GgufForm of(Model model) {
    return GgufPlaces.find(model.architecture()).<GgufForm>map(places -> new GgufForm() {
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
    }).orElse(GgufForm.NONE);
  }
}
