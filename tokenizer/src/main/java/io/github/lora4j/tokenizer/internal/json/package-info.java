/** Files read under limits, and JSON values that know where they lie. */
package io.github.lora4j.tokenizer.internal.json;
