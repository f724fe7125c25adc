/** From files to rows, from rows to examples of token ids with typed targets, and the order in which they are seen. */
package io.github.lora4j.train.data;
