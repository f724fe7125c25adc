/** Matrix decompositions, JSON and regular expressions as Python has them, and the model card. For this module alone. */
package io.github.lora4j.lora.internal;
