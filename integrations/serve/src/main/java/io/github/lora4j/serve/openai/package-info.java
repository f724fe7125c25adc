/** OpenAI's API: bodies to prompts, answers to objects and events. */
package io.github.lora4j.serve.openai;
