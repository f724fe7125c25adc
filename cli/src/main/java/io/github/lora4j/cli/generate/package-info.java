/** The commands that generate text: {@code lora4j generate} and {@code lora4j chat}. */
package io.github.lora4j.cli.generate;
