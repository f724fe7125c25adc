/** How templates are read and run: lexer, parser, values that know where their characters came from, filters, tests and methods. */
package io.github.lora4j.tokenizer.chat.internal;
