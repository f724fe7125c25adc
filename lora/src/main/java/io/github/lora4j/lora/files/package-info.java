/** Adapters on disk: PEFT's directory of adapter_config.json and adapter_model.safetensors, and the checkpoints of loralib. */
package io.github.lora4j.lora.files;
