/**
 * Adapters around a frozen model. An {@link io.github.lora4j.lora.Adapter} says what it adds where a model is recorded, which parameters it trains,
 * and how they are saved, merged and exported; an {@link io.github.lora4j.lora.AdapterMethod}, found as a service, makes one from a recipe or from
 * PEFT's files. {@link io.github.lora4j.lora.ForwardingAdapter} is the base of what lies around another adapter, such as
 * {@link io.github.lora4j.lora.LoraPlus}.
 */
package io.github.lora4j.lora;
