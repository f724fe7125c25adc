/**
 * Regular expressions as the tokenizers' files hold them: Oniguruma's Ruby syntax without captures, over code points, with Unicode's tables of one
 * version, and a limit on the steps of a search. Java's own engine follows Java's tables and its stack overflows on long texts.
 */
package io.github.lora4j.tokenizer.internal.regex;
