package io.github.lora4j.vector;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

class VectorKernelsTest {

  @Test
  void agreeWithReference() {
    new KernelComparison().all();
  }

  @Test
  void attentionAgreesWithReference() {
    new AttentionComparison().all();
  }

  @Test
  void vocabularyAgreesWithReference() {
    new VocabularyComparison().all();
  }

  @ParameterizedTest
  @FieldSource("io.github.lora4j.vector.ForcedWidth#WIDTHS")
  void agreeWithReferenceAtEveryWidth(List<String> flags) throws Exception {
    ForcedWidth.run(KernelComparison.class, flags);
  }

  @ParameterizedTest
  @FieldSource("io.github.lora4j.vector.ForcedWidth#WIDTHS")
  void attentionAgreesWithReferenceAtEveryWidth(List<String> flags) throws Exception {
    ForcedWidth.run(AttentionComparison.class, flags);
  }

  @ParameterizedTest
  @FieldSource("io.github.lora4j.vector.ForcedWidth#WIDTHS")
  void vocabularyAgreesWithReferenceAtEveryWidth(List<String> flags) throws Exception {
    ForcedWidth.run(VocabularyComparison.class, flags);
  }
}
