/** Settings of methods as they stand in a recipe or in adapter_config.json: typed access, and all that is wrong with them in one error. */
package io.github.lora4j.lora.settings;
