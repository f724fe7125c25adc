/** Settings of generation by transformers' names, as files and users give them. */
package io.github.lora4j.generate.settings;
