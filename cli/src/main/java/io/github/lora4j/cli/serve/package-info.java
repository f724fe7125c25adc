/** {@code lora4j serve}. */
package io.github.lora4j.cli.serve;
