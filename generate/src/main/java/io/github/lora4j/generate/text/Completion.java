package io.github.lora4j.generate.text;

import io.github.lora4j.generate.FinishReason;
import io.github.lora4j.generate.Sequence;

/**
 * An answer.
 *
 * @param sequence its tokens
 * @param text what they say, up to a stop string
 */
public record Completion(Sequence sequence, String text, FinishReason reason) {}
