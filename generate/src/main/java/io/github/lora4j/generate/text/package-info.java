/** Generation from text to text: prompts to tokens, tokens to text as they come, stop strings. */
package io.github.lora4j.generate.text;
