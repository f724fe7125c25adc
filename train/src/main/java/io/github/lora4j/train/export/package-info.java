/**
 * A finished adapter on its way to other programs: merged into its base model, or by itself in PEFT's form.
 */
package io.github.lora4j.train.export;
