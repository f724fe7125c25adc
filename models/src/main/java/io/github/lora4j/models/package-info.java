/**
 * Language models as recordings: a {@link io.github.lora4j.models.ModelFamily} reads a config.json and gives an
 * {@link io.github.lora4j.models.Architecture}, which with a {@link io.github.lora4j.models.Head} is a {@link io.github.lora4j.models.Model}. Batches
 * are packed ({@link io.github.lora4j.models.PackedInputs}); {@link io.github.lora4j.models.Weights} finds a model's parameters in its files.
 */
package io.github.lora4j.models;
