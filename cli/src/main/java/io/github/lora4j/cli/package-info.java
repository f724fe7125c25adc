/**
 * The {@code lora4j} command: one class a verb, each of which turns options into a call of {@code train} and prints what comes back. {@link
 * io.github.lora4j.cli.Main} parses, reports errors and maps them to exit codes; nothing else ends the process or writes to its streams.
 */
package io.github.lora4j.cli;
