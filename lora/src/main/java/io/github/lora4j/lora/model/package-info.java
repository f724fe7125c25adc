/** What an adapter needs to know of a base model: its modules, which weights are tied, and where adapters go if nothing is said. */
package io.github.lora4j.lora.model;
