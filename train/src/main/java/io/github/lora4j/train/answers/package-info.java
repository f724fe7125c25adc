/** Models that answer the questions of a file's rows with text. */
package io.github.lora4j.train.answers;
