/**
 * LoRA's settings under PEFT's names: {@link io.github.lora4j.lora.config.LoraConfig}, its JSON form, the checks of settings against each other, and
 * which modules they select in a model ({@link io.github.lora4j.lora.config.TargetSelector}).
 */
package io.github.lora4j.lora.config;
