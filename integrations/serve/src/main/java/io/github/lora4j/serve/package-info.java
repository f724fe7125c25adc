/** A server: OpenAI's API over a decoder and its adapters, with continuous batching; see {@link io.github.lora4j.serve.Server}. */
package io.github.lora4j.serve;
