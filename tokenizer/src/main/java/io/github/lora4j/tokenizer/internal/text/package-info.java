/** Texts as code points that know where they come from, bytes, and Unicode's properties as tokenizers know them. */
package io.github.lora4j.tokenizer.internal.text;
