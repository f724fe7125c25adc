/** Several adapters on one model: served together, chosen for each sequence, stacked, exchanged while serving, and combined into one. */
package io.github.lora4j.lora.sets;
