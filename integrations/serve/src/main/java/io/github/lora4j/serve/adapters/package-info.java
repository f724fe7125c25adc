/** Adapters of a server: loaded, replaced and removed while it answers, as vLLM's and llama-server's clients ask for it. */
package io.github.lora4j.serve.adapters;
